// SPDX-License-Identifier: Apache-2.0
#include "client/cli/help.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rhumb::cli {
namespace {

constexpr int kFlagColumn = 34;  // where the explanations begin

constexpr char kExitCodes[] =
    "Exit codes: 0 yes, 1 error, 2 usage or invalid input, 3 infeasible / does not fit / does not "
    "finish,\n"
    "4 not found, 5 no daemon or no answer in time, 6 permission denied.\n";

std::string Heading(const Terminal& terminal, absl::string_view title) {
  return absl::StrCat("\n", Styled(terminal, Style::kBold, title), "\n");
}

std::string Entry(absl::string_view left, absl::string_view text, const Terminal& terminal) {
  const std::string head = absl::StrCat("  ", left);
  const std::string blanks(kFlagColumn, ' ');
  const bool fits = DisplayWidth(head) + 2 <= kFlagColumn;
  return absl::StrCat(fits ? PadRight(head, kFlagColumn) : absl::StrCat(head, "\n", blanks),
                      Wrapped(text, std::max(terminal.width, kFlagColumn + 40), kFlagColumn), "\n");
}

std::string FlagEntry(const Flag& flag, const Terminal& terminal) {
  const std::string short_name =
      flag.short_name == 0 ? "    " : absl::StrCat("-", std::string(1, flag.short_name), ", ");
  const std::string value = flag.placeholder.empty() ? "" : absl::StrCat(" ", flag.placeholder);
  std::string help = flag.help;
  // The choices of -o are its help already.
  if (!flag.choices.empty() && flag.name != "output" && flag.name != "color") {
    absl::StrAppend(&help, ": ", absl::StrJoin(flag.choices, ", "));
  }
  return Entry(absl::StrCat(short_name, "--", flag.name, value), help, terminal);
}

std::string FlagEntries(const std::vector<Flag>& flags, const Terminal& terminal) {
  std::vector<std::string> groups;
  for (const Flag& flag : flags) {
    if (std::count(groups.begin(), groups.end(), flag.group) == 0) groups.push_back(flag.group);
  }
  std::string text;
  for (const std::string& group : groups) {
    text += Heading(terminal, group);
    for (const Flag& flag : flags) {
      if (flag.group == group) text += FlagEntry(flag, terminal);
    }
  }
  return text;
}

// "law show LAW", "law backtest [LAW] OBS".
std::string WithArguments(const Command& command) {
  std::string text = CommandName(command);
  for (const Argument& argument : command.arguments) {
    absl::StrAppend(&text, argument.optional ? " [" : " ", argument.name,
                    argument.optional ? "]" : "");
  }
  return text;
}

// " [-- options of sbatch]", empty where nothing is passed on.
std::string PassedOn(const Command& command) {
  return command.passes_on.empty() ? "" : absl::StrCat(" [-- ", command.passes_on, "]");
}

}  // namespace

std::string GeneralHelp(absl::string_view group, const Terminal& terminal) {
  std::string text =
      group.empty()
          ? "rhumb plans training runs of large language models: which model, on how many "
            "tokens,\non which GPUs, in what layout, at which loss, by when, at what cost.\n"
          : "";
  text += Heading(terminal, "Commands");
  for (const Command& command : Commands()) {
    if (!group.empty() && command.words[0] != group) continue;
    text += Entry(WithArguments(command) + PassedOn(command), command.summary, terminal);
  }
  if (!group.empty()) return text;
  text += FlagEntries(GlobalFlags(), terminal);
  text += Heading(terminal, "Examples");
  text +=
      "  rhumb plan --gpus 256xH100-SXM5-80GB --deadline 21d --unique-tokens 4T\n"
      "  rhumb check --arch llama.json --gpus 8xH100-SXM5-80GB --micro-batch-size 2\n"
      "  rhumb predict --params 7B --tokens 2T\n";
  absl::StrAppend(&text, "\nrhumb COMMAND --help shows a command's flags.\n", kExitCodes);
  return text;
}

std::string CommandHelp(const Command& command, const Terminal& terminal) {
  std::string text = absl::StrCat("rhumb ", WithArguments(command), " [flags]", PassedOn(command),
                                  "\n\n", command.summary, "\n");
  if (!command.description.empty()) absl::StrAppend(&text, "\n", command.description, "\n");
  if (!command.examples.empty()) {
    text += Heading(terminal, "Examples");
    for (const Example& example : command.examples) {
      absl::StrAppend(&text, "  ", Styled(terminal, Style::kDim, absl::StrCat("# ", example.text)),
                      "\n  rhumb ", example.line, "\n");
    }
  }
  if (!command.arguments.empty()) {
    text += Heading(terminal, "Arguments");
    for (const Argument& argument : command.arguments)
      text += Entry(argument.name, argument.help, terminal);
  }
  text += FlagEntries(command.flags, terminal);
  text += FlagEntries(GlobalFlags(), terminal);
  absl::StrAppend(&text, "\n", kExitCodes);
  return text;
}

}  // namespace rhumb::cli
