// SPDX-License-Identifier: Apache-2.0
#include "client/launch/framework_words.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace rhumb::launch {
namespace {

// What --tensor-model-parallel-size wants beside it. A command that splits tensors already has
// chosen.
std::string SequenceParallelBeside(const std::string& size, const JobFacts& facts) {
  const bool splits =
      facts.tensor_parallel_size.has_value() && facts.tensor_parallel_size->value > 1;
  return splits || size == "1" ? "" : " --sequence-parallel";
}

std::string InMegatron(const Change& change, const JobFacts& facts, const v1::Layout& changed) {
  const std::string& value = change.value;
  if (change.flag == "--micro-batch-size") return absl::StrCat("--micro-batch-size ", value);
  if (change.flag == "--tensor-parallel-size") {
    return absl::StrCat("--tensor-model-parallel-size ", value,
                        SequenceParallelBeside(value, facts));
  }
  if (change.flag == "--pipeline-parallel-size") {
    return absl::StrCat("--pipeline-model-parallel-size ", value);
  }
  if (change.flag == "--context-parallel-size") {
    return absl::StrCat("--context-parallel-size ", value);
  }
  if (change.flag == "--virtual-pipeline-stages") {
    const int64_t chunks = WholeNumber(value) * changed.pipeline_parallel_size();
    if (value == "1" || chunks < 1 || facts.model.num_layers() % chunks != 0) {
      return value == "1" ? "without --num-layers-per-virtual-pipeline-stage" : "";
    }
    return absl::StrCat("--num-layers-per-virtual-pipeline-stage ",
                        facts.model.num_layers() / chunks);
  }
  if (change.flag == "--expert-parallel-size") {
    return absl::StrCat("--expert-model-parallel-size ", value);
  }
  if (change.flag == "--gradient-accumulation-steps") {
    return absl::StrCat("--global-batch-size ", WholeNumber(value) * changed.micro_batch_size() *
                                                    changed.data_parallel_size());
  }
  if (change.flag == "--recompute") {
    return value == "full"
               ? "--recompute-granularity full --recompute-method uniform --recompute-num-layers 1"
               : absl::StrCat("--recompute-granularity ", value);
  }
  if (change.flag == "--zero-stage") {
    if (value == "1") return "--use-distributed-optimizer";
    if (value == "0") return "without --use-distributed-optimizer";
    if (value != "2" && value != "3") return "";
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
  if (change.flag == "--zero-stage") {
    if (change.value == "3") return "--fsdp \"full_shard auto_wrap\"";
    if (change.value == "2") return "--fsdp \"shard_grad_op auto_wrap\"";
    if (change.value == "0") return "without --fsdp";
  }
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
  if (change.flag == "--zero-stage") return "";
  return InTrainer(change);
}

// "--SECTION.KEY VALUE" in the section where the job has the key now: older releases have their
// degrees elsewhere.
template <typename Value>
std::string Setting(absl::string_view key, const std::string& value,
                    const std::optional<Fact<Value>>& now) {
  for (const char* section : {"training.", "experimental."}) {
    if (now.has_value() && absl::StrContains(now->text, absl::StrCat(section, key))) {
      return absl::StrCat("--", section, key, " ", value);
    }
  }
  return absl::StrCat("--parallelism.", key, " ", value);
}

std::string InTorchtitan(const Change& change, const JobFacts& facts, const v1::Layout& changed) {
  const std::string& value = change.value;
  if (change.flag == "--micro-batch-size") {
    const std::optional<Fact<int64_t>>& now = facts.micro_batch_size;
    if (changed.pipeline_parallel_size() > 1) {
      return absl::StrCat("--parallelism.pipeline_parallel_microbatch_size ", value);
    }
    const bool old = now.has_value() && absl::StrContains(now->text, "training.batch_size");
    return absl::StrCat("--training.", old ? "batch_size " : "local_batch_size ", value);
  }
  if (change.flag == "--tensor-parallel-size") {
    return Setting("tensor_parallel_degree", value, facts.tensor_parallel_size);
  }
  if (change.flag == "--pipeline-parallel-size") {
    return Setting("pipeline_parallel_degree", value, facts.pipeline_parallel_size);
  }
  if (change.flag == "--expert-parallel-size") {
    return Setting("expert_parallel_degree", value, facts.expert_parallel_size);
  }
  if (change.flag == "--gradient-accumulation-steps") {
    return absl::StrCat(
        "--training.global_batch_size ",
        WholeNumber(value) * changed.micro_batch_size() * changed.data_parallel_size());
  }
  if (change.flag == "--recompute") {
    return absl::StrCat("--activation_checkpoint.mode ", value);
  }
  // It shards gradients with the optimizer: 1 is what it has no word for.
  if (change.flag == "--zero-stage" && (value == "2" || value == "3")) {
    const bool replicates = facts.zero_stage.has_value() && facts.zero_stage->value == 0;
    return absl::StrCat(replicates ? "--parallelism.data_parallel_replicate_degree 1 "
                                     "--parallelism.data_parallel_shard_degree -1 "
                                   : "",
                        "--parallelism.fsdp_reshard_after_forward ",
                        value == "3" ? "always" : "never");
  }
  return "";
}

}  // namespace

int64_t WholeNumber(const std::string& text) {
  int64_t value = 0;
  return absl::SimpleAtoi(text, &value) ? value : 0;
}

std::string InFramework(const Change& change, const JobFacts& facts, const v1::Layout& changed) {
  switch (facts.framework) {
    case JobFramework::kUnknown:
      return "";
    case JobFramework::kMegatron:
      return InMegatron(change, facts, changed);
    case JobFramework::kDeepspeed:
      return InDeepspeed(change, facts);
    case JobFramework::kAccelerate:
      return InAccelerate(change);
    case JobFramework::kTorchtitan:
      return InTorchtitan(change, facts, changed);
    case JobFramework::kTrainer:
      return InTrainer(change);
  }
  return "";
}

std::string SwitchInFramework(const std::string& advice_code, const JobFacts& facts) {
  if (facts.framework == JobFramework::kMegatron) {
    const bool sharded = facts.zero_stage.has_value() && facts.zero_stage->value > 0;
    if (advice_code == "SEQUENCE_PARALLEL") return "--sequence-parallel";
    if (advice_code == "OVERLAP_TENSOR_PARALLEL") return "--tp-comm-overlap";
    if (advice_code == "OVERLAP_DATA_PARALLEL") {
      return sharded ? "--overlap-grad-reduce --overlap-param-gather" : "--overlap-grad-reduce";
    }
  }
  if (facts.framework == JobFramework::kDeepspeed && advice_code == "OVERLAP_DATA_PARALLEL") {
    return "\"zero_optimization\": {\"overlap_comm\": true}";
  }
  return "";
}

}  // namespace rhumb::launch
