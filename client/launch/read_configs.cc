// SPDX-License-Identifier: Apache-2.0
#include "client/launch/read_configs.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/launch/config_scalars.h"
#include "client/launch/flat_yaml.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

void ReadFsdp(const ScalarReader& scalars, JobFacts& facts) {
  const std::string prefix = "fsdp_config.";
  if (const auto strategy = scalars.Text(prefix + "fsdp_sharding_strategy")) {
    SetStrategy(*strategy, facts);
  } else if (const auto reshard = scalars.Text(prefix + "fsdp_reshard_after_forward")) {
    // FSDP2 says with a boolean what FSDP1 says with a strategy; its reader takes both.
    const std::string lower = absl::AsciiStrToLower(reshard->value);
    if (lower == "true" || lower == "false") {
      facts.zero_stage = Fact<int64_t>{lower == "true" ? 3 : 2, 0, reshard->text};
    } else {
      SetStrategy(*reshard, facts);
    }
  } else {
    facts.zero_stage = Fact<int64_t>{3, 0, "FSDP's default, sharding in full"};
  }
  if (scalars.IsTrue(prefix + "fsdp_activation_checkpointing")) {
    facts.recompute = Fact<v1::Recompute>{
        v1::RECOMPUTE_FULL, 0, scalars.Text(prefix + "fsdp_activation_checkpointing")->text};
  }
  if (scalars.IsTrue(prefix + "fsdp_offload_params")) {
    facts.not_read.push_back(
        {0, scalars.Text(prefix + "fsdp_offload_params")->text,
         "states moved to the host are counted on the GPU: it needs less memory, a step longer"});
  }
}

}  // namespace

void SetPrecision(const Fact<std::string>& name, JobFacts& facts) {
  const std::string lower = absl::AsciiStrToLower(name.value);
  v1::Precision precision = v1::PRECISION_UNSPECIFIED;
  if (lower == "bf16") precision = v1::PRECISION_BF16;
  if (lower == "fp16") precision = v1::PRECISION_FP16;
  if (lower == "fp8") precision = v1::PRECISION_FP8;
  if (precision == v1::PRECISION_UNSPECIFIED) {
    facts.not_read.push_back(
        {name.line, name.text, "fp32 is not modelled; bf16 is taken", {kSayPrecision}});
    return;
  }
  facts.precision = Fact<v1::Precision>{precision, name.line, name.text};
}

void SetStrategy(const Fact<std::string>& strategy, JobFacts& facts) {
  const std::string name = absl::AsciiStrToUpper(strategy.value);
  int64_t stage = -1;
  if (name == "FULL_SHARD" || name == "1") stage = 3;
  if (name == "SHARD_GRAD_OP" || name == "2") stage = 2;
  if (name == "NO_SHARD" || name == "3") stage = 0;
  if (stage < 0) {
    facts.not_read.push_back({strategy.line,
                              strategy.text,
                              "sharding within nodes only is not modelled",
                              {kSayZeroStage}});
    return;
  }
  facts.zero_stage = Fact<int64_t>{stage, strategy.line, strategy.text};
}

absl::Status ReadAccelerateConfig(absl::string_view text, const std::string& path,
                                  AccelerateConfig& config, JobFacts& facts) {
  ConfigScalars read;
  if (absl::EndsWith(path, ".json")) {
    RHUMB_ASSIGN_OR_RETURN(read, JsonScalars(text));
  } else {
    FlatYaml yaml = ReadFlatYaml(text);
    for (NotRead& line : yaml.not_read) {
      facts.not_read.push_back(
          {0, absl::StrCat(path, ":", line.line, ": ", line.text), line.reason});
    }
    read = std::move(yaml.scalars);
  }
  const ScalarReader scalars(std::move(read), path, facts);
  config.process_count = scalars.Integer("num_processes", 1, {kSayGpus});
  config.machine_count = scalars.Integer("num_machines", 1, {kSayGpusPerNode});
  if (const auto precision = scalars.Text("mixed_precision")) SetPrecision(*precision, facts);
  const auto type = scalars.Text("distributed_type");
  const std::string name = type.has_value() ? absl::AsciiStrToUpper(type->value) : "NO";
  if (name == "FSDP") {
    ReadFsdp(scalars, facts);
  } else if (name == "DEEPSPEED") {
    facts.framework = JobFramework::kDeepspeed;
    config.deepspeed_file = scalars.Text("deepspeed_config.deepspeed_config_file");
    facts.zero_stage = scalars.Integer("deepspeed_config.zero_stage", 0, {kSayZeroStage});
    facts.gradient_accumulation_steps =
        scalars.Integer("deepspeed_config.gradient_accumulation_steps", 1, {kSayAccumulation});
  } else if (name == "MULTI_GPU" || name == "NO") {
    facts.zero_stage = Fact<int64_t>{0, 0, type.has_value() ? type->text : "no distributed_type"};
  } else {
    facts.not_read.push_back({0, type->text, "is not modelled", {kSayZeroStage}});
  }
  const std::string prefix = "parallelism_config.parallelism_config_";
  facts.tensor_parallel_size = scalars.Integer(prefix + "tp_size", 1, {kSayTensorParallel});
  facts.context_parallel_size = scalars.Integer(prefix + "cp_size", 1, {kSayContextParallel});
  if (facts.tensor_parallel_size.has_value() && facts.tensor_parallel_size->value > 1) {
    facts.sequence_parallel = Fact<bool>{false, 0, "accelerate has no sequence parallelism"};
  }
  if (name == "FSDP") {
    scalars.RefuseAboveOne(prefix + "dp_replicate_size",
                           "sharding is taken over all data parallel ranks");
  }
  return absl::OkStatus();
}

void ReadAccelerateFlags(const ScriptFlags& flags, AccelerateConfig& config, JobFacts& facts) {
  std::vector<NotRead>& not_read = facts.not_read;
  if (const ScriptFlag* flag = flags.Find({"--num_processes", "--num-processes"})) {
    config.process_count = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  if (const ScriptFlag* flag = flags.Find({"--num_machines", "--num-machines"})) {
    config.machine_count = IntegerValue(*flag, 1, {kSayGpusPerNode}, not_read);
  }
  if (const ScriptFlag* flag = flags.Find({"--mixed_precision", "--mixed-precision"})) {
    const auto name = TextValue(*flag, {kSayPrecision}, not_read);
    if (name.has_value()) SetPrecision(*name, facts);
  }
  if (flags.Find({"--use_deepspeed", "--use-deepspeed"}) != nullptr) {
    facts.framework = JobFramework::kDeepspeed;
  }
  if (const ScriptFlag* flag = flags.Find({"--zero_stage", "--zero-stage"})) {
    facts.zero_stage = IntegerValue(*flag, 0, {kSayZeroStage}, not_read);
  }
  if (const ScriptFlag* flag =
          flags.Find({"--gradient_accumulation_steps", "--gradient-accumulation-steps"})) {
    facts.gradient_accumulation_steps = IntegerValue(*flag, 1, {kSayAccumulation}, not_read);
  }
  if (const ScriptFlag* flag =
          flags.Find({"--fsdp_sharding_strategy", "--fsdp-sharding-strategy"})) {
    const auto strategy = TextValue(*flag, {kSayZeroStage}, not_read);
    if (strategy.has_value()) SetStrategy(*strategy, facts);
  } else if (const ScriptFlag* fsdp = flags.Find({"--use_fsdp", "--use-fsdp"});
             fsdp != nullptr && !facts.zero_stage.has_value()) {
    facts.zero_stage = Fact<int64_t>{3, fsdp->line, fsdp->name};
  }
}

absl::Status ReadDeepspeedConfig(absl::string_view text, const std::string& path, JobFacts& facts) {
  RHUMB_ASSIGN_OR_RETURN(ConfigScalars read, JsonScalars(text));
  const ScalarReader scalars(std::move(read), path, facts);
  const auto take = [](std::optional<Fact<int64_t>> value, std::optional<Fact<int64_t>>& target) {
    if (value.has_value()) target = std::move(value);
  };
  take(scalars.Integer("train_batch_size", 1, {kSayBatch}), facts.global_batch_size);
  take(scalars.Integer("train_micro_batch_size_per_gpu", 1, {kSayMicroBatch}),
       facts.micro_batch_size);
  take(scalars.Integer("gradient_accumulation_steps", 1, {kSayAccumulation}),
       facts.gradient_accumulation_steps);
  const std::string zero = "zero_optimization.";
  const auto stage = scalars.Integer(zero + "stage", 0, {kSayZeroStage});
  facts.zero_stage = stage.has_value()
                         ? stage
                         : Fact<int64_t>{0, 0, absl::StrCat(path, ": no zero_optimization.stage")};
  // DeepSpeed's default, unless the file says it.
  const auto overlap = scalars.Text(zero + "overlap_comm");
  if (facts.zero_stage->value > 0) {
    const bool full = facts.zero_stage->value >= 3;
    facts.overlap_data_parallel =
        overlap.has_value()
            ? Fact<bool>{scalars.IsTrue(zero + "overlap_comm"), 0, overlap->text}
            : Fact<bool>{full, 0, absl::StrCat(path, ": no zero_optimization.overlap_comm")};
  }
  for (const char* precision : {"bf16", "bfloat16", "fp16"}) {
    const std::string key = absl::StrCat(precision, ".enabled");
    if (scalars.IsTrue(key)) {
      SetPrecision(
          {absl::StartsWith(precision, "bf") ? "bf16" : "fp16", 0, scalars.Text(key)->text}, facts);
    }
  }
  for (const char* offload : {"offload_optimizer.device", "offload_param.device"}) {
    const auto device = scalars.Text(zero + offload);
    if (device.has_value() && device->value != "none") {
      facts.not_read.push_back(
          {0, device->text,
           "states moved to the host are counted on the GPU: it needs less memory, a step longer"});
    }
  }
  scalars.RefuseAboveOne(zero + "zero_hpz_partition_size",
                         "secondary shards within nodes are not modelled");
  scalars.RefuseAboveOne(zero + "mics_shard_size", "sharding within groups is not modelled");
  scalars.RefuseAboveOne("tensor_parallel.autotp_size",
                         "tensor parallelism by DeepSpeed is not read");
  return absl::OkStatus();
}

std::vector<Remedy> RemediesOfAccelerate(const JobFacts& facts) {
  std::vector<Remedy> remedies;
  if (!facts.zero_stage.has_value()) remedies.push_back(kSayZeroStage);
  if (!facts.precision.has_value()) remedies.push_back(kSayPrecision);
  return remedies;
}

std::vector<Remedy> RemediesOfDeepspeed(const JobFacts& facts) {
  std::vector<Remedy> remedies = RemediesOfAccelerate(facts);
  if (!facts.micro_batch_size.has_value()) remedies.push_back(kSayMicroBatch);
  if (!facts.gradient_accumulation_steps.has_value() && !facts.global_batch_size.has_value()) {
    remedies.push_back(kSayAccumulationOrBatch);
  }
  return remedies;
}

}  // namespace rhumb::launch
