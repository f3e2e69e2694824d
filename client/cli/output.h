// SPDX-License-Identifier: Apache-2.0
// What -o chooses between, and the three forms of the same tree: JSON, YAML, CSV.
#ifndef RHUMB_CLIENT_CLI_OUTPUT_H_
#define RHUMB_CLIENT_CLI_OUTPUT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/table.h"
#include "google/protobuf/message.h"

namespace rhumb::cli {

enum class OutputFormat { kTable, kWide, kJson, kYaml, kCsv, kName };

struct OutputOptions {
  OutputFormat format = OutputFormat::kTable;
  TableOptions table;
};

// Names of -o, in the order of OutputFormat.
std::vector<std::string> OutputFormats();

// INVALID_ARGUMENT if the flags contradict each other.
absl::StatusOr<OutputOptions> ReadOutputOptions(const Invocation& invocation);

// `json` (one object, as PrintJson gives it) as YAML: the same keys, order and numbers.
absl::StatusOr<std::string> YamlOfJson(absl::string_view json);

// `json` as CSV after RFC 4180 with line feeds: one row, or one a member where the object's first
// key holds a list of objects (a List response). Columns are the keys joined by dots, in order of
// appearance over all rows; a list inside a row is one cell of JSON; absent is empty.
absl::StatusOr<std::string> CsvOfJson(absl::string_view json, bool header);

// Writes `message` as -o says. `table` makes the text of table and wide, `names` are the lines of
// -o name.
absl::Status WriteMessage(const google::protobuf::Message& message, const OutputOptions& options,
                          const std::function<std::string()>& table,
                          const std::vector<std::string>& names, Context& context);

// As WriteMessage, of a tree that is no message.
absl::Status WriteJson(absl::string_view json, const OutputOptions& options,
                       const std::function<std::string()>& table,
                       const std::vector<std::string>& names, Context& context);

// Whether what is written to `context.out` is seen at once on a terminal, where it can be redrawn.
bool IsOnScreen(const Context& context);

// A remark on stderr, "rhumb: text", unless -q was given.
void Remark(const Invocation& invocation, Context& context, absl::string_view text);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_OUTPUT_H_
