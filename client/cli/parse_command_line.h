// SPDX-License-Identifier: Apache-2.0
// Words of a command line to a command and what was given to it. Values are not read here, only
// attributed.
#ifndef RHUMB_CLIENT_CLI_PARSE_COMMAND_LINE_H_
#define RHUMB_CLIENT_CLI_PARSE_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"

namespace rhumb::cli {

struct CommandLine {
  // Null when only help was asked for, of everything or of the group `help_group` ("law").
  const Command* command = nullptr;
  std::string help_group;
  bool help = false;
  Invocation invocation;
};

// The command that `words` begin with, or null: for hints where the rest of the line cannot be
// read.
const Command* CommandOf(const std::vector<std::string>& words);

// `words` without the program's name. INVALID_ARGUMENT names the flag or word: unknown, given
// twice, without a value, with an empty value, outside its choices, too many or too few arguments.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& words);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PARSE_COMMAND_LINE_H_
