// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/probes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/http/http_error.h"
#include "daemon/http/request_guard.h"

namespace rhumb::daemon {
namespace {

constexpr std::array<const char*, 4> kPaths = {"/healthz", "/livez", "/readyz", "/metrics"};

HttpResponse Text(int status, std::string text) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

bool IsVerbose(const HttpRequest& request) {
  return std::any_of(request.query.begin(), request.query.end(),
                     [](const auto& parameter) { return parameter.first == "verbose"; });
}

}  // namespace

Probes::Probes(std::vector<ReadinessCheck> checks, std::function<std::string()> metrics)
    : checks_(std::move(checks)), metrics_(std::move(metrics)) {}

bool Probes::IsProbe(absl::string_view start) {
  const absl::string_view path = start.substr(std::min(start.find(' '), start.size() - 1) + 1);
  return std::any_of(kPaths.begin(), kPaths.end(),
                     [&](const char* known) { return path == known; });
}

std::optional<HttpResponse> Probes::Handle(const HttpRequest& request) const {
  if (!IsProbe(absl::StrCat(" ", request.path))) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse response = ErrorResponse(405, absl::StatusCode::kUnimplemented,
                                          "METHOD_NOT_ALLOWED", "probes take GET, HEAD");
    response.headers.emplace_back("Allow", "GET, HEAD");
    return response;
  }
  if (request.path == "/readyz") return Ready(IsVerbose(request));
  if (request.path == "/metrics") {
    // Of the four, the only one that tells a page of another origin anything.
    if (std::optional<HttpResponse> foreign = RefuseForeignPage(request); foreign.has_value())
      return foreign;
    HttpResponse response = Text(200, metrics_());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }
  return Text(200, IsVerbose(request) ? "[+]process ok\nok\n" : "ok\n");
}

HttpResponse Probes::Ready(bool verbose) const {
  std::string lines;
  bool ready = true;
  for (const ReadinessCheck& check : checks_) {
    const absl::Status status = check.check();
    ready = ready && status.ok();
    absl::StrAppend(&lines, status.ok() ? "[+]" : "[-]", check.name, " ",
                    status.ok() ? "ok" : std::string(status.message()), "\n");
  }
  return Text(ready ? 200 : 503,
              absl::StrCat(verbose || !ready ? lines : "", ready ? "ok\n" : "not ready\n"));
}

}  // namespace rhumb::daemon
