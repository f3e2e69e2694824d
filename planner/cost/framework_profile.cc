// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/framework_profile.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace rhumb {
namespace {

FrameworkProfile Megatron() {
  FrameworkProfile profile;
  profile.name = "megatron";
  profile.version = "Megatron-Core 0.8 and later, Megatron-Bridge";
  profile.attention = Attention::kCudnn;
  profile.overlaps_tensor_parallel = true;
  profile.overlaps_data_parallel = true;
  profile.overlaps_pipeline = true;
  profile.keeps_8bit_inputs = true;
  return profile;
}

// Megatron-Bridge from release 26.06 on: its grouped GEMMs on Blackwell do not lose on narrow
// experts what earlier ones lost. Qwen3 30B (width 768) became 1.4 times faster between releases,
// DeepSeek-V3 (2,048) 1.15 times, dense models did not.
FrameworkProfile Megatron2606() {
  FrameworkProfile profile = Megatron();
  profile.name = "megatron-26.06";
  profile.version = "Megatron-Bridge 26.06 and later on Blackwell";
  profile.expert_half_width = shipped::kMegatron2606ExpertHalfWidth;
  return profile;
}

// NeMo 1.x and 24.x over Megatron-Core: its recipes keep and reduce gradients in 16 bit
// (`optim.grad_sync_dtype=bf16`).
FrameworkProfile Nemo() {
  FrameworkProfile profile = Megatron();
  profile.name = "nemo";
  profile.version = "24.01-24.12 (Megatron-Core, distributed optimizer)";
  profile.gradient_bytes = 2;
  profile.reduced_gradient_bytes = 2;
  return profile;
}

// Megatron-LM and Megatron-DeepSpeed of 2021-23: no flash attention, nothing overlapped, 16-bit
// gradients.
FrameworkProfile MegatronDeepSpeed() {
  FrameworkProfile profile;
  profile.name = "megatron-deepspeed";
  profile.version = "2021-2023";
  profile.attention = Attention::kCore;
  profile.weight_bytes = 2;
  profile.gradient_bytes = 2;
  profile.optimizer_bytes = 16;  // fp32 master, moments and gradients
  profile.step_optimizer_bytes = 4;
  profile.reduced_gradient_bytes = 2;
  profile.reduces_to_all = true;
  profile.stage_boundary_copies = 1;
  profile.workspace_bytes = 4.5e9;  // flat buckets for reducing and gathering
  profile.layouts.context = false;
  profile.layouts.max_virtual_stages = 1;
  profile.layer_launch_seconds = shipped::kMegatronDeepspeedLayerLaunchSeconds;
  profile.elementwise_hidden_bytes = shipped::kMegatronDeepspeedElementwiseHiddenBytes;
  profile.pipeline_sends_per_pass = shipped::kMegatronDeepspeedPipelineSendsPerPass;
  return profile;
}

// Megatron-LM of 2021-22, without DeepSpeed: fp32 gradients beside the 16-bit weights.
FrameworkProfile MegatronLm() {
  FrameworkProfile profile = MegatronDeepSpeed();
  profile.name = "megatron-lm";
  profile.version = "2021-2022";
  profile.layouts = {.context = false, .expert = false, .zero_stages = {0, 1}};
  profile.gradient_bytes = 4;
  profile.optimizer_bytes = 12;
  profile.step_optimizer_bytes = 0;
  profile.reduced_gradient_bytes = 4;
  profile.reduces_to_all = false;
  profile.scatters_pipeline_sends = true;
  profile.stage_boundary_copies = 0;
  profile.workspace_bytes = 0.1e9;
  profile.layer_launch_seconds = shipped::kMegatronLmLayerLaunchSeconds;
  profile.elementwise_hidden_bytes = shipped::kMegatronLmElementwiseHiddenBytes;
  profile.pipeline_sends_per_pass = shipped::kMegatronPipelineSendsPerPass;
  return profile;
}

FrameworkProfile DeepSpeed() {
  FrameworkProfile profile = MegatronDeepSpeed();
  profile.name = "deepspeed";
  profile.version = "ZeRO-3 of 2021-2023";
  // A ds_config knows data parallelism only; the rest is the model's own code.
  profile.layouts = {.tensor = false, .pipeline = false, .context = false, .expert = false};
  profile.overlaps_data_parallel = true;
  profile.gather_network_fraction = shipped::kDeepspeedGatherNetworkFraction;
  return profile;
}

// PyTorch FSDP without a compiler, as llm-foundry and plain training scripts use it.
FrameworkProfile Fsdp() {
  FrameworkProfile profile;
  profile.name = "fsdp";
  profile.version = "PyTorch 2.0 and later, eager";
  // NO_SHARD, SHARD_GRAD_OP and FULL_SHARD, the default.
  profile.layouts = {.tensor = false,
                     .pipeline = false,
                     .context = false,
                     .expert = false,
                     .zero_stages = {0, 2, 3},
                     .default_zero_stage = 3};
  profile.attention = Attention::kFlash;
  profile.overlaps_data_parallel = true;
  profile.logits_bytes = 12;
  profile.counter = MemoryCounter::kReserved;
  profile.recompute_stops_early = true;
  profile.sharded_weight_bytes = 0;
  profile.reduced_gradient_bytes = 2;
  profile.fuses_gated_activation = false;
  profile.gathered_gradient_bytes = 2;
  profile.elementwise_hidden_bytes = shipped::kFsdpElementwiseHiddenBytes;
  profile.layer_launch_seconds = shipped::kFsdpLayerLaunchSeconds;
  return profile;
}

// MosaicML's llm-foundry: FSDP with its own models (MPT), which have no dropout, and a fused loss
// that keeps the 16-bit logits and their gradient only (`loss_fn: fused_crossentropy`, the default
// of llmfoundry/models/mpt/modeling_mpt.py).
FrameworkProfile LlmFoundry() {
  FrameworkProfile profile = Fsdp();
  profile.name = "llm-foundry";
  profile.version = "0.3-0.6 (MPT)";
  profile.hidden_activation_bytes = 8;
  profile.logits_bytes = 4;
  return profile;
}

FrameworkProfile Torchtitan() {
  FrameworkProfile profile = Fsdp();
  profile.name = "torchtitan";
  profile.version = "2024-2025 (FSDP2, torch.compile)";
  // Its interleaved schedule places two stages on a rank.
  profile.layouts = {.max_virtual_stages = 2,
                     .zero_stages = {0, 2, 3},
                     .pipelined_zero_stages = {0, 2},
                     .default_zero_stage = 3};
  profile.compiled = true;
  profile.recompute_stops_early = false;  // the compiler repeats the block as one graph
  profile.selective_recompute = SelectiveRecompute::kOperators;
  profile.layer_launch_seconds = shipped::kTorchtitanLayerLaunchSeconds;
  return profile;
}

FrameworkProfile Nanotron() {
  FrameworkProfile profile;
  profile.name = "nanotron";
  profile.version = "2024-2025";
  profile.layouts = {.context = false, .max_virtual_stages = 1, .zero_stages = {0, 1}};
  profile.attention = Attention::kFlash;
  profile.gradient_bytes = 6;  // 16-bit gradients beside fp32 accumulation
  profile.logits_bytes = 12;
  profile.counter = MemoryCounter::kReserved;
  profile.layer_launch_seconds = shipped::kFsdpLayerLaunchSeconds;
  return profile;
}

FrameworkProfile Accelerate() {
  FrameworkProfile profile = Fsdp();
  profile.name = "accelerate";
  profile.version = "Hugging Face Accelerate 1.x over FSDP";
  profile.layouts.recompute_modes = {Recompute::kNone, Recompute::kFull};
  return profile;
}

}  // namespace

const std::vector<FrameworkProfile>& FrameworkProfiles() {
  static const auto* const profiles = new std::vector<FrameworkProfile>{
      Megatron(), Megatron2606(), MegatronLm(), MegatronDeepSpeed(), DeepSpeed(), Torchtitan(),
      Fsdp(),     LlmFoundry(),   Nemo(),       Nanotron(),          Accelerate()};
  return *profiles;
}

absl::StatusOr<FrameworkProfile> FindFrameworkProfile(absl::string_view name) {
  std::vector<std::string> known;
  for (const FrameworkProfile& profile : FrameworkProfiles()) {
    if (absl::EqualsIgnoreCase(profile.name, name)) return profile;
    known.push_back(profile.name);
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown framework \"", std::string(name),
                                                 "\"; known: ", absl::StrJoin(known, ", ")));
}

double CounterBytes(const FrameworkProfile& profile, double live_bytes) {
  switch (profile.counter) {
    case MemoryCounter::kAllocated:
      return live_bytes;
    case MemoryCounter::kReserved:
      return profile.reserved_factor * live_bytes;
    case MemoryCounter::kNvidiaSmi:
      return profile.reserved_factor * live_bytes + profile.context_bytes;
  }
  return live_bytes;
}

}  // namespace rhumb
