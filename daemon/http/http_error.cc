// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_error.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/rpc_status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/json/json_printer.h"
#include "proto/json/json_tree.h"

namespace rhumb::daemon {

int HttpStatusOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return 200;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::OUT_OF_RANGE:
      return 400;
    case grpc::StatusCode::UNAUTHENTICATED:
      return 401;
    case grpc::StatusCode::PERMISSION_DENIED:
      return 403;
    case grpc::StatusCode::NOT_FOUND:
      return 404;
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::ABORTED:
      return 409;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return 429;
    case grpc::StatusCode::CANCELLED:
      return 499;
    case grpc::StatusCode::UNIMPLEMENTED:
      return 501;
    case grpc::StatusCode::UNAVAILABLE:
      return 503;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return 504;
    default:
      return 500;
  }
}

std::string ErrorBody(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  std::string reason, violations;
  for (const auto& any : details.details()) {
    google::rpc::BadRequest bad;
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations()) {
        absl::StrAppend(&violations, violations.empty() ? "" : ",",
                        "{\"field\":", QuoteJson(violation.field()),
                        ",\"description\":", QuoteJson(violation.description()), "}");
      }
    } else if (any.UnpackTo(&info)) {
      reason = info.reason();
    }
  }
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  return absl::StrCat("{\"code\":", QuoteJson(absl::StatusCodeToString(code)),
                      ",\"message\":", QuoteJson(status.error_message()),
                      reason.empty() ? "" : absl::StrCat(",\"reason\":", QuoteJson(reason)),
                      ",\"field_violations\":[", violations, "]}\n");
}

HttpResponse ErrorResponse(const grpc::Status& status) {
  HttpResponse response;
  response.status = HttpStatusOf(status.error_code());
  response.body = ErrorBody(status);
  return response;
}

HttpResponse ErrorResponse(int http_status, absl::StatusCode code, absl::string_view reason,
                           absl::string_view message) {
  HttpResponse response = ErrorResponse(ToGrpcStatus(ErrorWithReason(code, reason, message)));
  response.status = http_status;
  return response;
}

std::string QuotedHeader(absl::string_view value) {
  constexpr size_t kShown = 100;
  std::string text(value.substr(0, kShown));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return absl::StrCat("\"", text, value.size() > kShown ? "...\"" : "\"");
}

absl::Status WithFields(const absl::Status& refusal) {
  FieldViolations violations;
  for (const JsonRefusal& each : RefusalsOf(refusal)) {
    if (each.path.empty()) return refusal;
    violations.Add(each.path, each.problem);
  }
  const absl::Status status = violations.ToStatus();
  return status.ok() ? refusal : status;
}

}  // namespace rhumb::daemon
