// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run.h"

#include <filesystem>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "client/cli/command.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/help.h"
#include "client/cli/parse_command_line.h"
#include "client/cli/request_fields.h"
#include "client/cli/version.h"
#include "client/config/utf8.h"

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

// The messages of the API are UTF-8; names of files need not be.
absl::Status CheckEncoding(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    std::error_code error;
    if (IsUtf8(word) || std::filesystem::exists(word, error)) continue;
    return absl::InvalidArgumentError("\"" + absl::CHexEscape(word) + "\" is not valid UTF-8");
  }
  return absl::OkStatus();
}

// Even with -q: a name that leads nowhere is no mere remark.
void SayWhatWasNotStored(Context& context) {
  if (!context.storage_now) return;
  const absl::Status storage = context.storage_now();
  context.storage_now = nullptr;
  if (!storage.ok())
    *context.err << "rhumb: the answer was not stored: " << storage.message() << "\n";
}

}  // namespace

int Run(const std::vector<std::string>& words, Context& context) {
  if (words.size() == 1 && words[0] == "--version") {
    *context.out << "rhumb " << kClientVersion << "\n";
    return kExitOk;
  }
  if (const absl::Status status = CheckEncoding(words); !status.ok()) {
    context.command = CommandOf(words);
    return FailUsage(context, status);
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
  const int code = line->command->run(line->invocation, context);
  SayWhatWasNotStored(context);
  return code;
}

}  // namespace rhumb::cli
