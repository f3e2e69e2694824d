// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/caller_channels.h"

#include <fcntl.h>
#include <grpcpp/create_channel_posix.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr size_t kKeptChannelCount = 64;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> CallerChannels::For(std::optional<uid_t> uid) {
  const absl::MutexLock lock(&mutex_);
  if (!uid.has_value()) {
    if (nobody_ == nullptr) nobody_ = server_.InProcessChannel(Arguments());
    return nobody_;
  }
  const auto known = std::find_if(by_uid_.begin(), by_uid_.end(),
                                  [&](const auto& entry) { return entry.first == *uid; });
  if (known != by_uid_.end()) {
    by_uid_.splice(by_uid_.begin(), by_uid_, known);
    return known->second;
  }
  RHUMB_ASSIGN_OR_RETURN(std::shared_ptr<grpc::Channel> channel, Connect(*uid));
  by_uid_.emplace_front(*uid, channel);
  if (by_uid_.size() > kKeptChannelCount) by_uid_.pop_back();
  return channel;
}

void CallerChannels::Drop(const std::shared_ptr<grpc::Channel>& channel) {
  const absl::MutexLock lock(&mutex_);
  by_uid_.remove_if([&](const auto& entry) { return entry.second == channel; });
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> CallerChannels::Connect(uid_t uid) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    return absl::InternalError(
        absl::StrCat("cannot connect to the daemon's own services: ", std::strerror(errno)));
  }
  peers_.Register(pair[0], uid);
  grpc::AddInsecureChannelFromFd(&server_, pair[0]);
  return grpc::CreateCustomInsecureChannelFromFd("rhumbd", pair[1], Arguments());
}

}  // namespace rhumb::daemon
