// SPDX-License-Identifier: Apache-2.0
#include "client/cli/completion_scripts.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/command.h"

namespace rhumb::cli {
namespace {

std::vector<Flag> FlagsOf(const Command& command) {
  std::vector<Flag> flags = command.flags;
  flags.insert(flags.end(), GlobalFlags().begin(), GlobalFlags().end());
  return flags;
}

// First words of commands, each once.
std::vector<std::string> Groups() {
  std::vector<std::string> groups;
  for (const Command& command : Commands()) {
    if (std::count(groups.begin(), groups.end(), command.words[0]) == 0)
      groups.push_back(command.words[0]);
  }
  return groups;
}

// "list show" of law.
std::vector<std::string> SecondWords(const std::string& group) {
  std::vector<std::string> words;
  for (const Command& command : Commands()) {
    if (command.words[0] == group && command.words.size() > 1) words.push_back(command.words[1]);
  }
  return words;
}

// The command that prints the names a shell may offer; empty where it knows them itself.
std::string NamesCommand(Completion completion) {
  const char* noun = "";
  switch (completion) {
    case Completion::kLaw:
      noun = "law";
      break;
    case Completion::kGpu:
      noun = "gpu";
      break;
    case Completion::kCluster:
      noun = "cluster";
      break;
    case Completion::kPlan:
      noun = "plans";
      break;
    case Completion::kRun:
      noun = "run";
      break;
    default:
      return "";
  }
  return absl::StrCat("rhumb ", noun, " list -o name -q --timeout 2s 2>/dev/null | sed 's|.*/||'");
}

// --- bash and zsh, which share the syntax of case and of $(...)

struct Shell {
  const char* offer;  // how a list of words is offered
  const char* files;  // how files are
};

std::string Offer(const Shell& shell, const std::vector<std::string>& choices,
                  Completion completion) {
  if (!choices.empty())
    return absl::StrReplaceAll(shell.offer, {{"WORDS", absl::StrJoin(choices, " ")}});
  if (completion == Completion::kFile) return shell.files;
  const std::string names = NamesCommand(completion);
  return names.empty()
             ? ""
             : absl::StrReplaceAll(shell.offer, {{"WORDS", absl::StrCat("$(", names, ")")}});
}

// Cases on "$command:$previous" that offer the values of flags. A flag whose value cannot be
// guessed offers nothing.
std::string ValueCases(const Shell& shell) {
  std::string cases;
  for (const Command& command : Commands()) {
    for (const Flag& flag : FlagsOf(command)) {
      if (flag.kind == FlagKind::kSwitch) continue;
      const std::string offer = Offer(shell, flag.choices, flag.completion);
      std::string pattern = absl::StrCat("\"", CommandName(command), ":--", flag.name, "\"");
      if (flag.short_name != 0) {
        absl::StrAppend(&pattern, "|\"", CommandName(command), ":-",
                        std::string(1, flag.short_name), "\"");
      }
      absl::StrAppend(&cases, "    ", pattern, ") ", offer, offer.empty() ? "" : "; ",
                      "return ;;\n");
    }
  }
  return cases;
}

// Cases on "$command" that offer flags, or arguments where the word does not begin with a dash.
std::string WordCases(const Shell& shell) {
  std::string cases =
      absl::StrCat("    \"\") ", Offer(shell, Groups(), Completion::kNone), " ;;\n");
  for (const std::string& group : Groups()) {
    const std::vector<std::string> words = SecondWords(group);
    if (!words.empty()) {
      absl::StrAppend(&cases, "    \"", group, "\") ", Offer(shell, words, Completion::kNone),
                      " ;;\n");
    }
  }
  for (const Command& command : Commands()) {
    std::vector<std::string> flags;
    for (const Flag& flag : FlagsOf(command)) flags.push_back(absl::StrCat("--", flag.name));
    std::string argument;
    if (!command.arguments.empty()) {
      argument = Offer(shell, command.arguments[0].choices, command.arguments[0].completion);
    }
    const std::string offer_flags = Offer(shell, flags, Completion::kNone);
    absl::StrAppend(&cases, "    \"", CommandName(command), "\") ",
                    argument.empty() ? offer_flags
                                     : absl::StrCat("if [[ $current == -* ]]; then ", offer_flags,
                                                    "; else ", argument, "; fi"),
                    " ;;\n");
  }
  return cases;
}

// Statements that find $command ("law", "law list") among the words before the current one.
std::string CommandCases() {
  std::string cases;
  for (const std::string& group : Groups())
    absl::StrAppend(&cases, "      \" ", group, "\") command=\"", group, "\" ;;\n");
  for (const Command& command : Commands()) {
    if (command.words.size() < 2) continue;
    absl::StrAppend(&cases, "      \"", CommandName(command), "\") command=\"",
                    CommandName(command), "\" ;;\n");
  }
  return cases;
}

}  // namespace

std::string BashCompletion() {
  const Shell shell = {.offer = "COMPREPLY=($(compgen -W \"WORDS\" -- \"$current\"))",
                       .files = "COMPREPLY=($(compgen -f -- \"$current\"))"};
  return absl::StrCat(
      "# bash completion of rhumb, made by: rhumb completion bash\n"
      "_rhumb() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command='' "
      "i\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do\n"
      "    case \"$command ${COMP_WORDS[i]}\" in\n",
      CommandCases(),
      "    esac\n"
      "  done\n"
      "  case \"$command:$previous\" in\n",
      ValueCases(shell),
      "  esac\n"
      "  case \"$command\" in\n",
      WordCases(shell),
      "  esac\n"
      "}\n"
      "complete -o filenames -F _rhumb rhumb\n");
}

std::string ZshCompletion() {
  const Shell shell = {.offer = "offers=(${=:-\"WORDS\"}); compadd -a offers", .files = "_files"};
  return absl::StrCat(
      "#compdef rhumb\n"
      "# zsh completion of rhumb, made by: rhumb completion zsh\n"
      "_rhumb() {\n"
      "  local current=${words[CURRENT]} previous=${words[CURRENT-1]} command='' word\n"
      "  local -a offers\n"
      "  for word in ${words[2,CURRENT-1]}; do\n"
      "    case \"$command $word\" in\n",
      CommandCases(),
      "    esac\n"
      "  done\n"
      "  case \"$command:$previous\" in\n",
      ValueCases(shell),
      "  esac\n"
      "  case \"$command\" in\n",
      WordCases(shell),
      "  esac\n"
      "}\n"
      "if [[ $funcstack[1] == _rhumb ]]; then _rhumb \"$@\"; else compdef _rhumb rhumb; fi\n");
}

std::string FishCompletion() {
  std::string text =
      "# fish completion of rhumb, made by: rhumb completion fish\ncomplete -c rhumb -f\n";
  const auto quoted = [](const std::string& words) {
    return absl::StrCat("'", absl::StrReplaceAll(words, {{"\\", "\\\\"}, {"'", "\\'"}}), "'");
  };
  const auto values = [&](const std::vector<std::string>& choices, Completion completion) {
    if (!choices.empty()) return absl::StrCat(" -a ", quoted(absl::StrJoin(choices, " ")));
    if (completion == Completion::kFile) return std::string(" -F");
    const std::string names = NamesCommand(completion);
    return names.empty() ? "" : absl::StrCat(" -a ", quoted(absl::StrCat("(", names, ")")));
  };
  absl::StrAppend(&text, "complete -c rhumb -n __fish_use_subcommand -a ",
                  quoted(absl::StrJoin(Groups(), " ")), "\n");
  for (const std::string& group : Groups()) {
    const std::vector<std::string> words = SecondWords(group);
    if (words.empty()) continue;
    absl::StrAppend(
        &text, "complete -c rhumb -n ",
        quoted(absl::StrCat("__fish_seen_subcommand_from ", group,
                            "; and not __fish_seen_subcommand_from ", absl::StrJoin(words, " "))),
        " -a ", quoted(absl::StrJoin(words, " ")), "\n");
  }
  for (const Command& command : Commands()) {
    std::string condition = absl::StrCat("__fish_seen_subcommand_from ", command.words[0]);
    if (command.words.size() > 1) {
      absl::StrAppend(&condition, "; and __fish_seen_subcommand_from ", command.words[1]);
    }
    for (const Flag& flag : FlagsOf(command)) {
      absl::StrAppend(
          &text, "complete -c rhumb -n ", quoted(condition), " -l ", flag.name,
          flag.short_name == 0 ? "" : absl::StrCat(" -s ", std::string(1, flag.short_name)), " -d ",
          quoted(flag.help),
          flag.kind == FlagKind::kSwitch
              ? ""
              : absl::StrCat(" -r", values(flag.choices, flag.completion)),
          "\n");
    }
    for (const Argument& argument : command.arguments) {
      const std::string offer = values(argument.choices, argument.completion);
      if (!offer.empty())
        absl::StrAppend(&text, "complete -c rhumb -n ", quoted(condition), offer, "\n");
    }
  }
  return text;
}

}  // namespace rhumb::cli
