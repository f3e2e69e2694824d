// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/file_system.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace rhumb::daemon {
namespace {

absl::Status FileError(const std::string& what, int error) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  if (error == EACCES || error == EPERM || error == EROFS) {
    return absl::PermissionDeniedError(message);
  }
  return absl::FailedPreconditionError(message);
}

}  // namespace

bool IsNetworkFileSystemType(int64_t magic) {
  // Linux: statfs(2) and linux/magic.h; Lustre, GPFS and BeeGFS from their own sources.
  constexpr int64_t kNetworkTypes[] = {
      0x6969,      // NFS
      0x0BD00BD0,  // Lustre
      0x517B,      // SMB
      0xFF534D42,  // CIFS
      0xFE534D42,  // SMB2
      0x47504653,  // GPFS (Spectrum Scale)
      0x19830326,  // BeeGFS
      0x00C36400,  // Ceph
      0x5346414F,  // AFS
      0x7461636F,  // OCFS2
      0x01161970,  // GFS2
  };
  return std::find(std::begin(kNetworkTypes), std::end(kNetworkTypes), magic) !=
         std::end(kNetworkTypes);
}

absl::StatusOr<bool> IsOnNetworkFileSystem(const std::string& directory) {
  struct statfs info {};
  if (statfs(directory.c_str(), &info) != 0) {
    return FileError(absl::StrCat("cannot examine the file system of ", directory), errno);
  }
  // Magic numbers are 32 bits; f_type may be sign-extended.
  return IsNetworkFileSystemType(static_cast<uint32_t>(info.f_type));
}

absl::StatusOr<std::string> PrepareDatabasePath(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path full = fs::absolute(path, error);
  if (error) return FileError(absl::StrCat("cannot resolve ", path), error.value());
  const fs::path directory = full.parent_path();
  // Made one by one: create_directories would give every parent the mode of the umask.
  fs::path made;
  for (const fs::path& part : directory) {
    made /= part;
    if (mkdir(made.c_str(), 0700) == 0 || errno == EEXIST) continue;
    const int problem = errno;
    if (!fs::is_directory(made, error)) {
      return FileError(absl::StrCat("cannot create directory ", made.string()), problem);
    }
  }
  full = fs::weakly_canonical(full, error);
  if (error) return FileError(absl::StrCat("cannot resolve ", path), error.value());
  return full.string();
}

absl::Status TouchPrivateFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return FileError(absl::StrCat("cannot open ", path), errno);
  close(fd);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DaemonLock>> DaemonLock::Acquire(const std::string& database_path) {
  // A second name of the same file would have a lock and a WAL of its own.
  struct stat database = {};
  if (stat(database_path.c_str(), &database) == 0 && database.st_nlink > 1) {
    return absl::UnavailableError(
        absl::StrCat(database_path, " has ", database.st_nlink,
                     " hard links; another rhumbd may hold it by another name"));
  }
  const std::string path = database_path + ".lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return FileError(absl::StrCat("cannot open ", path), errno);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int problem = errno;
    char holder[32] = {};
    const ssize_t length = pread(fd, holder, sizeof(holder) - 1, 0);
    close(fd);
    if (problem != EWOULDBLOCK) return FileError(absl::StrCat("cannot lock ", path), problem);
    std::string pid(holder, length > 0 ? static_cast<size_t>(length) : 0);
    absl::StripAsciiWhitespace(&pid);
    return absl::UnavailableError(absl::StrCat("another rhumbd", pid.empty() ? "" : " (pid ", pid,
                                               pid.empty() ? "" : ")", " holds ", database_path));
  }
  // For people only; the lock is what counts.
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    close(fd);
    return FileError(absl::StrCat("cannot write ", path), errno);
  }
  return std::unique_ptr<DaemonLock>(new DaemonLock(fd));
}

DaemonLock::~DaemonLock() { close(fd_); }

}  // namespace rhumb::daemon
