// SPDX-License-Identifier: Apache-2.0
// What is known about a run from its job script, each fact with the line that says it.
#ifndef RHUMB_CLIENT_LAUNCH_JOB_FACTS_H_
#define RHUMB_CLIENT_LAUNCH_JOB_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/launch/remedy.h"
#include "rhumb/v1/architecture.pb.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::launch {

// A value and where it was read.
template <typename Value>
struct Fact {
  Value value{};
  int line = 0;      // of the job script; 0 in another file
  std::string text;  // as written: "#SBATCH --nodes=4", "--num-layers 32", "ds.json: ..."
};

// A line of the answer's list of what was read.
struct ReadFact {
  int line = 0;
  std::string text;
  std::string field;  // of CheckConfigurationRequest, as in "layout.zero_stage"
  std::string value;
  bool overruled = false;  // a flag of the command line says otherwise
};

// What was not read, and the flags that say it instead, all of them; none where the check can do
// without.
struct NotRead {
  int line = 0;
  std::string text;
  std::string reason;
  std::vector<Remedy> remedies = {};
  // Why something else is missing: an error about that shows it too.
  bool is_cause = false;

  // "--zero-stage N, --precision NAME".
  std::string Flags() const;
  bool IsEssential() const;
};

// What starts the ranks and whose flags the run is written in.
// kTrainer: Hugging Face's Trainer without accelerate's launcher or DeepSpeed.
enum class JobFramework { kUnknown, kMegatron, kDeepspeed, kAccelerate, kTorchtitan, kTrainer };

// The words that ask for GPUs, each where it is written, for advice on another number of them.
struct GpuWords {
  std::optional<Fact<int64_t>> nodes, gpus, tasks;  // Slurm's
  std::string gpu_type;                             // as `gpus` is written
  std::string launcher;                             // "torchrun", "deepspeed", "accelerate"
  int launcher_line = 0;
  std::optional<Fact<int64_t>> launcher_nodes;
  std::optional<Fact<int64_t>> ranks_per_node;
};

// A run as its job script states it. Counts that derive from others (tokens, batch tokens) are
// worked out once it is known which of them flags replace.
struct JobFacts {
  JobFramework framework = JobFramework::kUnknown;
  std::optional<Fact<std::string>> framework_name;  // RHUMB_FRAMEWORK

  std::optional<Fact<std::string>> gpu_type;
  std::optional<Fact<int64_t>> gpu_count;
  std::optional<Fact<int64_t>> gpus_per_node;
  std::optional<Fact<double>> inter_node_gbps_per_gpu;
  std::optional<Fact<double>> time_limit_seconds;  // of one job
  int64_t job_count = 1;                           // RHUMB_JOB_COUNT: jobs of its chain

  bool has_model = false;
  v1::Architecture model;

  std::optional<Fact<int64_t>> sequence_length;
  std::optional<Fact<int64_t>> micro_batch_size;
  std::optional<Fact<int64_t>> gradient_accumulation_steps;
  std::optional<Fact<int64_t>> global_batch_size;  // sequences
  std::optional<Fact<int64_t>> step_count;
  std::optional<Fact<int64_t>> sample_count;  // sequences of the whole run

  std::optional<Fact<int64_t>> tensor_parallel_size;
  std::optional<Fact<int64_t>> pipeline_parallel_size;
  std::optional<Fact<int64_t>> context_parallel_size;
  std::optional<Fact<int64_t>> expert_parallel_size;
  std::optional<Fact<int64_t>> virtual_pipeline_stages;
  std::optional<Fact<int64_t>> zero_stage;
  std::optional<Fact<v1::Recompute>> recompute;
  std::optional<Fact<v1::Precision>> precision;
  // Absent where the framework has no such switch.
  std::optional<Fact<bool>> sequence_parallel;
  std::optional<Fact<bool>> overlap_tensor_parallel, overlap_data_parallel;
  std::optional<Fact<int64_t>> expert_tensor_parallel_size;

  std::vector<ReadFact> model_facts;  // flags that make up `model`
  std::vector<NotRead> not_read;
  GpuWords gpu_words;
  // What contradicts itself, as ranks that are not the GPUs asked for.
  std::vector<v1::Plan::Warning> warnings;
};

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_JOB_FACTS_H_
