// SPDX-License-Identifier: Apache-2.0
// The HTTP side of the daemon as one part: listener, probes and API put together. It calls the
// services through gRPC as any client does and shares no state with them.
#ifndef RHUMB_DAEMON_HTTP_GATEWAY_H_
#define RHUMB_DAEMON_HTTP_GATEWAY_H_

#include <grpcpp/server.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/http/api_handler.h"
#include "daemon/http/http_listener.h"
#include "daemon/http/probes.h"
#include "daemon/metrics.h"
#include "daemon/peer.h"

namespace rhumb::daemon {

struct GatewayOptions {
  HttpListenerOptions listener;
  ApiHandlerOptions api;
  // Full names of the services whose methods are offered.
  std::vector<std::string> services;
};

// Thread-safe but for Bind and Start.
class Gateway {
 public:
  // Takes the addresses; callers wait until Start. Errors as HttpListener::Bind.
  static absl::StatusOr<std::unique_ptr<Gateway>> Bind(const GatewayOptions& options);
  ~Gateway();

  // Begins to answer; call once. `server`, `peers` and `metrics` must outlive this.
  void Start(grpc::Server& server, PeerRegistry& peers, std::vector<ReadinessCheck> checks,
             Metrics& metrics);

  // Accepts no more and ends streams; unary calls go on. Idempotent.
  void BeginDrain();
  // Waits for the calls that are left: for after the services have ended them.
  void Stop();

  // Port of TCP, 0 without.
  int tcp_port() const { return listener_->tcp_port(); }

 private:
  explicit Gateway(const GatewayOptions& options);
  HttpResponse Handle(const HttpRequest& request);
  HttpResponse Answer(const HttpRequest& request);

  const GatewayOptions options_;
  const RouteTable routes_;
  std::atomic<bool> draining_{false};
  Metrics* metrics_ = nullptr;
  std::unique_ptr<CallerChannels> channels_;
  std::unique_ptr<ApiHandler> api_;
  std::unique_ptr<Probes> probes_;
  std::unique_ptr<HttpListener> listener_;  // its threads use what is above
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_GATEWAY_H_
