// SPDX-License-Identifier: Apache-2.0
// A job script as its simple commands, as far as they can be known without running it: quotes,
// continued lines, variables and arrays with literal values, integer arithmetic. What depends on
// anything else (command substitution, the environment, what a branch or loop assigns) is unknown
// and stays so, never a guess.
#ifndef RHUMB_CLIENT_LAUNCH_SHELL_SCRIPT_H_
#define RHUMB_CLIENT_LAUNCH_SHELL_SCRIPT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb::launch {

// Stands in a text for a part that is not known.
inline constexpr char kUnknownPart = '\x01';

struct ShellWord {
  std::string text;  // expanded and without quotes; kUnknownPart where it is not known
  int line = 0;      // where it was written, in an array's or variable's definition too; from 1
};

struct ShellCommand {
  std::vector<ShellWord> words;
  int line = 0;
  // "if", "for", "function", ...: what it stands in, so that it may not run, or not once; empty
  // where it runs.
  std::string inside;
};

// A part that was not read.
struct ShellRemark {
  int line = 0;
  std::string text;    // of the script
  std::string reason;  // "command substitution"
};

struct ShellReading {
  std::vector<ShellCommand> commands;
  std::vector<ShellRemark> not_read;
  // Variables with one value that is wholly known, as they are at the end.
  std::map<std::string, ShellWord> variables;
};

// Reads `script`. `environment` holds variables that are known beforehand (Slurm's own).
// INVALID_ARGUMENT with the line for a quote or bracket that is never closed, NUL bytes, and texts
// that expand or nest beyond any script.
absl::StatusOr<ShellReading> ReadShellScript(absl::string_view script,
                                             const std::map<std::string, std::string>& environment);

// `text` with unknown parts as "?".
std::string ShownText(absl::string_view text);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_SHELL_SCRIPT_H_
