// SPDX-License-Identifier: Apache-2.0
// What probes ask: /healthz and /livez (the process answers), /readyz (it can serve), /metrics.
// Answered by threads kept for them, so that they answer however busy the API is.
#ifndef RHUMB_DAEMON_HTTP_PROBES_H_
#define RHUMB_DAEMON_HTTP_PROBES_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "daemon/http/http_message.h"

namespace rhumb::daemon {

// One thing that must hold for the daemon to serve. Thread-safe and quick.
struct ReadinessCheck {
  std::string name;  // "database"
  std::function<absl::Status()> check;
};

// Immutable, so free to share between threads.
class Probes {
 public:
  // `metrics` makes the text of /metrics.
  Probes(std::vector<ReadinessCheck> checks, std::function<std::string()> metrics);

  // Whether a request that starts so ("GET /healthz") is a probe's.
  static bool IsProbe(absl::string_view start);

  // nullopt for another path.
  std::optional<HttpResponse> Handle(const HttpRequest& request) const;

 private:
  HttpResponse Ready(bool verbose) const;

  const std::vector<ReadinessCheck> checks_;
  const std::function<std::string()> metrics_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_PROBES_H_
