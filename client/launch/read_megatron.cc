// SPDX-License-Identifier: Apache-2.0
#include "client/launch/read_megatron.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/launch/layer_pattern.h"
#include "client/launch/read_megatron_model.h"
#include "planner/cost/layout.h"

namespace rhumb::launch {
namespace {

// Flags that change time or memory in ways the model does not know.
struct Unmodelled {
  const char* flag;
  const char* reason;
};
constexpr Unmodelled kUnmodelled[] = {
    {"--mtp-num-layers",
     "multi-token prediction is not part of the model here: it needs more memory and time"},
    {"--rampup-batch-size", "the batch that grows is taken for its end from the first step on"},
    {"--cpu-offloading-num-layers",
     "activations moved to the host are counted on the GPU: it needs less memory, a step longer"},
    {"--optimizer-cpu-offload",
     "optimizer states moved to the host are counted on the GPU: it needs less memory, a step "
     "longer"},
    {"--use-precision-aware-optimizer",
     "the optimizer's states are counted in fp32: it needs less memory"},
    {"--use-torch-fsdp2", "PyTorch's FSDP2 is taken for Megatron's own"},
    {"--num-distributed-optimizer-instances", "sharding is taken over all data parallel ranks"},
    {"--hybrid-override-pattern", "layers other than attention and MLP are not part of the model"},
    {"--is-hybrid-model", "layers other than attention and MLP are not part of the model"},
    {"--recompute-modules", "selective recompute is taken for that of the attention core"},
    {"--decoder-first-pipeline-num-layers", "layers are taken to be spread evenly over stages"},
    {"--decoder-last-pipeline-num-layers", "layers are taken to be spread evenly over stages"},
    {"--account-for-embedding-in-pipeline-split",
     "layers are taken to be spread evenly over stages"},
    {"--account-for-loss-in-pipeline-split", "layers are taken to be spread evenly over stages"},
    {"--encoder-num-layers", "encoder-decoder models are not known here"},
};

void ReadSize(const ScriptFlags& flags, const char* name, const std::vector<Remedy>& instead,
              std::optional<Fact<int64_t>>& target, std::vector<NotRead>& not_read) {
  if (const ScriptFlag* flag = flags.Find({name})) {
    target = IntegerValue(*flag, 1, instead, not_read);
  }
}

Fact<bool> ReadSwitch(const ScriptFlags& flags, const char* name) {
  const ScriptFlag* flag = flags.Find({name});
  return flag == nullptr ? Fact<bool>{false, 0, absl::StrCat("no ", name)}
                         : Fact<bool>{true, flag->line, name};
}

void ReadVirtualStages(const ScriptFlags& flags, JobFacts& facts) {
  ReadSize(flags, "--num-virtual-stages-per-pipeline-rank", {kSayVirtualStages},
           facts.virtual_pipeline_stages, facts.not_read);
  const ScriptFlag* flag = flags.Find({"--num-layers-per-virtual-pipeline-stage"});
  if (flag == nullptr) return;
  const std::optional<Fact<int64_t>> layers =
      IntegerValue(*flag, 1, {kSayVirtualStages}, facts.not_read);
  if (!layers.has_value()) return;
  const int64_t stages =
      facts.pipeline_parallel_size.has_value() ? facts.pipeline_parallel_size->value : 1;
  const int64_t of_rank = facts.has_model ? facts.model.num_layers() / stages : 0;
  if (of_rank < 1 || of_rank % layers->value != 0) {
    facts.not_read.push_back({flag->line,
                              flag->Written(),
                              "does not divide the layers of a pipeline rank",
                              {kSayVirtualStages}});
    return;
  }
  facts.virtual_pipeline_stages =
      Fact<int64_t>{of_rank / layers->value, layers->line, layers->text};
}

void ReadSharding(const ScriptFlags& flags, JobFacts& facts) {
  const auto found = [&](int64_t stage, const ScriptFlag& flag) {
    facts.zero_stage = Fact<int64_t>{stage, flag.line, flag.Written()};
  };
  const ScriptFlag* strategy = flags.Find({"--data-parallel-sharding-strategy"});
  if (flags.Has("--use-megatron-fsdp") || flags.Has("--use-custom-fsdp")) {
    const std::string name =
        strategy == nullptr || strategy->values.empty() ? "no_shard" : strategy->values[0];
    const ScriptFlag& flag =
        strategy == nullptr ? *flags.Find({"--use-megatron-fsdp", "--use-custom-fsdp"}) : *strategy;
    if (name == "optim_grads_params") return found(3, flag);
    if (name == "optim_grads") return found(2, flag);
    if (name == "optim") return found(1, flag);
    if (name == "no_shard") return found(0, flag);
    facts.not_read.push_back({flag.line,
                              flag.Written(),
                              "must be no_shard, optim, optim_grads or optim_grads_params",
                              {kSayZeroStage}});
    return;
  }
  if (const ScriptFlag* flag = flags.Find({"--use-torch-fsdp2"})) {
    const ScriptFlag* keeps = flags.Find({"--torch-fsdp2-no-reshard-after-forward"});
    return found(keeps == nullptr ? 3 : 2, keeps == nullptr ? *flag : *keeps);
  }
  if (const ScriptFlag* flag = flags.Find({"--zero-stage"})) {  // Megatron-DeepSpeed's
    facts.zero_stage = IntegerValue(*flag, 0, {kSayZeroStage}, facts.not_read);
    return;
  }
  if (const ScriptFlag* flag = flags.Find({"--use-distributed-optimizer"})) return found(1, *flag);
  facts.zero_stage = Fact<int64_t>{0, 0, "no --use-distributed-optimizer"};
}

void ReadRecompute(const ScriptFlags& flags, JobFacts& facts) {
  const auto found = [&](v1::Recompute recompute, const ScriptFlag& flag) {
    facts.recompute = Fact<v1::Recompute>{recompute, flag.line, flag.Written()};
  };
  if (const ScriptFlag* flag = flags.Find({"--recompute-granularity"})) {
    const std::optional<Fact<std::string>> name = TextValue(*flag, {kSayRecompute}, facts.not_read);
    if (!name.has_value()) return;
    if (name->value == "selective") return found(v1::RECOMPUTE_SELECTIVE, *flag);
    if (name->value == "full") {
      found(v1::RECOMPUTE_FULL, *flag);
      // Each group of so many layers keeps one input; the memory model knows groups of one.
      const ScriptFlag* layers = flags.Find({"--recompute-num-layers"});
      const ScriptFlag* method = flags.Find({"--recompute-method"});
      const bool block =
          method != nullptr && !method->values.empty() && method->values[0] == "block";
      if (block || (layers != nullptr && (layers->values.empty() || layers->values[0] != "1"))) {
        const ScriptFlag& shown = block ? *method : *layers;
        facts.not_read.push_back(
            {shown.line, shown.Written(), "every layer is taken to be recomputed by itself"});
      }
      return;
    }
    facts.not_read.push_back(
        {flag->line, flag->Written(), "must be full or selective", {kSayRecompute}});
    return;
  }
  for (const char* name : {"--recompute-activations", "--checkpoint-activations"}) {
    if (const ScriptFlag* flag = flags.Find({name})) {
      const bool all = std::string(name) == "--checkpoint-activations";  // Megatron-DeepSpeed's
      return found(all ? v1::RECOMPUTE_FULL : v1::RECOMPUTE_SELECTIVE, *flag);
    }
  }
  facts.recompute = Fact<v1::Recompute>{v1::RECOMPUTE_NONE, 0, "no --recompute-granularity"};
}

void ReadPrecision(const ScriptFlags& flags, JobFacts& facts) {
  const auto found = [&](v1::Precision precision, const ScriptFlag& flag) {
    facts.precision = Fact<v1::Precision>{precision, flag.line, flag.Written()};
  };
  if (const ScriptFlag* flag = flags.Find({"--fp4-format"})) {
    return found(v1::PRECISION_NVFP4, *flag);
  }
  if (const ScriptFlag* flag = flags.Find({"--fp8-format"})) {
    const ScriptFlag* recipe = flags.Find({"--fp8-recipe"});
    const bool mx = recipe != nullptr && !recipe->values.empty() && recipe->values[0] == "mxfp8";
    return found(mx ? v1::PRECISION_MXFP8 : v1::PRECISION_FP8, mx ? *recipe : *flag);
  }
  if (const ScriptFlag* flag = flags.Find({"--bf16"})) return found(v1::PRECISION_BF16, *flag);
  if (const ScriptFlag* flag = flags.Find({"--fp16"})) return found(v1::PRECISION_FP16, *flag);
  facts.not_read.push_back({0,
                            "--bf16, --fp16",
                            "neither is given: the run is in fp32, which is "
                            "not modelled; bf16 is taken",
                            {kSayPrecision}});
}

void ReadStages(const ScriptFlags& flags, JobFacts& facts) {
  const ScriptFlag* flag = flags.Find({"--pipeline-model-parallel-layout"});
  if (flag == nullptr || !facts.has_model) return;
  const int64_t stages =
      facts.pipeline_parallel_size.has_value() ? facts.pipeline_parallel_size->value : 1;
  const std::optional<std::vector<int64_t>> layers =
      flag->values.empty() ? std::nullopt : ParsePipelineLayout(flag->values[0]);
  bool same = layers.has_value() && static_cast<int64_t>(layers->size()) == stages;
  for (int64_t stage = 0; same && stage < stages; ++stage) {
    same = (*layers)[static_cast<size_t>(stage)] ==
           LayersOnStage(facts.model.num_layers(), stages, stage);
  }
  if (same) return;
  facts.not_read.push_back(
      {flag->line, flag->Written(), "layers are taken to be spread evenly over stages"});
}

void ReadRanks(const ScriptFlags& flags, JobFacts& facts) {
  std::vector<NotRead>& not_read = facts.not_read;
  ReadSize(flags, "--tensor-model-parallel-size", {kSayTensorParallel}, facts.tensor_parallel_size,
           not_read);
  ReadSize(flags, "--pipeline-model-parallel-size", {kSayPipelineParallel},
           facts.pipeline_parallel_size, not_read);
  ReadSize(flags, "--context-parallel-size", {kSayContextParallel}, facts.context_parallel_size,
           not_read);
  ReadSize(flags, "--expert-model-parallel-size", {kSayExpertParallel}, facts.expert_parallel_size,
           not_read);
  const int64_t tensor =
      facts.tensor_parallel_size.has_value() ? facts.tensor_parallel_size->value : 1;
  facts.sequence_parallel = ReadSwitch(flags, "--sequence-parallel");
  if (facts.model.expert_count() == 0) return;
  // Megatron splits experts as it splits everything else, unless it is told otherwise.
  facts.expert_tensor_parallel_size = Fact<int64_t>{tensor, 0, "no --expert-tensor-parallel-size"};
  if (const ScriptFlag* flag = flags.Find({"--expert-tensor-parallel-size"})) {
    const auto size = IntegerValue(*flag, 1, {}, not_read);
    if (size.has_value()) facts.expert_tensor_parallel_size = size;
  }
}

// What is hidden behind the work: nothing, unless the command says so.
void ReadOverlap(const ScriptFlags& flags, JobFacts& facts) {
  facts.overlap_tensor_parallel = ReadSwitch(flags, "--tp-comm-overlap");
  const Fact<bool> reduce = ReadSwitch(flags, "--overlap-grad-reduce");
  const Fact<bool> gather = ReadSwitch(flags, "--overlap-param-gather");
  // FSDP gathers ahead of the work by itself.
  if (facts.zero_stage.has_value() && facts.zero_stage->value >= 3) return;
  if (flags.Has("--use-torch-fsdp2")) return;
  facts.overlap_data_parallel = reduce;
  if (reduce.value && !gather.value && facts.zero_stage.has_value() &&
      facts.zero_stage->value > 0) {
    facts.not_read.push_back({0, gather.text,
                              "gathering parameters is taken to be hidden as the reduction of "
                              "gradients is: a step takes longer"});
  }
}

void ReadBatch(const ScriptFlags& flags, JobFacts& facts) {
  std::vector<NotRead>& not_read = facts.not_read;
  ReadSize(flags, "--micro-batch-size", {kSayMicroBatch}, facts.micro_batch_size, not_read);
  ReadSize(flags, "--global-batch-size", {kSayBatch}, facts.global_batch_size, not_read);
  ReadSize(flags, "--seq-length", {kSaySequenceLength}, facts.sequence_length, not_read);
  ReadSize(flags, "--train-iters", {kSayTokens}, facts.step_count, not_read);
  ReadSize(flags, "--train-samples", {kSayTokens}, facts.sample_count, not_read);
}

}  // namespace

bool IsMegatron(const ScriptFlags& flags) {
  return flags.Find({"--num-layers", "--hidden-size", "--tensor-model-parallel-size",
                     "--pipeline-model-parallel-size", "--micro-batch-size", "--yaml-cfg",
                     "--use-checkpoint-args"}) != nullptr;
}

void ReadMegatron(const ScriptFlags& flags, JobFacts& facts) {
  facts.framework = JobFramework::kMegatron;
  ReadMegatronModel(flags, facts);
  ReadRanks(flags, facts);
  ReadVirtualStages(flags, facts);
  ReadStages(flags, facts);
  ReadSharding(flags, facts);
  ReadOverlap(flags, facts);
  ReadRecompute(flags, facts);
  ReadPrecision(flags, facts);
  ReadBatch(flags, facts);
  for (const Unmodelled& unmodelled : kUnmodelled) {
    if (const ScriptFlag* flag = flags.Find({unmodelled.flag})) {
      facts.not_read.push_back({flag->line, flag->Written(), unmodelled.reason});
    }
  }
}

}  // namespace rhumb::launch
