// SPDX-License-Identifier: Apache-2.0
// The text of the file that an argument of a command names.
#ifndef RHUMB_CLIENT_CLI_ARGUMENT_TEXT_H_
#define RHUMB_CLIENT_CLI_ARGUMENT_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"

namespace rhumb::cli {

// The text of the file at `path`, standard input for "-", waited for as long as --timeout says.
// DEADLINE_EXCEEDED if it has not ended by then; INVALID_ARGUMENT for whatever else is wrong with
// it, not being there included: it is the user's argument.
absl::StatusOr<std::string> ReadArgumentText(const std::string& path, const Invocation& invocation);

// `path` as messages name it: "stdin" for "-".
std::string ShownPath(const std::string& path);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_ARGUMENT_TEXT_H_
