// SPDX-License-Identifier: Apache-2.0
// Bytes on one rank: model states by ZeRO stage, activations by recompute and pipeline schedule,
// logits, and what the counter of the framework profile adds.
//
// Sources: Rajbhandari et al. 2020, arXiv:1910.02054, section 3 (model states); Korthikanti et al.
// 2022, arXiv:2205.05198, section 4 (activations); Narayanan et al. 2021, arXiv:2104.04473,
// section 2.2 (micro-batches in flight).
#ifndef RHUMB_PLANNER_COST_MEMORY_H_
#define RHUMB_PLANNER_COST_MEMORY_H_

#include <cstdint>
#include <vector>

#include "planner/cost/framework_profile.h"
#include "planner/cost/layout.h"
#include "planner/cost/model_shape.h"
#include "planner/cost/rank_params.h"

namespace rhumb {

// Bytes on one rank of a pipeline stage.
struct StageMemory {
  double weights_bytes = 0;
  double gradients_bytes = 0;
  double optimizer_bytes = 0;
  double activations_bytes = 0;
  double logits_bytes = 0;
  double workspace_bytes = 0;  // buffers of kernels and of the framework
  // What the profile's counter shows beyond live tensors: the allocator's share, and on the device
  // CUDA's context and communicators. 0 of live bytes.
  double counter_bytes = 0;
  double other_bytes() const { return logits_bytes + workspace_bytes + counter_bytes; }
  double total_bytes() const {
    return weights_bytes + gradients_bytes + optimizer_bytes + activations_bytes + other_bytes();
  }
};

struct MemoryEstimate {
  StageMemory peak;                 // of the fullest stage
  double peak_bytes = 0;            // p50 of what the counter of the profile would show
  double p95_bytes = 0;             // upper estimate that at least 95% of measured rows stay under
  std::vector<StageMemory> stages;  // filled on request only
};

// Memory of one model under one framework. Holds copies; evaluation allocates only when stages are
// asked for.
class MemoryModel {
 public:
  MemoryModel(const ModelShape& shape, const FrameworkProfile& profile);

  // Peak over pipeline stages with `micro_batch_count` micro-batches a step. `layout` must be
  // runnable. Non-decreasing in micro_batch_count (but for rounding), constant from pipeline size *
  // virtual stages on; never more for a higher ZeRO stage where all parameters have ranks to share
  // with.
  MemoryEstimate Estimate(const Layout& layout, int64_t micro_batch_count, bool with_stages) const;
  // The most weights, gradients and optimizer that any one stage holds, whatever the rest of its
  // memory: more stages never hold more.
  double MostStatesBytes(const Layout& layout) const;

  // One stage, in live bytes (no counter applied).
  StageMemory Stage(const Layout& layout, int64_t micro_batch_count, int64_t stage) const;

 private:
  struct LayerActivations {
    double full_bytes = 0;        // everything the backward pass needs
    double recomputed_bytes = 0;  // the part that selective recompute drops
  };
  // What all stages of a layout share.
  struct StageParts {
    RankParamParts params;
    double tokens = 0;  // of a micro-batch that a rank sees
    double vocab = 0;   // padded
    LayerActivations dense_layer, moe_layer;
  };
  StageParts PartsOf(const Layout& layout) const;
  StageMemory Stage(const Layout& layout, int64_t micro_batch_count, int64_t stage,
                    const StageParts& parts) const;
  LayerActivations ActivationsOfLayer(const Layout& layout, double tokens, bool moe) const;
  double RecomputeCheckpointBytes(const Layout& layout, double tokens) const;

  ModelShape shape_;
  FrameworkProfile profile_;
  ParamCounts counts_;
  int64_t num_dense_layers_ = 0;
};

// The upper estimate (p95) that belongs to an expected peak of `peak_bytes`, both as one counter
// shows them.
double UpperMemoryBytes(double peak_bytes);

// Micro-batches whose activations stage `stage` holds at once, as a (possibly fractional) number of
// whole stages: min(m, p - stage) for 1F1B, ((v-1) p + 2 (p - stage - 1) + 1) / v interleaved.
double MicroBatchesInFlight(const Layout& layout, int64_t micro_batch_count, int64_t stage);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_MEMORY_H_
