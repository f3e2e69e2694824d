// SPDX-License-Identifier: Apache-2.0
// A failed RPC as plain data: what the daemon said, with every field it refused.
#ifndef RHUMB_CLIENT_CPP_RPC_ERROR_H_
#define RHUMB_CLIENT_CPP_RPC_ERROR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace grpc {
class Status;
}

namespace rhumb::client {

// One field of a request that was refused: its path in the message, and what is wrong or allowed.
struct FieldViolation {
  std::string field, description;

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

struct RpcError {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::string message = {};
  std::vector<FieldViolation> field_violations =
      {};                   // of google.rpc.BadRequest; empty for other errors
  std::string reason = {};  // of google.rpc.ErrorInfo, UPPER_SNAKE; empty if not said
};

// `status` with the daemon's details attached, or OK.
absl::Status FromGrpcStatus(const grpc::Status& status);

// What FromGrpcStatus attached to a failed `status`. Any other status gives its code and message.
RpcError DescribeError(const absl::Status& status);

}  // namespace rhumb::client

#endif  // RHUMB_CLIENT_CPP_RPC_ERROR_H_
