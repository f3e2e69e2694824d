// SPDX-License-Identifier: Apache-2.0
// Sessions, transactions and the one writer over a SQL database. SOCI's exceptions become Status
// here, and the text of a database error, which may hold bound values, stays here. Not the
// questions asked: see store.h.
#ifndef RHUMB_DAEMON_STORE_DATABASE_H_
#define RHUMB_DAEMON_STORE_DATABASE_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace soci {
class session;
}

namespace rhumb::daemon {

struct DatabaseOptions {
  // SQLite file; empty keeps everything in memory.
  std::string path;
  // Daemon: takes the lock on <path>.lock and refuses network file systems. Otherwise any number of
  // processes share the file, and a network file system gets a rollback journal instead of WAL.
  bool exclusive = false;
  // How long an open or a write waits for other processes.
  double busy_seconds = 5;
  // Instead of asking the file system; for tests.
  std::optional<bool> on_network_file_system;
};

// Thread-safe.
class Database {
 public:
  // A unit of work. May throw soci::soci_error: it becomes a Status.
  using Work = std::function<absl::Status(soci::session&)>;

  // Opens, checks that the file is ours, and migrates it.
  // Errors: PermissionDenied or FailedPrecondition (path, foreign application, newer schema,
  // network file system), DataLoss (damaged file, left as it is), Unavailable (another daemon, or
  // busy for longer than busy_seconds).
  static absl::StatusOr<std::unique_ptr<Database>> Open(const DatabaseOptions& options);

  virtual ~Database() = default;

  // Runs `work` in the writer's current IMMEDIATE transaction, which it may share with others;
  // returns after COMMIT: OK means durable. If `work` fails, what it did is undone and what others
  // did is not.
  virtual absl::Status Write(Work work) = 0;

  // Runs `work` on a session of its own beside the writer and other readers.
  virtual absl::Status Read(const Work& work) = 0;

  // Finishes queued writes, then checkpoints the log. Later writes are Unavailable. Idempotent.
  virtual void Close() = 0;
};

// Schema version that this build reads and writes.
int SchemaVersion();
// PRAGMA application_id of our files: "Rhmb".
inline constexpr int kApplicationId = 0x52686D62;

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_DATABASE_H_
