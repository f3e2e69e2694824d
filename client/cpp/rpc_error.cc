// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/rpc_error.h"

#include <grpcpp/support/status.h>

#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace rhumb::client {
namespace {

// The serialized google.rpc.Status travels as a payload, so that an absl::Status stays the only
// error type.
constexpr char kStatusPayload[] = "type.googleapis.com/google.rpc.Status";

}  // namespace

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  if (!status.error_details().empty())
    result.SetPayload(kStatusPayload, absl::Cord(status.error_details()));
  return result;
}

RpcError DescribeError(const absl::Status& status) {
  RpcError error = {.code = status.code(), .message = std::string(status.message())};
  const auto payload = status.GetPayload(kStatusPayload);
  google::rpc::Status details;
  // Details that do not parse come from something that is not rhumbd; code and message still hold.
  if (!payload.has_value() || !details.ParseFromString(std::string(*payload))) return error;
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::BadRequest bad_request;
    google::rpc::ErrorInfo error_info;
    if (detail.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        error.field_violations.push_back({violation.field(), violation.description()});
      }
    } else if (detail.UnpackTo(&error_info)) {
      error.reason = error_info.reason();
    }
  }
  return error;
}

}  // namespace rhumb::client
