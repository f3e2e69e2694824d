// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/request_guard.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/http/http_error.h"
#include "daemon/loopback.h"

namespace rhumb::daemon {
namespace {

// "[::1]:7449" -> "[::1]".
absl::string_view WithoutPort(absl::string_view authority) {
  const size_t colon = authority.rfind(':');
  const size_t bracket = authority.rfind(']');
  if (colon == absl::string_view::npos) return authority;
  if (bracket != absl::string_view::npos && colon < bracket) return authority;
  return authority.substr(0, colon);
}

HttpResponse Refuse(absl::string_view reason, absl::string_view message) {
  return ErrorResponse(403, absl::StatusCode::kPermissionDenied, reason, message);
}

}  // namespace

std::optional<HttpResponse> RefuseForeignPage(const HttpRequest& request) {
  if (request.uid.has_value()) return std::nullopt;
  const std::string host = absl::AsciiStrToLower(request.Header("host"));
  if (!IsLoopbackHost(WithoutPort(host))) {
    return Refuse("HOST_NOT_LOOPBACK",
                  "the Host of a request must be localhost, 127.0.0.1 or [::1]");
  }
  if (request.method == "GET" || request.method == "HEAD") return std::nullopt;
  const std::string site = request.Header("sec-fetch-site");
  const std::string origin = absl::AsciiStrToLower(request.Header("origin"));
  const bool same_origin = origin.empty() || origin == absl::StrCat("http://", host);
  const bool same_site = site.empty() || site == "same-origin" || site == "none";
  if (same_origin && same_site) return std::nullopt;
  return Refuse("CROSS_ORIGIN", "pages of another origin may not change anything here");
}

}  // namespace rhumb::daemon
