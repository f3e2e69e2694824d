// SPDX-License-Identifier: Apache-2.0
// One SOCI session on a SQLite file: opening, migrating, exceptions to Status.
#ifndef RHUMB_DAEMON_STORE_SESSION_H_
#define RHUMB_DAEMON_STORE_SESSION_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/store/soci.h"

namespace rhumb::daemon {

// Runs `work`; a soci_error or any other exception becomes a Status whose text holds no bound
// value. SQLite's own message goes to the log without SOCI's context, which would quote the
// statement's values.
absl::Status Guarded(const std::function<absl::Status()>& work);

// Runs a script of statements without parameters. Throws soci::soci_error.
void RunScript(soci::session& session, const char* script);

// Whether a transaction is open: SQLite ends it by itself on a full disk or an I/O error.
bool InTransaction(soci::session& session);

struct SessionOptions {
  std::string path;  // ":memory:" for a private one
  bool wal = true;
  int busy_milliseconds = 5000;
};

// A session with busy timeout, foreign keys and synchronous=FULL set. The file must exist.
absl::StatusOr<std::unique_ptr<soci::session>> OpenSession(const SessionOptions& options);

// Refuses a file of another application or of a newer schema (FailedPrecondition), then brings an
// older or empty one up to date, each migration in one transaction. Any number of processes may do
// this at once on one file.
absl::Status PrepareSchema(soci::session& session, const SessionOptions& options);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_SESSION_H_
