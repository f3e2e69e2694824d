// SPDX-License-Identifier: Apache-2.0
// Advice in the words of the job script.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/config/human_numbers.h"
#include "client/launch/framework_words.h"
#include "client/launch/job_question.h"
#include "client/launch/slurm_time.h"

namespace rhumb::launch {
namespace {

// "--zero-stage 3 --recompute full" as pairs; empty for what is no list of them.
std::vector<Change> ChangesOf(absl::string_view directive) {
  const std::vector<std::string> words = absl::StrSplit(directive, ' ', absl::SkipEmpty());
  std::vector<Change> changes;
  for (size_t i = 0; i + 1 < words.size(); i += 2) {
    if (!absl::StartsWith(words[i], "--")) return {};
    changes.push_back({words[i], words[i + 1]});
  }
  return words.size() % 2 == 0 ? changes : std::vector<Change>();
}

// The layout with `changes` made, for what follows from several parts of it.
v1::Layout Changed(const v1::CheckConfigurationResponse& answer,
                   const std::vector<Change>& changes) {
  v1::Layout layout = answer.layout();
  int64_t gpus = answer.allocation().gpu_count();
  for (const Change& change : changes) {
    const int64_t value = WholeNumber(change.value);
    if (change.flag == "--tensor-parallel-size") layout.set_tensor_parallel_size(value);
    if (change.flag == "--pipeline-parallel-size") layout.set_pipeline_parallel_size(value);
    if (change.flag == "--micro-batch-size") layout.set_micro_batch_size(value);
    if (change.flag == "--gpus") gpus = WholeNumber(change.value.substr(0, change.value.find('x')));
  }
  const int64_t model_ranks = layout.tensor_parallel_size() * layout.pipeline_parallel_size() *
                              layout.context_parallel_size();
  if (model_ranks > 0) layout.set_data_parallel_size(gpus / model_ranks);
  return layout;
}

using Request = v1::CheckConfigurationRequest;

template <typename Value>
int LineOf(const std::optional<Fact<Value>>& fact) {
  return fact.has_value() ? fact->line : 0;
}

// A flag that advice names: whether the user gave it, and where the job says it now; 0 if it does
// not.
struct AdvisedFlag {
  const char* flag;
  bool (*given)(const Request& given);
  int (*line)(const JobFacts& facts);
};
constexpr AdvisedFlag kAdvisedFlags[] = {
    {"--tensor-parallel-size",
     [](const Request& given) { return given.layout().has_tensor_parallel_size(); },
     [](const JobFacts& facts) { return LineOf(facts.tensor_parallel_size); }},
    {"--pipeline-parallel-size",
     [](const Request& given) { return given.layout().has_pipeline_parallel_size(); },
     [](const JobFacts& facts) { return LineOf(facts.pipeline_parallel_size); }},
    {"--expert-parallel-size",
     [](const Request& given) { return given.layout().has_expert_parallel_size(); },
     [](const JobFacts& facts) { return LineOf(facts.expert_parallel_size); }},
    {"--zero-stage", [](const Request& given) { return given.layout().has_zero_stage(); },
     [](const JobFacts& facts) { return LineOf(facts.zero_stage); }},
    {"--micro-batch-size",
     [](const Request& given) { return given.layout().has_micro_batch_size(); },
     [](const JobFacts& facts) { return LineOf(facts.micro_batch_size); }},
    {"--recompute",
     [](const Request& given) { return given.layout().recompute() != v1::RECOMPUTE_UNSPECIFIED; },
     [](const JobFacts& facts) { return LineOf(facts.recompute); }},
    {"--gradient-accumulation-steps",
     [](const Request& given) {
       return given.layout().has_gradient_accumulation_steps() || given.has_global_batch_tokens();
     },
     [](const JobFacts& facts) {
       return facts.global_batch_size.has_value() ? LineOf(facts.global_batch_size)
                                                  : LineOf(facts.gradient_accumulation_steps);
     }},
    {"--gpus",
     [](const Request& given) { return given.has_gpu_pool() || !given.cluster().empty(); },
     [](const JobFacts& facts) { return LineOf(facts.gpu_count); }},
    {"--deadline", [](const Request& given) { return given.has_deadline_seconds(); },
     [](const JobFacts& facts) { return LineOf(facts.time_limit_seconds); }},
};

// Null of a flag that no job states, as --budget.
const AdvisedFlag* FindAdvisedFlag(const std::string& name) {
  for (const AdvisedFlag& known : kAdvisedFlags) {
    if (name == known.flag) return &known;
  }
  return nullptr;
}

// What the launcher must be told besides Slurm where it states the nodes itself.
std::string NodesOfLauncher(const JobFacts& facts, int64_t nodes, int64_t gpus) {
  const std::string& text = facts.gpu_count.has_value() ? facts.gpu_count->text : "";
  if (absl::StrContains(text, "--nnodes")) return absl::StrCat(" --nnodes ", nodes);
  if (absl::StrContains(text, "--num_nodes")) return absl::StrCat(" --num_nodes ", nodes);
  if (absl::StrContains(text, "num_processes")) {
    return absl::StrCat(" num_processes: ", gpus, " num_machines: ", nodes);
  }
  return "";
}

// The words of the job for `change`; the flag itself where it has none.
std::string InJob(const Change& change, const JobFacts& facts,
                  const v1::CheckConfigurationResponse& answer, const v1::Layout& changed) {
  std::string written;
  if (change.flag == "--deadline") {
    const v1::TimePlan& time = answer.time();
    const double seconds = std::max(time.wall_seconds(), time.wall_high_seconds());
    written = absl::StrCat("#SBATCH --time=", FormatSlurmTime(seconds));
  } else if (change.flag == "--gpus") {
    const int64_t per_node = std::max<int64_t>(1, answer.allocation().gpus_per_node());
    const int64_t count = WholeNumber(change.value.substr(0, change.value.find('x')));
    const int64_t nodes = (count + per_node - 1) / per_node;
    written = absl::StrCat("#SBATCH --nodes=", nodes, NodesOfLauncher(facts, nodes, count));
  } else {
    written = InFramework(change, facts, changed);
  }
  return written.empty() ? absl::StrCat(change.flag, " ", change.value) : written;
}

}  // namespace

void AdviseOnJob(const JobFacts& facts, const v1::CheckConfigurationRequest& given,
                 v1::CheckConfigurationResponse& answer) {
  for (v1::Advice& advice : *answer.mutable_advice()) {
    const std::vector<Change> changes = ChangesOf(advice.directive());
    if (changes.empty()) continue;
    const v1::Layout changed = Changed(answer, changes);
    std::vector<std::string> written;
    std::vector<std::string> lines;
    for (const Change& change : changes) {
      const AdvisedFlag* flag = FindAdvisedFlag(change.flag);
      if (flag == nullptr || flag->given(given)) {
        written.push_back(absl::StrCat(change.flag, " ", change.value));
        continue;
      }
      written.push_back(InJob(change, facts, answer, changed));
      const int line = flag->line(facts);
      if (line > 0) lines.push_back(absl::StrCat(line));
    }
    const std::string directive = absl::StrJoin(written, " ");
    advice.set_text(absl::StrReplaceAll(advice.text(), {{advice.directive(), directive}}));
    advice.set_directive(directive);
    if (!lines.empty()) {
      absl::StrAppend(advice.mutable_text(), lines.size() == 1 ? " [line " : " [lines ",
                      absl::StrJoin(lines, ", "), "]");
    }
  }
  const v1::TimePlan& time = answer.time();
  if (answer.finishes() && facts.time_limit_seconds.has_value() && !given.has_deadline_seconds() &&
      time.has_wall_high_seconds() && time.wall_high_seconds() > facts.time_limit_seconds->value) {
    v1::Advice& advice = *answer.add_advice();
    advice.set_code("TIME_LIMIT_TIGHT");
    advice.set_text(absl::StrCat("it finishes in expectation, but may take ",
                                 FormatDuration(time.wall_high_seconds()), "; the limit is ",
                                 FormatDuration(facts.time_limit_seconds->value), " [line ",
                                 facts.time_limit_seconds->line));
    absl::StrAppend(advice.mutable_text(), "]");
    advice.set_directive(
        absl::StrCat("#SBATCH --time=", FormatSlurmTime(time.wall_high_seconds())));
  }
  for (const v1::Advice& advice : facts.advice) *answer.add_advice() = advice;
}

}  // namespace rhumb::launch
