// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/job_decision.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>

#include "client/slurm/text.h"

namespace rhumb::slurm {
namespace {

// Beyond these an answer is no plan of a job, whatever it says.
constexpr int64_t kMaxNodes = 1'000'000;
constexpr int64_t kMaxSeconds = int64_t{100} * 366 * 86'400;
constexpr int64_t kMaxJobs = 10'000;

std::string Text(const Variables& variables, const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? std::string() : found->second;
}

std::optional<int64_t> Number(const Variables& variables, const char* name, int64_t max) {
  const std::optional<int64_t> count = ReadCount(Text(variables, name));
  if (!count.has_value() || *count <= 0 || *count > max) return std::nullopt;
  return count;
}

int64_t MinutesOf(int64_t seconds) { return (seconds + 59) / 60; }

// The whole minutes in a number of seconds that may have a fraction, at least one; nullopt where it
// is no number, or one beyond any limit.
std::optional<int64_t> WholeMinutes(const std::string& seconds) {
  const std::optional<int64_t> whole = ReadCount(seconds.substr(0, seconds.find('.')));
  if (!whole.has_value() || *whole < 0 || *whole > kMaxSeconds) return std::nullopt;
  return std::max<int64_t>(1, *whole / 60);
}

// What a plan's name or a partition may hold, so that it stays one word of Slurm and of a shell.
bool IsWord(std::string_view text) {
  for (const char c : text) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_plain && std::string_view("-_./+:@").find(c) == std::string_view::npos) return false;
  }
  return true;
}

}  // namespace

std::string JobDecision::gpus_per_node() const {
  const std::string count = std::to_string(tasks_per_node);
  return gpu_name.empty() ? count : gpu_name + ":" + count;
}

std::string JobDecision::comment() const { return "rhumb:" + plan; }

Outcome<JobDecision> Decide(const Variables& variables, const GpuNames& names) {
  JobDecision decision;
  decision.plan = Text(variables, "RHUMB_PLAN");
  if (decision.plan.empty() || !IsWord(decision.plan)) {
    return Problem<JobDecision>(
        "the plan has no name, as where the search was cut short; plan first with `rhumb plan`, "
        "then submit with --rhumb=plan=NAME");
  }
  const std::string type = Text(variables, "RHUMB_GPU_TYPE");
  const std::optional<int64_t> nodes = Number(variables, "RHUMB_NODE_COUNT", kMaxNodes);
  const std::optional<int64_t> gpus = Number(variables, "RHUMB_GPU_COUNT", kMaxNodes * 1024);
  if (type.empty() || !nodes.has_value() || !gpus.has_value()) {
    return Problem<JobDecision>(decision.plan +
                                " names no GPUs, so that there is no job to size; say which, as "
                                "gpus=16xh100");
  }
  if (*gpus % *nodes != 0) {
    return Problem<JobDecision>(decision.plan + " has " + std::to_string(*gpus) + " GPUs on " +
                                std::to_string(*nodes) +
                                " nodes, which --gpus-per-node cannot say; ask for a multiple");
  }
  decision.nodes = *nodes;
  decision.tasks_per_node = *gpus / *nodes;
  decision.gpu_name = names.NameOf(type);
  if (!IsWord(decision.gpu_name)) {
    return Problem<JobDecision>("\"" + decision.gpu_name + "\" is no GPU type of gres.conf");
  }
  const std::optional<int64_t> wall = Number(variables, "RHUMB_WALL_SECONDS", kMaxSeconds);
  if (!wall.has_value()) return Problem<JobDecision>(decision.plan + " has no wall time");
  decision.planned_minutes = MinutesOf(*wall);
  const int64_t high = Number(variables, "RHUMB_WALL_HIGH_SECONDS", kMaxSeconds).value_or(*wall);
  decision.minutes = MinutesOf(high < *wall ? *wall : high);
  if (!Text(variables, "RHUMB_JOB_COUNT").empty()) {
    const std::optional<int64_t> jobs = Number(variables, "RHUMB_JOB_COUNT", kMaxJobs);
    if (!jobs.has_value()) {
      return Problem<JobDecision>(decision.plan + " has no number of jobs from 1 to " +
                                  std::to_string(kMaxJobs));
    }
    decision.job_count = *jobs;
  }
  if (const std::optional<int64_t> limit = WholeMinutes(Text(variables, "RHUMB_JOB_LIMIT_SECONDS"));
      limit.has_value()) {
    decision.minutes = std::min(decision.minutes, *limit);
    decision.planned_minutes = std::min(decision.planned_minutes, *limit);
  }
  decision.partition = Text(variables, "RHUMB_PARTITION");
  if (!IsWord(decision.partition)) {
    return Problem<JobDecision>("\"" + FirstParagraph(decision.partition) +
                                "\" is no partition of Slurm");
  }
  return Good(std::move(decision));
}

std::string SlurmTime(int64_t minutes) {
  char text[48];
  std::snprintf(text, sizeof(text), "%lld-%02d:%02d:00", static_cast<long long>(minutes / 1440),
                static_cast<int>(minutes / 60 % 24), static_cast<int>(minutes % 60));
  return text;
}

std::vector<std::pair<std::string, std::string>> Options(const JobDecision& decision) {
  std::vector<std::pair<std::string, std::string>> options = {
      {"nodes", std::to_string(decision.nodes)},
      {"ntasks-per-node", std::to_string(decision.tasks_per_node)},
      {"gpus-per-node", decision.gpus_per_node()},
      {"time", SlurmTime(decision.minutes)}};
  if (!decision.partition.empty()) options.emplace_back("partition", decision.partition);
  options.emplace_back("comment", decision.comment());
  return options;
}

}  // namespace rhumb::slurm
