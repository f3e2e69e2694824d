// SPDX-License-Identifier: Apache-2.0
#include "client/cli/submit_options.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/launch/shell_script.h"
#include "client/launch/slurm_directives.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

// Options that matter here and their letters; sbatch(1).
const std::map<std::string, std::string>& Letters() {
  static const auto& letters = *new std::map<std::string, std::string>{
      {"-N", "nodes"}, {"-n", "ntasks"},    {"-G", "gpus"}, {"-t", "time"},
      {"-a", "array"}, {"-p", "partition"}, {"-W", "wait"}, {"-d", "dependency"}};
  return letters;
}

// Long options that are set, read or refused here. sbatch takes any beginning of one that is no
// beginning of another, which would pass by unseen.
constexpr const char* kKnown[] = {
    "time",   "nodes",     "ntasks",        "ntasks-per-node", "gpus",       "gpus-per-node",
    "gres",   "partition", "gpus-per-task", "gpus-per-socket", "dependency", "tres-per-node",
    "export", "comment",   "open-mode",     "parsable",        "test-only",  "array",
    "wait"};

// INVALID_ARGUMENT where one of `words` is such an option cut short.
absl::Status CheckWrittenOut(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word.size() < 3 || !absl::StartsWith(word, "--")) continue;
    const std::string name = word.substr(2, word.find('=') - 2);
    const auto is_name = [&name](const char* known) { return name == known; };
    if (name.empty() || std::any_of(std::begin(kKnown), std::end(kKnown), is_name)) continue;
    for (const char* known : kKnown) {
      if (!absl::StartsWith(known, name)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("write --", known, " out: ", word, " would be sbatch's to understand"));
    }
  }
  return absl::OkStatus();
}

// The words of the #SBATCH lines of `script`, which stand before its first command.
std::vector<std::string> DirectiveWords(absl::string_view script) {
  std::vector<std::string> words;
  for (const absl::string_view line : absl::StrSplit(script, '\n')) {
    if (!absl::StartsWith(line, "#")) {
      if (absl::StripAsciiWhitespace(line).empty()) continue;
      break;
    }
    if (!absl::StartsWith(line, "#SBATCH ")) continue;
    for (const absl::string_view word :
         absl::StrSplit(line.substr(8), absl::ByAnyChar(" \t\r"), absl::SkipEmpty())) {
      if (absl::StartsWith(word, "#")) break;
      words.emplace_back(word);
    }
  }
  return words;
}

// Options by their long name without dashes; the last value of each.
std::map<std::string, std::string> ReadOptions(const std::vector<std::string>& words) {
  std::map<std::string, std::string> options;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string next = i + 1 < words.size() ? words[i + 1] : "";
    if (absl::StartsWith(words[i], "--")) {
      const size_t equals = words[i].find('=');
      options[words[i].substr(2, equals - 2)] =
          equals == std::string::npos ? next : words[i].substr(equals + 1);
    } else if (const auto letter = Letters().find(words[i].substr(0, 2));
               letter != Letters().end()) {
      options[letter->second] = words[i].size() > 2 ? words[i].substr(2) : next;
    }
  }
  return options;
}

absl::Status Contradicts(absl::string_view asked, const slurm::JobDecision& decision,
                         absl::string_view planned) {
  return absl::InvalidArgumentError(
      absl::StrCat(asked, " contradicts ", decision.plan, ", which is for ", planned,
                   "; leave the option out, or plan again with what you have"));
}

// GPUs that `request` asks for, as far as it says; what it leaves out is the plan's.
std::optional<int64_t> AskedGpus(const launch::SlurmRequest& request,
                                 const slurm::JobDecision& decision) {
  if (request.gpus.has_value()) return request.gpus->value;
  const int64_t nodes = request.nodes.has_value() ? request.nodes->value : decision.nodes;
  if (request.gpus_per_task.has_value()) {
    if (request.tasks.has_value()) return request.gpus_per_task->value * request.tasks->value;
    const int64_t tasks_per_node = request.tasks_per_node.has_value()
                                       ? request.tasks_per_node->value
                                       : decision.tasks_per_node;
    return request.gpus_per_task->value * nodes * tasks_per_node;
  }
  if (request.gpus_per_node.has_value()) return request.gpus_per_node->value * nodes;
  if (request.nodes.has_value()) return nodes * decision.tasks_per_node;
  return std::nullopt;
}

absl::Status CheckAgainst(const launch::SlurmRequest& request, const slurm::JobDecision& decision) {
  if (request.gpu_type.has_value() && !decision.gpu_name.empty() &&
      !absl::EqualsIgnoreCase(request.gpu_type->value, decision.gpu_name)) {
    return Contradicts(request.gpu_type->text, decision,
                       absl::StrCat("GPUs of type ", decision.gpu_name));
  }
  const int64_t planned = decision.nodes * decision.tasks_per_node;
  const std::optional<int64_t> gpus = AskedGpus(request, decision);
  if (gpus.has_value() && *gpus < planned) {
    return Contradicts(absl::StrCat("a job of ", *gpus, " GPUs"), decision,
                       absl::StrCat(planned, " GPUs on ", decision.nodes, " nodes"));
  }
  if (request.tasks.has_value() && request.tasks->value < decision.nodes) {
    return Contradicts(request.tasks->text, decision, absl::StrCat(decision.nodes, " nodes"));
  }
  if (request.time_seconds.has_value() &&
      request.time_seconds->value < 60.0 * static_cast<double>(decision.planned_minutes)) {
    return Contradicts(
        request.time_seconds->text, decision,
        absl::StrCat("an expected ", slurm::SlurmTime(decision.planned_minutes), " of wall time"));
  }
  return absl::OkStatus();
}

// A chain is one run, whose jobs wait for each other.
absl::Status CheckChain(const std::map<std::string, std::string>& asked,
                        const slurm::JobDecision& decision) {
  if (decision.job_count == 1) return absl::OkStatus();
  for (const char* option : {"array", "wait"}) {
    if (asked.count(option) == 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", option, " cannot stand beside ", decision.plan, ", a chain of ",
                     decision.job_count, " jobs; leave the option out, or plan with --max-jobs 1"));
  }
  const auto dependency = asked.find("dependency");
  if (dependency != asked.end() && absl::StrContains(dependency->second, '?')) {
    return absl::InvalidArgumentError(
        absl::StrCat("--dependency=", dependency->second, " cannot stand beside ", decision.plan,
                     ", a chain of ", decision.job_count,
                     " jobs, of which each waits for the one before too: \"?\" means or"));
  }
  return absl::OkStatus();
}

// `text` without the quotes around it that sbatch takes off a #SBATCH line's value.
std::string WithoutQuotes(const std::string& text) {
  const bool quoted =
      text.size() >= 2 && (text[0] == '"' || text[0] == '\'') && text.back() == text[0];
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// What --export must be so that the plan's variables reach the job; empty: as it is.
std::string WidenedExport(const std::string& asked, const slurm::Variables& variables) {
  if (asked.empty() || asked == "NIL") return "";
  std::vector<std::string> names;
  for (const auto& [name, value] : variables) names.push_back(name);
  if (asked == "NONE") return absl::StrJoin(names, ",");
  for (const absl::string_view item : absl::StrSplit(asked, ',')) {
    if (item == "ALL") return "";
  }
  return absl::StrCat(asked, ",", absl::StrJoin(names, ","));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SubmitOptions(const slurm::JobDecision& decision,
                                                       const slurm::Variables& variables,
                                                       absl::string_view script,
                                                       const std::vector<std::string>& given,
                                                       const std::optional<ChainLink>& link) {
  std::vector<launch::NotRead> not_read;
  launch::SlurmRequest request = launch::ReadSlurmDirectives(script, not_read);
  std::vector<launch::ShellWord> words;
  for (const std::string& word : given) words.push_back({word, 0});
  launch::ReadSlurmOptions(words, "", request, not_read);
  const std::vector<std::string> directives = DirectiveWords(script);
  RHUMB_RETURN_IF_ERROR(CheckWrittenOut(directives));
  RHUMB_RETURN_IF_ERROR(CheckWrittenOut(given));
  std::map<std::string, std::string> asked = ReadOptions(directives);
  for (const auto& [name, value] : ReadOptions(given)) asked[name] = value;
  RHUMB_RETURN_IF_ERROR(CheckAgainst(request, decision));
  RHUMB_RETURN_IF_ERROR(CheckChain(asked, decision));
  const auto has = [&asked](const char* name) { return asked.count(name) > 0; };
  const bool says_gpus = has("gpus") || has("gres") || has("gpus-per-node") ||
                         has("gpus-per-task") || has("gpus-per-socket") || has("tres-per-node");
  std::vector<std::string> options;
  for (const auto& [name, value] : slurm::Options(decision)) {
    if (name == "comment") continue;
    const bool says = has(name.c_str()) || (name == "gpus-per-node" && says_gpus) ||
                      (name == "ntasks-per-node" && (has("ntasks") || has("gpus-per-task")));
    if (!says) options.push_back(absl::StrCat("--", name, "=", value));
  }
  options.insert(options.end(), given.begin(), given.end());
  // Behind the user's own, of which they are a part.
  if (link.has_value()) {
    // sbatch takes the last --dependency alone; a comma means and.
    const std::string own = WithoutQuotes(asked["dependency"]);
    options.push_back(absl::StrCat("--dependency=", own, own.empty() ? "" : ",",
                                   "afterany:", link->previous_job));
    if (!has("open-mode")) options.push_back("--open-mode=append");
  }
  options.push_back(absl::StrCat("--comment=", decision.comment(),
                                 link.has_value() ? absl::StrCat("#", link->first_job) : "",
                                 has("comment") ? absl::StrCat(" ", asked["comment"]) : ""));
  const std::string widened = WidenedExport(asked["export"], variables);
  if (!widened.empty()) options.push_back(absl::StrCat("--export=", widened));
  return options;
}

bool HasSwitch(const std::vector<std::string>& given, absl::string_view name) {
  return std::any_of(given.begin(), given.end(),
                     [&](const std::string& word) { return word == name; });
}

}  // namespace rhumb::cli
