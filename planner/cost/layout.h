// SPDX-License-Identifier: Apache-2.0
// How a model is laid out on GPUs, in Megatron's words, and which layouts are legal.
#ifndef RHUMB_PLANNER_COST_LAYOUT_H_
#define RHUMB_PLANNER_COST_LAYOUT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "planner/cost/hardware.h"
#include "planner/cost/model_shape.h"

namespace rhumb {

enum class Recompute { kNone, kSelective, kFull };

// Product rule (Megatron's): gpu_count = tensor * pipeline * context * data parallel size. Expert
// parallelism partitions the data-parallel ranks: expert_parallel_size divides data_parallel_size.
// Experts are not tensor-split (expert tensor size 1).
struct Layout {
  int64_t tensor_parallel_size = 1;
  int64_t pipeline_parallel_size = 1;
  int64_t context_parallel_size = 1;
  int64_t expert_parallel_size = 1;
  int64_t data_parallel_size = 1;
  int64_t virtual_pipeline_stages = 1;
  int64_t zero_stage = 0;  // 0 none, 1 optimizer, 2 + gradients, 3 + parameters (FSDP)
  int64_t micro_batch_size = 1;
  Recompute recompute = Recompute::kNone;
  Precision precision = Precision::kBf16;
  bool sequence_parallel = true;  // effective only when tensor_parallel_size > 1
  int64_t expert_tensor_parallel_size = 1;

  int64_t gpu_count() const {
    return tensor_parallel_size * pipeline_parallel_size * context_parallel_size *
           data_parallel_size;
  }
};

// OK, or INVALID_ARGUMENT naming the first field that does not divide or is out of range:
// t divides heads, and divides or is divided by KV heads; p <= layers (stages differ by at most one
// layer); v p divides layers when v > 1, which needs p > 1; c divides the sequence; e divides
// experts and d.
absl::Status ValidateLayout(const ModelShape& shape, const Layout& layout);

// As above but with the wider rules of frameworks, for layouts that somebody already ran:
// interleaved stages may be uneven, and experts may also be spread over tensor and context ranks
// (expert * expert tensor size divides tensor * context * data parallel size).
absl::Status ValidateRunnableLayout(const ModelShape& shape, const Layout& layout);

// Layers on pipeline stage `stage`: stages differ by at most one layer. The longer stages are those
// in the middle first, because the first also holds the embedding and the last the output head.
int64_t LayersOnStage(int64_t num_layers, int64_t pipeline_parallel_size, int64_t stage);

// Layers on the stages before `stage`.
int64_t LayersBeforeStage(int64_t num_layers, int64_t pipeline_parallel_size, int64_t stage);

// Layers on a stage by kind, of a model whose first `num_dense_layers` layers are dense.
struct StageLayers {
  int64_t dense = 0;
  int64_t moe = 0;
};
StageLayers StageLayersOf(int64_t num_layers, int64_t num_dense_layers,
                          int64_t pipeline_parallel_size, int64_t stage);

// The stage that holds layer `layer`, counted from 0.
int64_t StageOfLayer(int64_t num_layers, int64_t pipeline_parallel_size, int64_t layer);

// Calls visit(stage) for stages among which every maximum over stages lies, of a quantity that
// grows with a stage's layers and does not grow with its place, for a model of `num_dense_layers`
// dense layers followed by layers of another kind: the ends, the first of the middle (longer stages
// come first there), the stage where the kind changes, the next one.
template <typename Visit>
void ForEachExtremeStage(int64_t num_layers, int64_t num_dense_layers,
                         int64_t pipeline_parallel_size, Visit visit) {
  const int64_t p = pipeline_parallel_size;
  visit(int64_t{0});
  if (p > 2) visit(int64_t{1});
  if (num_dense_layers > 0 && num_dense_layers < num_layers) {
    const int64_t change = StageOfLayer(num_layers, p, num_dense_layers);
    if (change > 1 && change < p - 1) visit(change);
    if (change >= 1 && change + 1 < p - 1) visit(change + 1);
  }
  if (p > 1) visit(p - 1);
}

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_LAYOUT_H_
