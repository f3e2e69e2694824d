// SPDX-License-Identifier: Apache-2.0
// Who is calling: our own acceptor on the unix socket learns each caller's uid from the kernel
// before gRPC sees the connection.
#ifndef RHUMB_DAEMON_PEER_H_
#define RHUMB_DAEMON_PEER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace rhumb::daemon {

class Metrics;

// The kernel's overflow uid: what a caller over TCP is, about whom nothing is known.
inline constexpr int64_t kNobodyUid = 65534;

struct Caller {
  int64_t uid = kNobodyUid;
  bool known = false;  // false over TCP

  // May change what belongs to everybody: the daemon's own user and root.
  bool IsOperator() const;
  bool MayChange(int64_t owner_uid) const { return known && (uid == owner_uid || IsOperator()); }
};

// Maps gRPC's name of a peer to a caller. A connection handed over by descriptor N is "fd:N"; gRPC
// has no name for callers of the in-process transport, so they are known only where nobody else can
// call.
//
// The number is safe to use while a call is being answered: gRPC closes the descriptor only when
// the transport is destroyed, which every call on it keeps alive, so the kernel cannot give N to
// another connection before (peer_test pins this). Whoever gets N later is registered before gRPC
// learns of it. Thread-safe.
class PeerRegistry {
 public:
  // With `in_process_only` every caller is this process itself.
  // `metrics`, if any, counts what callers ask, and must outlive this.
  explicit PeerRegistry(bool in_process_only = false, Metrics* metrics = nullptr)
      : in_process_only_(in_process_only), metrics_(metrics) {}

  void Register(int fd, uid_t uid);
  Caller Find(absl::string_view peer) const;
  Metrics* metrics() const { return metrics_; }

 private:
  const bool in_process_only_;
  Metrics* const metrics_;
  mutable absl::Mutex mutex_;
  std::unordered_map<int, uid_t> uid_by_fd_ ABSL_GUARDED_BY(mutex_);
};

// Accepts on a unix socket in a thread of its own and hands each connection over.
class UnixAcceptor {
 public:
  // Takes the connected, non-blocking descriptor.
  using Handler = std::function<void(int fd)>;

  // Replaces a socket file nobody listens on. Errors: Unavailable if somebody does,
  // FailedPrecondition for a path that is no socket or too long, PermissionDenied.
  static absl::StatusOr<std::unique_ptr<UnixAcceptor>> Listen(const std::string& path, int mode,
                                                              PeerRegistry& peers);

  // Begins to accept; call once.
  void Start(Handler handler);
  // Stops accepting and removes the socket file if it is still ours. Idempotent.
  void Stop();
  ~UnixAcceptor();

 private:
  UnixAcceptor(std::string path, int listen_fd, int wake_fd, PeerRegistry& peers);
  void Run(const Handler& handler);

  const std::string path_;
  const int listen_fd_, wake_fd_;
  uint64_t inode_ = 0, device_ = 0;
  PeerRegistry& peers_;
  std::thread thread_;
  bool stopped_ = false;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_PEER_H_
