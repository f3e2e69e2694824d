// SPDX-License-Identifier: Apache-2.0
// Channels to this process' own services on behalf of HTTP callers, so that a service knows a
// caller by uid exactly as over its own unix socket.
#ifndef RHUMB_DAEMON_HTTP_CALLER_CHANNELS_H_
#define RHUMB_DAEMON_HTTP_CALLER_CHANNELS_H_

#include <grpcpp/channel.h>
#include <grpcpp/server.h>
#include <sys/types.h>

#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "daemon/peer.h"

namespace rhumb::daemon {

// One connection a uid, over a socket pair whose server side is registered as that uid's; those of
// the uids that called last are kept. A connection that is dropped ends with the last call on it.
// Thread-safe.
class CallerChannels {
 public:
  // Both must outlive this.
  CallerChannels(grpc::Server& server, PeerRegistry& peers) : server_(server), peers_(peers) {}

  // For nullopt the in-process channel, whose callers are nobody in particular. Internal when the
  // process has no descriptor left.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> For(std::optional<uid_t> uid);

  // After a call on it was UNAVAILABLE: a broken connection has no address to be made again from.
  void Drop(const std::shared_ptr<grpc::Channel>& channel);

 private:
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(uid_t uid);

  grpc::Server& server_;
  PeerRegistry& peers_;
  absl::Mutex mutex_;
  // Last used first.
  std::list<std::pair<uid_t, std::shared_ptr<grpc::Channel>>> by_uid_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<grpc::Channel> nobody_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_CALLER_CHANNELS_H_
