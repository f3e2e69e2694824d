// SPDX-License-Identifier: Apache-2.0
// A whole planning question as a file: `rhumb plan -f FILE` reads it, `--save FILE` writes it.
#ifndef RHUMB_CLIENT_CLI_QUESTION_FILE_H_
#define RHUMB_CLIENT_CLI_QUESTION_FILE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// The question in `text`: TOML, or JSON where it begins with a brace. Keys are the fields of
// CreatePlanRequest, as
//
//   deadline_seconds = "21d"          # a number in base units, or what the flag takes
//   unique_token_count = "4T"
//   architecture = "llama.json"       # a file beside this one, or a table
//   gpu_pools = ["256xH100-SXM5-80GB@2.5"]   # or [[gpu_pools]] tables
//   [layout]
//   zero_stage = 1
//
// `folder` is where relative files are sought, dates count from `now_unix_seconds`. A file named in
// it is waited for as in ReadQuestionFile.
// INVALID_ARGUMENT names key and value (in TOML with line and column): unknown (with the nearest
// key), wrong type, NaN, infinite, beyond its type.
absl::StatusOr<v1::CreatePlanRequest> ParseQuestion(
    absl::string_view text, absl::string_view folder, double now_unix_seconds,
    std::optional<double> timeout_seconds = std::nullopt);

// As ParseQuestion of the file at `path`, which stands in front of every message. What is no
// regular file, as the pipe of `<(command)`, is waited for up to `timeout_seconds` (nullopt: for
// good) and then is DEADLINE_EXCEEDED.
absl::StatusOr<v1::CreatePlanRequest> ReadQuestionFile(
    absl::string_view path, double now_unix_seconds,
    std::optional<double> timeout_seconds = std::nullopt);

// `request` as TOML that ParseQuestion reads back to the same message.
std::string PrintQuestion(const v1::CreatePlanRequest& request);

// Writes PrintQuestion to the file at `path`. INVALID_ARGUMENT if it cannot be written.
absl::Status WriteQuestionFile(const v1::CreatePlanRequest& request, absl::string_view path);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_QUESTION_FILE_H_
