// SPDX-License-Identifier: Apache-2.0
// What the store must know of the file system under its file: network or local, and who else runs a
// daemon on it.
#ifndef RHUMB_DAEMON_STORE_FILE_SYSTEM_H_
#define RHUMB_DAEMON_STORE_FILE_SYSTEM_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rhumb::daemon {

// Whether statfs's f_type is a network file system, on which SQLite's WAL (shared memory) is
// unsafe.
bool IsNetworkFileSystemType(int64_t magic);

// Whether `directory` lies on one. FailedPrecondition if it cannot be examined.
absl::StatusOr<bool> IsOnNetworkFileSystem(const std::string& directory);

// The path without symbolic links, so that two names of one file share one lock; parents are
// created with mode 0700. PermissionDenied or FailedPrecondition names the directory that could not
// be made.
absl::StatusOr<std::string> PrepareDatabasePath(const std::string& path);

// Creates an empty file readable by its owner only, or leaves an existing one alone.
absl::Status TouchPrivateFile(const std::string& path);

// An advisory lock on <path>.lock, held until destroyed or the process ends, however it ends.
class DaemonLock {
 public:
  // Unavailable, with the holder's pid, when another process holds it.
  static absl::StatusOr<std::unique_ptr<DaemonLock>> Acquire(const std::string& database_path);
  ~DaemonLock();
  DaemonLock(const DaemonLock&) = delete;
  DaemonLock& operator=(const DaemonLock&) = delete;

 private:
  explicit DaemonLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_FILE_SYSTEM_H_
