// SPDX-License-Identifier: Apache-2.0
// Work that layouts share: that of a slice (tensor, context, expert size) by micro-batch and
// recompute, computed when first asked for.
#ifndef RHUMB_PLANNER_PLAN_SLICE_TABLE_H_
#define RHUMB_PLANNER_PLAN_SLICE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "planner/cost/cost_model.h"
#include "planner/plan/layout_space.h"

namespace rhumb {

// Of one size in one pool. Refers to its arguments, which must outlive it.
class SliceTable {
 public:
  struct Cell {
    UnitSeconds units;
    // No pipeline, ZeRO stage or number of GPUs makes a token take less: the work of all stages on
    // a micro-batch, spread evenly over the GPUs.
    double gpu_seconds_per_token = 0;
  };
  struct Slice {
    bool shares_units = true;  // else `units` depend on the number of GPUs too
    double least_gpu_seconds_per_token = 0;
    std::vector<Cell> cells;  // by micro-batch, then recompute, as the space lists them
    std::vector<Cell> least;  // by micro-batch: the least of each figure over recompute
  };

  // `gpu_seconds_per_token`: of every layout, where an effective MFU replaces the time model.
  SliceTable(const LayoutSpace& space, const CostModel& model, double sequence_length,
             std::optional<double> gpu_seconds_per_token);

  const Slice& Of(size_t slice);

  // Upper estimate of the memory of one rank that no layout of the slice and pipeline size in
  // `degrees` is below, whatever its data parallel size, ZeRO stage, micro-batch, recompute and
  // virtual stages; infinite if there is no such layout.
  double LeastBytes(const Degrees& degrees);

  // Weights, gradients and optimizer of the stage with most of them, sharded over endless ranks:
  // the part of LeastBytes() that does not rise with more stages. Infinite where no ZeRO stage is
  // allowed.
  double LeastStatesBytes(const Degrees& degrees) const;

  const StageShares& StagesOf(int64_t pipeline_parallel_size);

 private:
  // `degrees` over endless ranks.
  static Degrees Sharded(Degrees degrees);

  const LayoutSpace& space_;
  const CostModel& model_;
  double sequence_length_;
  std::optional<double> gpu_seconds_per_token_;
  std::vector<Slice> slices_;
  std::map<std::pair<size_t, int64_t>, double> least_bytes_;  // by slice and pipeline size
  std::vector<StageShares> stages_;                           // by pipeline size; those asked for
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_SLICE_TABLE_H_
