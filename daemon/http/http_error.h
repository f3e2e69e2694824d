// SPDX-License-Identifier: Apache-2.0
// Errors as HTTP callers see them: a status, and the same JSON body from everywhere.
#ifndef RHUMB_DAEMON_HTTP_HTTP_ERROR_H_
#define RHUMB_DAEMON_HTTP_HTTP_ERROR_H_

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "daemon/http/http_message.h"

namespace rhumb::daemon {

// google.rpc.Code's HTTP mapping; 500 for what is no code.
int HttpStatusOf(grpc::StatusCode code);

// {"code","message","reason","field_violations":[{"field","description"}]}; `reason` only where
// there is one.
std::string ErrorBody(const grpc::Status& status);

// The answer to a call that failed.
HttpResponse ErrorResponse(const grpc::Status& status);

// An error of HTTP itself, as 405; `code` is the nearest one of gRPC.
HttpResponse ErrorResponse(int http_status, absl::StatusCode code, absl::string_view reason,
                           absl::string_view message);

// What a caller sent in a header, fit to be quoted: printable ASCII, cut to a readable length.
std::string QuotedHeader(absl::string_view value);

// INVALID_ARGUMENT of the JSON library, with its fields.
absl::Status WithFields(const absl::Status& refusal);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_HTTP_ERROR_H_
