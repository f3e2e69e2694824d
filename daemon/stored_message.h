// SPDX-License-Identifier: Apache-2.0
// What messages of stored rows share: times, and resources that are applied whole.
#ifndef RHUMB_DAEMON_STORED_MESSAGE_H_
#define RHUMB_DAEMON_STORED_MESSAGE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/store/resource_store.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"

namespace rhumb::daemon {

inline constexpr double kNanosecondsPerSecond = 1e9;

// Seconds and nanoseconds since 1970 of a time that was checked before: job_news.h has the one that
// checks.
inline double SecondsOf(const google::protobuf::Timestamp& time) {
  return static_cast<double>(time.seconds()) + time.nanos() * 1e-9;
}
inline int64_t NanosecondsOf(const google::protobuf::Timestamp& time) {
  return google::protobuf::util::TimeUtil::TimestampToNanoseconds(time);
}

// Nanoseconds since 1970 in UTC, as the store keeps times.
inline google::protobuf::Timestamp ToTimestamp(int64_t nanoseconds) {
  return google::protobuf::util::TimeUtil::NanosecondsToTimestamp(nanoseconds);
}

// A cluster or GPU type as it is shown; DATA_LOSS if its bytes are no message.
template <typename Message>
absl::StatusOr<Message> ReadResource(const StoredResource& stored) {
  Message message;
  if (!message.ParseFromString(stored.content)) {
    return absl::DataLossError(stored.name + " is damaged in the store");
  }
  message.set_name(stored.name);
  message.set_version(stored.version);
  message.set_owner_uid(stored.owner_uid);
  *message.mutable_update_time() = ToTimestamp(stored.update_time_ns);
  return message;
}

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORED_MESSAGE_H_
