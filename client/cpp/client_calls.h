// SPDX-License-Identifier: Apache-2.0
// How a client calls: attempts, deadlines, stubs. Only sources of the client include it.
#ifndef RHUMB_CLIENT_CPP_CLIENT_CALLS_H_
#define RHUMB_CLIENT_CPP_CLIENT_CALLS_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "client/cpp/rpc_error.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rhumb/v1/cluster_service.grpc.pb.h"
#include "rhumb/v1/law_service.grpc.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "rhumb/v1/run_service.grpc.pb.h"

namespace rhumb::client {

// How long an interrupt may go unnoticed.
inline constexpr absl::Duration kBetweenLooks = absl::Milliseconds(100);

enum class Repeatable { kNo, kYes };

// Runs `attempt(context, response)` until it answers, fails for good, or the attempts or the time
// are used up.
template <typename Response, typename Run>
absl::StatusOr<Response> Attempt(const ClientOptions& options, Repeatable repeatable,
                                 const Run& attempt_once) {
  const absl::Time deadline = absl::Now() + options.timeout;
  absl::Duration backoff = options.initial_backoff;
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    if (options.timeout < absl::InfiniteDuration())
      context.set_deadline(absl::ToChronoTime(deadline));
    Response response;
    const grpc::Status status = attempt_once(context, response);
    if (status.ok()) return response;
    const bool again = repeatable == Repeatable::kYes && attempt < options.max_attempts &&
                       status.error_code() == grpc::StatusCode::UNAVAILABLE &&
                       absl::Now() + backoff < deadline;
    if (!again) return FromGrpcStatus(status);
    absl::SleepFor(backoff);
    backoff *= 2;
  }
}

// The same for `method` of `stub`.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(
    Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request, const ClientOptions& options, Repeatable repeatable) {
  return Attempt<Response>(options, repeatable,
                           [&](grpc::ClientContext& context, Response& response) {
                             return (stub.*method)(&context, request, &response);
                           });
}

// How a call ended whose messages have been read, on a queue of its own, which it empties.
template <typename Reader>
grpc::Status FinishOf(Reader& reader, grpc::CompletionQueue& queue) {
  grpc::Status status;
  reader.Finish(&status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status;
}

struct Client::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : plan(channel), law(channel), cluster(channel), run(channel), health(channel) {}

  v1::PlanService::Stub plan;
  v1::LawService::Stub law;
  v1::ClusterService::Stub cluster;
  v1::RunService::Stub run;
  ::grpc::health::v1::Health::Stub health;
};

}  // namespace rhumb::client

#endif  // RHUMB_CLIENT_CPP_CLIENT_CALLS_H_
