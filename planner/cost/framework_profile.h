// SPDX-License-Identifier: Apache-2.0
// What a training framework adds to the arithmetic: bytes it keeps, kernels it uses, communication
// it hides. These figures belong to software; those of the hardware are in hardware.h and
// time_constants.h.
#ifndef RHUMB_PLANNER_COST_FRAMEWORK_PROFILE_H_
#define RHUMB_PLANNER_COST_FRAMEWORK_PROFILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/cost/framework_layouts.h"
#include "planner/cost/work_constants.h"

namespace rhumb {

// kFlash: FlashAttention-2; kCudnn: cuDNN or FlashAttention-3; kCore and kUnfused materialise the
// score matrix (kCore: with Megatron's fused softmax).
enum class Attention { kFlash, kCudnn, kCore, kUnfused };

// What a memory figure counts: live tensors, the caching allocator's share, or all the device shows
// as used.
enum class MemoryCounter { kAllocated, kReserved, kNvidiaSmi };

// What Recompute::kSelective repeats: the attention core (Megatron), or every second matmul and all
// element-wise operations (operator-level policy of torchtitan).
enum class SelectiveRecompute { kAttentionCore, kOperators };

struct FrameworkProfile {
  std::string name;
  std::string version;  // releases that the figures were taken from
  FrameworkLayouts layouts;

  Attention attention = Attention::kFlash;
  bool compiled = false;  // element-wise kernels fused by a compiler
  bool overlaps_tensor_parallel = false;
  bool overlaps_data_parallel = false;
  bool overlaps_pipeline = false;
  // Tensor ranks send a 1/t slice each to the next node and gather it there (Narayanan et al. 2021,
  // arXiv:2104.04473, section 4.1); with sequence parallelism the slices are all there is.
  bool scatters_pipeline_sends = false;
  SelectiveRecompute selective_recompute = SelectiveRecompute::kAttentionCore;
  // The repeated forward pass ends with the last tensor that the backward pass reads
  // (torch.utils.checkpoint).
  bool recompute_stops_early = false;

  // Bytes per parameter. Weights are the working copy; optimizer covers master weights and Adam's
  // moments and is sharded from ZeRO-1 on.
  double weight_bytes = 2;
  double gradient_bytes = 4;
  double optimizer_bytes = 12;
  // Of optimizer_bytes, what lives only while the optimizer runs, when no activation does: fp32
  // copies that are made of 16-bit gradients at the end of a step.
  double step_optimizer_bytes = 0;
  double sharded_weight_bytes =
      2;  // of the shard under ZeRO-3; 0 where the fp32 master is the shard
  double gathered_gradient_bytes =
      4;  // of a layer while its gradients wait for the reduce-scatter (ZeRO-3)
  double reduced_gradient_bytes = 4;  // per parameter on the wire, one way
  bool reduces_to_all = false;        // ZeRO-1 by an all-reduce where a reduce-scatter would do

  // Bytes kept for the backward pass per token and hidden unit of a layer, beside projections, MLP
  // and attention.
  double hidden_activation_bytes = 10;
  bool keeps_8bit_inputs =
      false;  // under 8-bit precision, saves the inputs of linear layers in 8 bit
  bool fuses_gated_activation =
      true;  // one kernel for gate and product; eager code keeps its output too
  int stage_boundary_copies =
      0;  // of a stage's input or output, per micro-batch in flight, beside the checkpoints
  double logits_bytes = 6;         // per token and padded vocabulary entry, on the last stage
  double workspace_bytes = 0.1e9;  // live buffers that no formula explains
  double reserved_factor = 1.05;   // allocator's share over live tensors (fragmentation)
  double context_bytes =
      3.0e9;  // CUDA context and communicators that only the device counter shows
  MemoryCounter counter = MemoryCounter::kNvidiaSmi;

  // FFN width at which grouped GEMMs of experts reach half of their rate.
  double expert_half_width = shipped::kMegatronExpertHalfWidth;
  // Host seconds to launch the kernels of one layer forward: a floor that small micro-batches hit.
  double layer_launch_seconds = shipped::kMegatronLayerLaunchSeconds;
  // Element-wise traffic of a layer forward, bytes per token and hidden unit, before fusion by a
  // compiler.
  double elementwise_hidden_bytes = shipped::kMegatronElementwiseHiddenBytes;
  // Share of the node's NICs that parameter gathers of ZeRO-3 reach together.
  double gather_network_fraction = 1;
  // Sends between two stages that a micro-batch waits for, forward and backward together: two, less
  // what travels both ways at once.
  double pipeline_sends_per_pass = shipped::kMegatronPipelineSendsPerPass;
  // What the models count alike under every framework.
  WorkConstants work;

  bool operator==(const FrameworkProfile&) const = default;
};

// Profiles by name: "megatron" (the default for planning), "megatron-26.06", "nemo", "megatron-lm",
// "megatron-deepspeed", "deepspeed", "torchtitan", "fsdp", "llm-foundry", "nanotron", "accelerate".
const std::vector<FrameworkProfile>& FrameworkProfiles();

// The profile called `name`, letter case ignored; INVALID_ARGUMENT that lists the known names
// otherwise.
absl::StatusOr<FrameworkProfile> FindFrameworkProfile(absl::string_view name);

// What `profile.counter` shows when `live_bytes` of tensors are live at the peak.
double CounterBytes(const FrameworkProfile& profile, double live_bytes);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_FRAMEWORK_PROFILE_H_
