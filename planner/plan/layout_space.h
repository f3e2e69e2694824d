// SPDX-License-Identifier: Apache-2.0
// The declared space of layouts of one shape on a number of GPUs: enumeration in lexicographic
// order, and its size.
//
// tensor t: divides the heads, divides or is divided by the KV heads. pipeline p: up to the layers.
// context c: divides the sequence, leaving kMinContextTokens a rank. expert e: divides experts and
// d. d = GPUs / (t p c). ZeRO: 0-3, with pipelines 0-1 (parameter or gradient sharding would
// re-gather every micro-batch), 0 where nothing is replicated (every stage is then the same).
// Micro-batch: powers of two up to kMaxMicroBatchSize. Virtual stages v: p > 1 and v p divides the
// layers. Every recompute mode. All of it as far as the framework has it (FrameworkLayouts). Fixing
// a part in LayoutConstraints replaces its list by the one value, if that is legal.
#ifndef RHUMB_PLANNER_PLAN_LAYOUT_SPACE_H_
#define RHUMB_PLANNER_PLAN_LAYOUT_SPACE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "planner/cost/framework_layouts.h"
#include "planner/cost/layout.h"
#include "planner/cost/model_shape.h"
#include "planner/plan/question.h"

namespace rhumb {

inline constexpr int64_t kMaxMicroBatchSize = 64;
inline constexpr int64_t kMinContextTokens = 2048;

// The degrees that decide where work goes; the rest of a layout varies inside.
struct Degrees {
  int64_t tensor = 1, pipeline = 1, context = 1, expert = 1, data = 1;
  // Position of (tensor, context, expert) in the space's lists: pipelines that share it share their
  // work.
  size_t slice = 0;
};

// Numbers of GPUs, asked how many of them something divides.
class GpuCounts {
 public:
  // `counts`: positive and different from each other.
  explicit GpuCounts(const std::vector<int64_t>& counts);

  int64_t largest() const { return static_cast<int64_t>(multiples_.size()) - 1; }
  bool Contains(int64_t count) const { return count <= largest() && contains_[count]; }
  // How many counts are multiples of `divisor`.
  int64_t MultiplesOf(int64_t divisor) const {
    return divisor <= largest() ? multiples_[divisor] : 0;
  }

 private:
  std::vector<bool> contains_;      // by count
  std::vector<int32_t> multiples_;  // by divisor
};

class LayoutSpace {
 public:
  LayoutSpace(const ModelShape& shape, Precision precision, const LayoutConstraints& constraints,
              const FrameworkLayouts& framework = {});

  // Every (t, p, c, e) with its d on `gpu_count` GPUs, in lexicographic order, appended to `out`.
  void AppendDegrees(int64_t gpu_count, std::vector<Degrees>& out) const;

  Precision precision() const { return precision_; }

  // Choices inside given degrees, ascending; empty if the constraints leave none.
  const std::vector<int64_t>& ZeroStages(const Degrees& degrees) const;
  const std::vector<int64_t>& MicroBatchSizes() const { return micro_batch_sizes_; }
  const std::vector<Recompute>& RecomputeModes() const { return recompute_modes_; }
  const std::vector<int64_t>& VirtualStages(int64_t pipeline) const {
    return virtual_stages_[virtual_stages_of_[static_cast<size_t>(pipeline)]];
  }

  // Number of (tensor, context, expert) slices.
  size_t slice_count() const {
    return tensor_sizes_.size() * context_sizes_.size() * expert_sizes_.size();
  }

  // The degrees of a slice alone: one stage, as few data-parallel ranks as its experts need.
  Degrees SliceDegrees(size_t slice) const;

  // Layouts inside `degrees`.
  int64_t CountInside(const Degrees& degrees) const;
  // Layouts on `gpu_count` GPUs.
  int64_t Count(int64_t gpu_count) const;
  // Layouts on each of `counts`, added up.
  int64_t Count(const GpuCounts& counts) const;

  Layout MakeLayout(const Degrees& degrees, int64_t zero_stage, int64_t micro_batch_size,
                    Recompute recompute, int64_t virtual_stages) const;

 private:
  // Layouts of these degrees on any of `counts`.
  int64_t CountWithData(int64_t tensor, int64_t pipeline, int64_t data,
                        const GpuCounts& counts) const;
  // Whether one context and one expert rank are in the space.
  bool HasPlain() const;

  Precision precision_;
  std::optional<int64_t> fixed_pipeline_, fixed_data_;
  int64_t max_pipeline_ = 1;
  std::vector<int64_t> tensor_sizes_, context_sizes_, expert_sizes_, micro_batch_sizes_;
  std::vector<int64_t> zero_alone_, zero_pipelined_, zero_replicated_;
  std::vector<Recompute> recompute_modes_;
  std::vector<std::vector<int64_t>> virtual_stages_;  // those of most pipeline sizes are the same
  std::vector<size_t> virtual_stages_of_;             // by pipeline size, where in them
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_LAYOUT_SPACE_H_
