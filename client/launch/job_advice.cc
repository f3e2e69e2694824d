// SPDX-License-Identifier: Apache-2.0
// Advice in the words of the job script.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/config/human_numbers.h"
#include "client/launch/job_question.h"
#include "client/launch/slurm_time.h"

namespace rhumb::launch {
namespace {

struct Change {
  std::string flag;
  std::string value;
};

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

int64_t Number(const std::string& text) {
  int64_t value = 0;
  return absl::SimpleAtoi(text, &value) ? value : 0;
}

// The layout with `changes` made, for what follows from several parts of it.
v1::Layout Changed(const v1::CheckConfigurationResponse& answer,
                   const std::vector<Change>& changes) {
  v1::Layout layout = answer.layout();
  int64_t gpus = answer.allocation().gpu_count();
  for (const Change& change : changes) {
    const int64_t value = Number(change.value);
    if (change.flag == "--tensor-parallel-size") layout.set_tensor_parallel_size(value);
    if (change.flag == "--pipeline-parallel-size") layout.set_pipeline_parallel_size(value);
    if (change.flag == "--micro-batch-size") layout.set_micro_batch_size(value);
    if (change.flag == "--gpus") gpus = Number(change.value.substr(0, change.value.find('x')));
  }
  const int64_t model_ranks = layout.tensor_parallel_size() * layout.pipeline_parallel_size() *
                              layout.context_parallel_size();
  if (model_ranks > 0) layout.set_data_parallel_size(gpus / model_ranks);
  return layout;
}

bool Given(const v1::CheckConfigurationRequest& given, const std::string& flag) {
  const v1::LayoutConstraints& layout = given.layout();
  if (flag == "--tensor-parallel-size") return layout.has_tensor_parallel_size();
  if (flag == "--pipeline-parallel-size") return layout.has_pipeline_parallel_size();
  if (flag == "--expert-parallel-size") return layout.has_expert_parallel_size();
  if (flag == "--zero-stage") return layout.has_zero_stage();
  if (flag == "--micro-batch-size") return layout.has_micro_batch_size();
  if (flag == "--recompute") return layout.recompute() != v1::RECOMPUTE_UNSPECIFIED;
  if (flag == "--gradient-accumulation-steps") {
    return layout.has_gradient_accumulation_steps() || given.has_global_batch_tokens();
  }
  if (flag == "--gpus") return given.has_gpu_pool() || !given.cluster().empty();
  if (flag == "--deadline") return given.has_deadline_seconds();
  return true;  // --budget: only flags state one
}

std::string InMegatron(const Change& change, const v1::Layout& changed) {
  const std::string& value = change.value;
  if (change.flag == "--micro-batch-size") return absl::StrCat("--micro-batch-size ", value);
  if (change.flag == "--tensor-parallel-size") {
    return absl::StrCat("--tensor-model-parallel-size ", value, " --sequence-parallel");
  }
  if (change.flag == "--pipeline-parallel-size") {
    return absl::StrCat("--pipeline-model-parallel-size ", value);
  }
  if (change.flag == "--expert-parallel-size") {
    return absl::StrCat("--expert-model-parallel-size ", value);
  }
  if (change.flag == "--gradient-accumulation-steps") {
    return absl::StrCat("--global-batch-size ",
                        Number(value) * changed.micro_batch_size() * changed.data_parallel_size());
  }
  if (change.flag == "--recompute") {
    return value == "full"
               ? "--recompute-granularity full --recompute-method uniform --recompute-num-layers 1"
               : absl::StrCat("--recompute-granularity ", value);
  }
  if (change.flag == "--zero-stage") {
    if (value == "1") return "--use-distributed-optimizer";
    return absl::StrCat("--use-megatron-fsdp --data-parallel-sharding-strategy ",
                        value == "2" ? "optim_grads" : "optim_grads_params",
                        " --use-distributed-optimizer --no-gradient-accumulation-fusion "
                        "--ckpt-format fsdp_dtensor");
  }
  return "";
}

// Values "auto" are the script's: Hugging Face's Trainer has flags for them.
std::string InTrainer(const Change& change) {
  if (change.flag == "--micro-batch-size") {
    return absl::StrCat("--per_device_train_batch_size ", change.value);
  }
  if (change.flag == "--gradient-accumulation-steps") {
    return absl::StrCat("--gradient_accumulation_steps ", change.value);
  }
  if (change.flag == "--recompute" && change.value == "full")
    return "--gradient_checkpointing True";
  return "";
}

std::string InDeepspeed(const Change& change, const JobFacts& facts) {
  const bool trainer = facts.micro_batch_size.has_value() && facts.micro_batch_size->line > 0;
  if (trainer && change.flag != "--zero-stage") return InTrainer(change);
  if (change.flag == "--micro-batch-size") {
    return absl::StrCat("\"train_micro_batch_size_per_gpu\": ", change.value);
  }
  if (change.flag == "--zero-stage") {
    return absl::StrCat("\"zero_optimization\": {\"stage\": ", change.value, "}");
  }
  if (change.flag == "--gradient-accumulation-steps") {
    return absl::StrCat("\"gradient_accumulation_steps\": ", change.value);
  }
  return "";
}

std::string InAccelerate(const Change& change) {
  if (change.flag == "--zero-stage" && (change.value == "2" || change.value == "3")) {
    return absl::StrCat("fsdp_reshard_after_forward: ", change.value == "3" ? "true" : "false");
  }
  if (change.flag == "--recompute" && change.value == "full") {
    return "fsdp_activation_checkpointing: true";
  }
  return InTrainer(change);
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
    const int64_t count = Number(change.value.substr(0, change.value.find('x')));
    const int64_t nodes = (count + per_node - 1) / per_node;
    written = absl::StrCat("#SBATCH --nodes=", nodes, NodesOfLauncher(facts, nodes, count));
  } else if (facts.framework == JobFramework::kMegatron) {
    written = InMegatron(change, changed);
  } else if (facts.framework == JobFramework::kDeepspeed) {
    written = InDeepspeed(change, facts);
  } else if (facts.framework == JobFramework::kAccelerate) {
    written = InAccelerate(change);
  }
  return written.empty() ? absl::StrCat(change.flag, " ", change.value) : written;
}

// Where the job says now what `flag` would change; 0 if it does not.
int LineOf(const JobFacts& facts, const std::string& flag) {
  const auto line = [](const auto& fact) { return fact.has_value() ? fact->line : 0; };
  if (flag == "--deadline") return line(facts.time_limit_seconds);
  if (flag == "--gpus") return line(facts.gpu_count);
  if (flag == "--micro-batch-size") return line(facts.micro_batch_size);
  if (flag == "--tensor-parallel-size") return line(facts.tensor_parallel_size);
  if (flag == "--pipeline-parallel-size") return line(facts.pipeline_parallel_size);
  if (flag == "--expert-parallel-size") return line(facts.expert_parallel_size);
  if (flag == "--zero-stage") return line(facts.zero_stage);
  if (flag == "--recompute") return line(facts.recompute);
  if (flag == "--gradient-accumulation-steps") {
    return facts.global_batch_size.has_value() ? line(facts.global_batch_size)
                                               : line(facts.gradient_accumulation_steps);
  }
  return 0;
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
      if (Given(given, change.flag)) {
        written.push_back(absl::StrCat(change.flag, " ", change.value));
        continue;
      }
      written.push_back(InJob(change, facts, answer, changed));
      const int line = LineOf(facts, change.flag);
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
