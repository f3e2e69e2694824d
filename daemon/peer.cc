// SPDX-License-Identifier: Apache-2.0
#include "daemon/peer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/process/log.h"

namespace rhumb::daemon {
namespace {

absl::Status SocketError(absl::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat(what, " ", path, ": ", std::strerror(error));
  if (error == EACCES || error == EPERM || error == EROFS)
    return absl::PermissionDeniedError(message);
  return absl::FailedPreconditionError(message);
}

int OpenSocket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

// Removes a socket file that a dead daemon left; refuses a live one and anything else.
absl::Status RemoveStaleSocket(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : SocketError("cannot examine", path, errno);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " exists and is not a socket"));
  }
  const int fd = OpenSocket();
  if (fd < 0) return SocketError("cannot make a socket for", path, errno);
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const int error = connected ? 0 : errno;
  close(fd);
  // EAGAIN: somebody listens and has more callers waiting than fit.
  if (connected || error == EAGAIN || error == EINPROGRESS) {
    return absl::UnavailableError(absl::StrCat("another process listens on ", path));
  }
  if (error != ECONNREFUSED && error != ENOENT) return SocketError("cannot test", path, error);
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return SocketError("cannot remove stale", path, errno);
  return absl::OkStatus();
}

}  // namespace

bool Caller::IsOperator() const {
  return known && (uid == 0 || uid == static_cast<int64_t>(geteuid()));
}

void PeerRegistry::Register(int fd, uid_t uid) {
  const absl::MutexLock lock(&mutex_);
  uid_by_fd_[fd] = uid;
}

Caller PeerRegistry::Find(absl::string_view peer) const {
  if (in_process_only_) return {.uid = static_cast<int64_t>(geteuid()), .known = true};
  int fd = 0;
  if (absl::ConsumePrefix(&peer, "fd:") && absl::SimpleAtoi(peer, &fd)) {
    const absl::MutexLock lock(&mutex_);
    const auto found = uid_by_fd_.find(fd);
    if (found != uid_by_fd_.end())
      return {.uid = static_cast<int64_t>(found->second), .known = true};
    return {};
  }
  return {};
}

absl::StatusOr<std::unique_ptr<UnixAcceptor>> UnixAcceptor::Listen(const std::string& path,
                                                                   int mode, PeerRegistry& peers) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "socket path must be shorter than ", sizeof(address.sun_path), " bytes, got ", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (absl::Status stale = RemoveStaleSocket(path, address); !stale.ok()) return stale;

  const int fd = OpenSocket();
  if (fd < 0) return SocketError("cannot make a socket for", path, errno);
  // The mode is set before listen(), so nobody connects with a wider one.
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
      chmod(path.c_str(), static_cast<mode_t>(mode)) != 0 || listen(fd, SOMAXCONN) != 0) {
    const int error = errno;
    close(fd);
    return SocketError("cannot listen on", path, error);
  }
  const int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) {
    close(fd);
    return SocketError("cannot make an event for", path, errno);
  }
  return std::unique_ptr<UnixAcceptor>(new UnixAcceptor(path, fd, wake_fd, peers));
}

UnixAcceptor::UnixAcceptor(std::string path, int listen_fd, int wake_fd, PeerRegistry& peers)
    : path_(std::move(path)), listen_fd_(listen_fd), wake_fd_(wake_fd), peers_(peers) {
  struct stat info {};
  if (lstat(path_.c_str(), &info) == 0) {
    inode_ = info.st_ino;
    device_ = info.st_dev;
  }
}

UnixAcceptor::~UnixAcceptor() {
  Stop();
  close(wake_fd_);
}

void UnixAcceptor::Start(Handler handler) {
  thread_ = std::thread([this, handler = std::move(handler)] { Run(handler); });
}

void UnixAcceptor::Run(const Handler& handler) {
  pollfd waits[2] = {{.fd = listen_fd_, .events = POLLIN, .revents = 0},
                     {.fd = wake_fd_, .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(waits, 2, -1) < 0 && errno != EINTR) break;
    if (waits[1].revents != 0) return;
    if (waits[0].revents == 0) continue;
    const int fd = accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        Log(LogLevel::kWarning, "cannot accept a connection", {{"error", std::strerror(errno)}});
        poll(&waits[1], 1, 100);  // the connection stays queued; try again when one may have closed
      }
      continue;
    }
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
      close(fd);
      continue;
    }
    peers_.Register(fd, credentials.uid);
    handler(fd);
  }
}

void UnixAcceptor::Stop() {
  if (std::exchange(stopped_, true)) return;
  const uint64_t one = 1;
  (void)!write(wake_fd_, &one, sizeof(one));
  if (thread_.joinable()) thread_.join();
  // Only our own file: an administrator may have put another daemon's socket in its place.
  struct stat info {};
  if (lstat(path_.c_str(), &info) == 0 && info.st_ino == inode_ && info.st_dev == device_) {
    unlink(path_.c_str());
  }
  close(listen_fd_);
}

}  // namespace rhumb::daemon
