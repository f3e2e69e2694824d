// SPDX-License-Identifier: Apache-2.0
// The only file that includes CLI11 (10-15 s to compile).
#include "client/cli/parse_command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "proto/json/json_names.h"

namespace rhumb::cli {
namespace {

bool IsFlag(absl::string_view word) { return word.size() > 1 && word[0] == '-'; }

// The flag of `flags` that `word` (with its dashes, without "=value") names, or null.
const Flag* Named(const std::vector<Flag>& flags, absl::string_view word) {
  for (const Flag& flag : flags) {
    if (absl::StartsWith(word, "--")) {
      const absl::string_view name = word.substr(2);
      if (flag.name == name ||
          std::count(flag.aliases.begin(), flag.aliases.end(), std::string(name)) > 0) {
        return &flag;
      }
    } else if (word.size() == 2 && flag.short_name == word[1]) {
      return &flag;
    }
  }
  return nullptr;
}

std::vector<Flag> AllFlags(const Command& command) {
  std::vector<Flag> flags = command.flags;
  flags.insert(flags.end(), GlobalFlags().begin(), GlobalFlags().end());
  return flags;
}

// Place of the first word from `begin` on that is neither a global flag nor its value; the end if
// there is none, or another flag comes first: only global ones are known before the command is.
size_t NextWord(const std::vector<std::string>& words, size_t begin) {
  for (size_t i = begin; i < words.size() && words[i] != "--"; ++i) {
    if (!IsFlag(words[i])) return i;
    const Flag* flag = Named(GlobalFlags(), words[i].substr(0, words[i].find('=')));
    if (flag == nullptr) break;
    if (flag->kind != FlagKind::kSwitch && words[i].find('=') == std::string::npos) ++i;
  }
  return words.size();
}

// Takes the command's words out of `words`; null if there are none or only the beginning of a
// command. Global flags may stand before them.
absl::StatusOr<const Command*> TakeCommand(std::vector<std::string>& words, std::string& group) {
  std::vector<size_t> places;
  for (size_t i = NextWord(words, 0); i < words.size() && places.size() < 2;
       i = NextWord(words, i + 1)) {
    places.push_back(i);
  }
  if (places.empty()) return nullptr;
  const std::string& first = words[places[0]];
  std::vector<std::string> firsts, seconds;
  for (const Command& command : Commands()) {
    firsts.push_back(command.words[0]);
    if (command.words[0] != first) continue;
    if (command.words.size() == 1) {
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(places[0]));
      return &command;
    }
    seconds.push_back(command.words[1]);
    if (places.size() == 2 && words[places[1]] == command.words[1]) {
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(places[1]));
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(places[0]));
      return &command;
    }
  }
  if (seconds.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown command \"", first, "\"; the nearest is \"",
                     NearestNames(first, firsts, 1).front(), "\", rhumb --help lists all"));
  }
  group = first;
  if (places.size() == 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown command \"", first, " ", words[places[1]],
                     "\"; there are: ", absl::StrJoin(seconds, ", ")));
  }
  return nullptr;
}

// What CLI11 gets wrong for us, found before it sees the words: it takes the next word for the
// value of "--flag=", accepts "--switch=false", and its message for a missing value names no field.
absl::Status CheckAssignments(const std::vector<std::string>& words,
                              const std::vector<Flag>& flags) {
  const Flag* last = words.empty() ? nullptr : Named(flags, words.back());
  if (last != nullptr && last->kind != FlagKind::kSwitch) {
    return absl::InvalidArgumentError(
        absl::StrCat(FlagTitle(*last), " needs a value (", last->placeholder, ")"));
  }
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (!absl::StartsWith(word, "--") || equals == std::string::npos) continue;
    const std::string name = word.substr(0, equals);
    const Flag* flag = Named(flags, name);
    if (flag == nullptr) continue;
    if (flag->kind == FlagKind::kSwitch) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " takes no value, got \"", word.substr(equals + 1), "\""));
    }
    if (equals + 1 == word.size())
      return absl::InvalidArgumentError(absl::StrCat(FlagTitle(*flag), ": empty value"));
  }
  return absl::OkStatus();
}

absl::Status CheckValue(const Flag& flag, const std::string& value) {
  if (value.empty())
    return absl::InvalidArgumentError(absl::StrCat(FlagTitle(flag), ": empty value"));
  // "--compute --deadline 3d": the next flag is no value. "-5" is one, and a number's reader will
  // refuse it.
  if (IsFlag(value) && (value[1] == '-' || absl::ascii_isalpha(value[1]))) {
    return absl::InvalidArgumentError(absl::StrCat(FlagTitle(flag), " needs a value (",
                                                   flag.placeholder, "), got \"", value, "\""));
  }
  return absl::OkStatus();
}

absl::Status UnknownWord(const Command& command, const std::string& word,
                         const std::vector<Flag>& flags) {
  if (!IsFlag(word)) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument \"", word, "\" of rhumb ", CommandName(command)));
  }
  std::vector<std::string> names;
  for (const Flag& flag : flags) names.push_back(absl::StrCat("--", flag.name));
  const std::string name = word.substr(0, word.find('='));
  return absl::InvalidArgumentError(absl::StrCat("unknown flag ", name, " of rhumb ",
                                                 CommandName(command), "; the nearest is ",
                                                 NearestNames(name, names, 1).front()));
}

// Lets CLI11 attribute `words` to `flags`; answers what is left over.
absl::StatusOr<std::vector<std::string>> Attribute(
    const std::vector<Flag>& flags, std::vector<std::string> words,
    std::map<std::string, std::vector<std::string>>& given) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<std::pair<const Flag*, CLI::Option*>> options;
  for (const Flag& flag : flags) {
    std::string names = absl::StrCat("--", flag.name);
    if (flag.short_name != 0)
      names = absl::StrCat("-", std::string(1, flag.short_name), ",", names);
    for (const std::string& alias : flag.aliases) absl::StrAppend(&names, ",--", alias);
    CLI::Option* option = nullptr;
    if (flag.kind == FlagKind::kSwitch) {
      option = app.add_flag(names);
    } else {
      option = app.add_option(names, [](const CLI::results_t&) { return true; });
      option->expected(1)->allow_extra_args(false);
    }
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options.emplace_back(&flag, option);
  }
  try {
    std::reverse(words.begin(), words.end());  // CLI11 parses from the back
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  for (const auto& [flag, option] : options) {
    if (option->count() > 0) given[flag->name] = option->results();
  }
  return app.remaining();
}

}  // namespace

const Command* CommandOf(const std::vector<std::string>& words) {
  std::vector<std::string> rest = words;
  std::string group;
  const absl::StatusOr<const Command*> command = TakeCommand(rest, group);
  return command.ok() ? *command : nullptr;
}

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& given_words) {
  CommandLine line;
  std::vector<std::string> words = given_words;
  const size_t first = NextWord(words, 0);
  if (first < words.size() && words[first] == "help") {  // rhumb help plan = rhumb plan --help
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(first));
    line.help = true;
  }
  absl::StatusOr<const Command*> command = TakeCommand(words, line.help_group);
  if (!command.ok()) return command.status();
  line.command = *command;

  const std::vector<Flag> flags = line.command == nullptr ? GlobalFlags() : AllFlags(*line.command);
  const auto separator = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> behind;
  if (separator != words.end()) behind.assign(separator + 1, words.end());
  words.erase(separator, words.end());

  // Help wins over whatever else is wrong on the line: who asks for it is lost already.
  line.help = line.help || std::count(words.begin(), words.end(), "--help") > 0 ||
              std::count(words.begin(), words.end(), "-h") > 0;
  if (line.help) return line;
  if (line.command == nullptr) {
    for (const std::string& word : words) {
      if (!IsFlag(word) || Named(flags, word.substr(0, word.find('='))) != nullptr) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("flag ", word, " stands before the command, where only global flags may"));
    }
    return line;
  }

  if (const absl::Status status = CheckAssignments(words, flags); !status.ok()) return status;
  absl::StatusOr<std::vector<std::string>> rest = Attribute(flags, words, line.invocation.flags);
  if (!rest.ok()) return rest.status();
  // Values before leftovers: of "--compute --deadline 3d" the missing value is the cause.
  for (const auto& [name, values] : line.invocation.flags) {
    const Flag& flag = *FindFlag(*line.command, name);
    if (values.size() > 1 && !flag.repeatable) {
      return absl::InvalidArgumentError(
          absl::StrCat(FlagTitle(flag), " is given ", values.size(), " times"));
    }
    if (flag.kind == FlagKind::kSwitch) continue;
    for (const std::string& value : values) {
      if (const absl::Status status = CheckValue(flag, value); !status.ok()) return status;
    }
  }
  for (const std::string& word : *rest) {
    if (IsFlag(word)) return UnknownWord(*line.command, word, flags);
  }
  std::vector<std::string>& arguments = line.invocation.arguments;
  arguments = *std::move(rest);
  if (line.command->passes_on.empty()) {
    arguments.insert(arguments.end(), behind.begin(), behind.end());
  } else {
    line.invocation.passed_on = std::move(behind);
  }
  const std::vector<Argument>& expected = line.command->arguments;
  if (arguments.size() > expected.size())
    return UnknownWord(*line.command, arguments[expected.size()], flags);
  const auto optional = static_cast<size_t>(
      std::count_if(expected.begin(), expected.end(),
                    [](const Argument& argument) { return argument.optional; }));
  if (arguments.size() + optional < expected.size()) {
    const Argument& missing = expected[arguments.size() + optional];
    return absl::InvalidArgumentError(absl::StrCat("rhumb ", CommandName(*line.command), " needs ",
                                                   missing.name, ": ", missing.help));
  }
  // Of optional arguments the first are left out first.
  const size_t left_out = expected.size() - arguments.size();
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument& argument = expected[left_out + i];
    const std::vector<std::string>& choices = argument.choices;
    if (arguments[i].empty())
      return absl::InvalidArgumentError(absl::StrCat(argument.name, ": empty value"));
    if (!choices.empty() && std::count(choices.begin(), choices.end(), arguments[i]) == 0) {
      return absl::InvalidArgumentError(absl::StrCat(argument.name, " must be one of ",
                                                     absl::StrJoin(choices, ", "), ", got \"",
                                                     arguments[i], "\""));
    }
  }
  return line;
}

}  // namespace rhumb::cli
