// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/gateway.h"

#include <exception>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "daemon/http/http_error.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {

Gateway::Gateway(const GatewayOptions& options) : options_(options), routes_(options.services) {}

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Bind(const GatewayOptions& options) {
  std::unique_ptr<Gateway> gateway(new Gateway(options));
  RHUMB_ASSIGN_OR_RETURN(gateway->listener_, HttpListener::Bind(options.listener));
  return gateway;
}

Gateway::~Gateway() { Stop(); }

void Gateway::Start(grpc::Server& server, PeerRegistry& peers, std::vector<ReadinessCheck> checks,
                    Metrics& metrics) {
  metrics_ = &metrics;
  channels_ = std::make_unique<CallerChannels>(server, peers);
  api_ = std::make_unique<ApiHandler>(routes_, *channels_, options_.api,
                                      [this] { return draining_.load(); });
  probes_ = std::make_unique<Probes>(std::move(checks), [&metrics] { return metrics.Text(); });
  metrics.AddGauges([this]() -> std::vector<GaugeSample> {
    return {{.name = "rhumb_http_connections",
             .help = "Open connections of HTTP.",
             .labels = {},
             .value = static_cast<double>(listener_->connection_count())},
            {.name = "rhumb_http_streams",
             .help = "Open server-sent event streams.",
             .labels = {},
             .value = static_cast<double>(api_->stream_count())}};
  });
  listener_->Start([this](const HttpRequest& request) { return Handle(request); },
                   [](absl::string_view start) { return Probes::IsProbe(start); });
}

HttpResponse Gateway::Handle(const HttpRequest& request) {
  HttpResponse response = Answer(request);
  metrics_->CountHttp(response.status);
  return response;
}

HttpResponse Gateway::Answer(const HttpRequest& request) {
  // The codec could not read it.
  if (request.method.empty()) {
    return ErrorResponse(400, absl::StatusCode::kInvalidArgument, "BAD_HTTP",
                         "the request line or a header field cannot be read");
  }
  try {
    if (std::optional<HttpResponse> probe = probes_->Handle(request); probe.has_value())
      return *std::move(probe);
    return api_->Handle(request);
  } catch (const std::exception& error) {
    // Memory, or a library: one request fails, not the daemon.
    return ErrorResponse(500, absl::StatusCode::kInternal, "INTERNAL", error.what());
  }
}

void Gateway::BeginDrain() {
  draining_ = true;
  listener_->StopAccepting();
}

void Gateway::Stop() {
  draining_ = true;
  if (listener_ != nullptr) listener_->Stop();
}

}  // namespace rhumb::daemon
