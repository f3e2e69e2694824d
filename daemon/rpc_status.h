// SPDX-License-Identifier: Apache-2.0
// Errors as they reach a caller: the only place where absl::Status becomes grpc::Status. Details
// travel as payloads of the absl::Status, so that code without gRPC can attach them.
#ifndef RHUMB_DAEMON_RPC_STATUS_H_
#define RHUMB_DAEMON_RPC_STATUS_H_

#include <grpcpp/support/status.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rhumb::daemon {

// Collects every bad field of a request, so that one answer names them all.
class FieldViolations {
 public:
  // The first description of a field stays; later ones for the same field are dropped.
  void Add(absl::string_view field, absl::string_view description);
  bool empty() const { return violations_.empty(); }
  bool Contains(absl::string_view field) const;
  // OK if nothing was added; else INVALID_ARGUMENT carrying google.rpc.BadRequest.
  absl::Status ToStatus() const;

 private:
  struct Violation {
    std::string field, description;
  };
  std::vector<Violation> violations_;
};

// INVALID_ARGUMENT for one field.
absl::Status FieldError(absl::string_view field, absl::string_view description);

// A failed status that carries google.rpc.ErrorInfo{reason, domain "rhumb"}; `reason` is
// UPPER_SNAKE.
absl::Status ErrorWithReason(absl::StatusCode code, absl::string_view reason,
                             absl::string_view message);

// Payloads become details of google.rpc.Status. A failed status without any detail gets an
// ErrorInfo whose reason is the name of its code.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RPC_STATUS_H_
