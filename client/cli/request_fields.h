// SPDX-License-Identifier: Apache-2.0
// Texts and document values into the fields of a request, over reflection. Ranges are the daemon's
// business; here only what cannot be put into the field at all is refused.
#ifndef RHUMB_CLIENT_CLI_REQUEST_FIELDS_H_
#define RHUMB_CLIENT_CLI_REQUEST_FIELDS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/command.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace rhumb::cli {

// The values of an enum as the command line shows them: without type prefix, lower case, dashes.
std::vector<std::string> EnumChoices(const google::protobuf::EnumDescriptor& type);

// "lifetime-cost" of OBJECTIVE_LIFETIME_COST.
std::string EnumChoice(const google::protobuf::EnumValueDescriptor& value);

// Puts `text`, read as `kind` says, into the field at `path` ("layout.zero_stage") of `message`; a
// repeated field gets one more value. Dates count from `now_unix_seconds`. INVALID_ARGUMENT says
// what was given and what is allowed, without naming the field.
absl::Status SetField(google::protobuf::Message& message, absl::string_view path, FlagKind kind,
                      absl::string_view text, double now_unix_seconds);

// Applies every flag of `flags` that names a field and was given. INVALID_ARGUMENT begins with the
// flag's title; all wrong flags are reported at once, one a line.
absl::Status SetFieldsFromFlags(const std::vector<Flag>& flags, const Invocation& invocation,
                                double now_unix_seconds, google::protobuf::Message& message);

// --timeout in seconds, nullopt if it is not given; INVALID_ARGUMENT if it is no duration.
absl::StatusOr<std::optional<double>> ReadTimeoutSeconds(const Invocation& invocation);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_REQUEST_FIELDS_H_
