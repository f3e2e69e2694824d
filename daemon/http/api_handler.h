// SPDX-License-Identifier: Apache-2.0
// What /v1/... answers: finds the RPC, makes its messages, calls it as the caller, and gives back
// JSON, or server-sent events where the RPC streams. Knows no service and no socket.
#ifndef RHUMB_DAEMON_HTTP_API_HANDLER_H_
#define RHUMB_DAEMON_HTTP_API_HANDLER_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/http/caller_channels.h"
#include "daemon/http/forward_call.h"
#include "daemon/http/http_message.h"
#include "daemon/http/route_table.h"

namespace rhumb::daemon {

// Seconds, as a number, that the call may take; grpc-timeout ("1500m") is taken too.
inline constexpr char kTimeoutHeader[] = "x-rhumb-timeout-seconds";

struct ApiHandlerOptions {
  // Streams that are open at once; the next one is told to try again.
  int max_stream_count = 32;
  // A stream says something at least so often, so that proxies keep it and the lost are noticed.
  std::chrono::milliseconds heartbeat{15'000};
};

// Thread-safe.
class ApiHandler {
 public:
  // All must outlive this; `is_draining` ends streams.
  ApiHandler(const RouteTable& routes, CallerChannels& channels, ApiHandlerOptions options,
             std::function<bool()> is_draining);

  HttpResponse Handle(const HttpRequest& request);

  int stream_count() const { return *stream_count_; }

 private:
  absl::StatusOr<HttpResponse> Call(const HttpRequest& request, const RouteMatch& match,
                                    const std::string& request_id);
  HttpResponse AnswerUnary(ForwardCall& call, const Route& route);
  HttpResponse AnswerStream(std::shared_ptr<ForwardCall> call, const Route& route,
                            std::shared_ptr<void> slot);
  HttpResponse Index() const;

  const RouteTable& routes_;
  CallerChannels& channels_;
  const ApiHandlerOptions options_;
  const std::function<bool()> is_draining_;
  // Shared with streams, which a connection may hold for longer.
  const std::shared_ptr<std::atomic<int>> stream_count_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_API_HANDLER_H_
