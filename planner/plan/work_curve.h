// SPDX-License-Identifier: Apache-2.0
// The least GPU time of a token as a function of how many tokens a step gives each GPU. The fewer
// they are, the more a model must be cut for a batch of some size, and every cut costs: this is
// what keeps large clusters from training small models fast.
#ifndef RHUMB_PLANNER_PLAN_WORK_CURVE_H_
#define RHUMB_PLANNER_PLAN_WORK_CURVE_H_

#include <array>
#include <map>
#include <vector>

#include "planner/cost/cost_model.h"
#include "planner/plan/batch_limits.h"
#include "planner/plan/layout_space.h"
#include "planner/plan/slice_table.h"

namespace rhumb {

// Of one size in one pool. A bound: communication beyond that of a slice is left out, stages are
// taken as equal, and pipelines as of any real size that the memory of a rank allows. Drawn by
// half octaves of GPUs as they are asked for, which is no change that a caller could see.
class WorkCurve {
 public:
  // Draws the curve for ranks that may take up to `capacity_bytes`.
  WorkCurve(SliceTable& slices, const LayoutSpace& space, const CostModel& model,
            double sequence_length, double layer_count, double capacity_bytes);

  // Ranks that may take no more are bounded too.
  double capacity_bytes() const { return capacity_bytes_; }

  // GPU-seconds per token's worth that every layout on `gpu_count` GPUs or more takes at least, in
  // whatever batch; infinite if no batch within the limits can be cut for so many.
  double Least(const BatchLimits& limits, double gpu_count) const;

 private:
  // Pipeline sizes that memory allows a slice: one stage or not, else `least` or more.
  struct Stages {
    bool one = false;
    double least = 0;  // infinite if none does
  };
  static Stages StagesThatFit(SliceTable& slices, const Degrees& slice, double layer_count,
                              double capacity_bytes);

  static constexpr int kEdges = 88;
  // Tokens of a GPU and step at edge i: a quarter of an octave apart, from 1 on.
  static double Edge(int i);

  // Least GPU-seconds per token with at most Edge(i) tokens; the last without a limit.
  using Curve = std::array<double, kEdges + 1>;
  static constexpr int kStepsPerOctave = 2;
  const Curve& On(double gpu_count) const;
  Curve Draw(double log2_gpu_count) const;

  // One slice with one micro-batch size; logarithms beside what they are of.
  struct Work {
    double gpu_seconds_per_token = 0;                    // of all stages
    double tokens_per_gpu = 0, log2_tokens_per_gpu = 0;  // of a micro-batch
    double log2_tensor_size = 0;
    Stages stages;
    double log2_least_stages = 0;
    int first_edge = 0;
  };
  std::vector<Work> works_;
  double layer_count_ = 0;
  double skew_per_doubling_ = 0;
  double capacity_bytes_ = 0;
  mutable std::map<int, Curve> curves_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_WORK_CURVE_H_
