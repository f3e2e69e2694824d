// SPDX-License-Identifier: Apache-2.0
// What every RPC has besides its request: caller, request id, deadline, and a log line at its end.
#ifndef RHUMB_DAEMON_CALL_H_
#define RHUMB_DAEMON_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "daemon/peer.h"

namespace rhumb::daemon {

// Header that callers may set and every reply carries.
inline constexpr char kRequestIdHeader[] = "x-request-id";
inline constexpr char kVersionHeader[] = "x-rhumb-version";
// Seconds since 1970 by this daemon's clock, which may differ from the caller's.
inline constexpr char kTimeHeader[] = "x-rhumb-time";

// W3C trace context; logged where it is well-formed.
inline constexpr char kTraceHeader[] = "traceparent";

// `given` if it is short and printable, else a fresh one.
std::string RequestIdFor(absl::string_view given);

// Whether `text` is a traceparent of version 00, as in "00-<32 hex>-<16 hex>-<2 hex>".
bool IsTraceParent(absl::string_view text);

// Sets all three headers of the reply and returns the request id: the caller's if it is short and
// printable, else fresh.
std::string SetReplyHeaders(grpc::ServerContextBase& context);

// One call, alive while it is answered.
class Call {
 public:
  // `method` is a literal as in "PlanService/CreatePlan".
  Call(grpc::ServerContextBase& context, const char* method, const PeerRegistry& peers);

  const Caller& caller() const { return caller_; }
  // Uid that what the call makes belongs to.
  int64_t owner_uid() const { return caller_.uid; }

  // Whether the caller has gone or its deadline has passed.
  bool IsCancelled() const { return context_.IsCancelled(); }

  // True from shortly before the deadline on, so that the best answer so far still arrives, and
  // once cancelled. Cheap enough to poll.
  std::function<bool()> ShouldStop() const;

  // Where the call counts; nullptr: nowhere.
  Metrics* metrics() const { return metrics_; }

  // Logs and counts the outcome and converts it.
  grpc::Status Finish(const absl::Status& status) const;

 private:
  grpc::ServerContextBase& context_;
  const char* method_;
  const Caller caller_;
  const std::string request_id_;
  const std::string trace_parent_;  // empty: none
  const std::chrono::steady_clock::time_point began_;
  Metrics* const metrics_;
};

// Only while identities have no roles: what belongs to everybody (`what`, as in "clusters") the
// operator alone changes. PERMISSION_DENIED, NOT_OPERATOR.
absl::Status RequireOperator(const Caller& caller, absl::string_view what);

// Runs a method's implementation: `answer` is absl::StatusOr<Response>() or absl::Status().
template <typename Response, typename Answer>
grpc::Status Serve(const Call& call, Response* response, const Answer& answer) {
  auto result = answer();
  if (result.ok()) *response = *std::move(result);
  return call.Finish(result.status());
}

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_CALL_H_
