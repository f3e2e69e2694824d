// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run.h"

#include <ostream>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/help.h"
#include "client/cli/parse_command_line.h"
#include "client/cli/request_fields.h"
#include "client/cli/version.h"

namespace rhumb::cli {
namespace {

// Choices that no request field reads.
absl::Status CheckChoices(const CommandLine& line) {
  for (const auto& [name, values] : line.invocation.flags) {
    const Flag& flag = *FindFlag(*line.command, name);
    if (flag.kind != FlagKind::kChoice || !flag.field.empty()) continue;
    for (const std::string& value : values) {
      bool known = false;
      std::string all;
      for (const std::string& choice : flag.choices) {
        known = known || choice == value;
        all += (all.empty() ? "" : ", ") + choice;
      }
      if (!known) {
        return absl::InvalidArgumentError("--" + flag.name + ": \"" + value + "\" is not one of " +
                                          all);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

int Run(const std::vector<std::string>& words, Context& context) {
  if (words.size() == 1 && words[0] == "--version") {
    *context.out << "rhumb " << kClientVersion << "\n";
    return kExitOk;
  }
  const absl::StatusOr<CommandLine> line = ParseCommandLine(words);
  if (!line.ok()) {
    context.command = CommandOf(words);
    return FailUsage(context, line.status());
  }
  context.command = line->command;
  if (line->help) {
    *context.out << (line->command == nullptr ? GeneralHelp(line->help_group, context.out_terminal)
                                              : CommandHelp(*line->command, context.out_terminal));
    return kExitOk;
  }
  if (line->command == nullptr) {
    *context.err << GeneralHelp(line->help_group, context.err_terminal);
    return kExitUsage;
  }
  if (const absl::Status status = CheckChoices(*line); !status.ok())
    return FailUsage(context, status);
  const std::string color = line->invocation.Value("color", "auto");
  if (color != "auto") {
    context.out_terminal.color = color == "always";
    context.err_terminal.color = color == "always";
  }
  return line->command->run(line->invocation, context);
}

}  // namespace rhumb::cli
