// SPDX-License-Identifier: Apache-2.0
// The numbers of the time and memory models that belong to no GPU family and no framework: what
// kernels, collectives and schedules cost everywhere.
#ifndef RHUMB_PLANNER_COST_WORK_CONSTANTS_H_
#define RHUMB_PLANNER_COST_WORK_CONSTANTS_H_

#include "planner/cost/shipped_constants.h"

namespace rhumb {

// One set for all runs. The values are those that measured runs gave (shipped_constants.h says
// which); planner/calibrate/shipped_axes.cc says what each was pulled to, and why.
struct WorkConstants {
  // Kernels of a layer.
  double backward_launch_ratio = shipped::kWorkBackwardLaunchRatio;  // launches, over forward
  double moe_launch_ratio = shipped::kWorkMoeLaunchRatio;            // with experts, over without
  double compiled_launch_ratio = shipped::kWorkCompiledLaunchRatio;  // compiled over eager
  double compiled_elementwise_ratio = shipped::kWorkCompiledElementwiseRatio;
  // Bytes a score that unfused attention moves in each pass beside its two GEMMs.
  double score_traffic_bytes = shipped::kWorkScoreTrafficBytes;
  double unfused_gemm_overhead = shipped::kWorkUnfusedGemmOverhead;
  // Batched GEMMs over heads whose dimension is no multiple of 8 leave the tensor cores (16-byte
  // alignment).
  double misaligned_slowdown = shipped::kWorkMisalignedSlowdown;
  double permutation_bytes = shipped::kWorkPermutationBytes;       // a routed token and hidden unit
  double logits_traffic_bytes = shipped::kWorkLogitsTrafficBytes;  // a token and vocabulary entry
  // Share of the forward pass that operator-level selective recompute repeats.
  double operator_recompute_share = shipped::kWorkOperatorRecomputeShare;

  // Communication.
  double all_to_all_exposed = shipped::kWorkAllToAllExposed;
  // Sequence parallelism gathers a layer's input once more for the weight gradient.
  double sequence_parallel_backward_ratio = shipped::kWorkSequenceParallelBackwardRatio;
  // Start of a collective: a fixed part and one per doubling of the ranks.
  double collective_base_seconds = shipped::kWorkCollectiveBaseSeconds;
  double collective_seconds_per_doubling = shipped::kWorkCollectiveSecondsPerDoubling;
  // Start of the gathers and reductions of ZeRO-2 and ZeRO-3, a layer.
  double gather_seconds_per_doubling = shipped::kWorkGatherSecondsPerDoubling;
  double gather_seconds_per_node = shipped::kWorkGatherSecondsPerNode;
  // Seconds that a second of hidden gathers and reductions adds to the work it hides behind.
  double overlap_slowdown = shipped::kWorkOverlapSlowdown;
  double pipeline_send_seconds = shipped::kWorkPipelineSendSeconds;  // start of one
  double pipeline_exposed_when_overlapped = shipped::kWorkPipelineExposedWhenOverlapped;
  // Replicas wait for the slowest of them: share of the work, a doubling of their number.
  double replica_skew = shipped::kWorkReplicaSkew;
  double step_fixed_seconds = shipped::kWorkStepFixedSeconds;  // optimizer launch, clipping, log

  // Memory: set by hand. The few measured peaks that show them (of torchtitan, and of runs under
  // full recompute) were read off one by one, and no fit chooses them.
  // Share of a layer's activations that operator-level selective recompute keeps.
  double operator_recompute_keeps = 0.42;
  // Under full recompute one layer is live again while its backward pass runs, with part of its
  // gradients.
  double recomputed_layers = 1.5;

  bool operator==(const WorkConstants&) const = default;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_WORK_CONSTANTS_H_
