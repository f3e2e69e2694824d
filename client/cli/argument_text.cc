// SPDX-License-Identifier: Apache-2.0
#include "client/cli/argument_text.h"

#include <optional>

#include "absl/status/status.h"
#include "client/cli/request_fields.h"
#include "client/config/text_file.h"
#include "planner/status_macros.h"

namespace rhumb::cli {

absl::StatusOr<std::string> ReadArgumentText(const std::string& path,
                                             const Invocation& invocation) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<double> timeout, ReadTimeoutSeconds(invocation));
  absl::StatusOr<std::string> text = ReadTextFileOrInput(path, {.timeout_seconds = timeout});
  if (text.ok() || absl::IsDeadlineExceeded(text.status())) return text;
  return absl::InvalidArgumentError(text.status().message());
}

std::string ShownPath(const std::string& path) { return path == "-" ? "stdin" : path; }

}  // namespace rhumb::cli
