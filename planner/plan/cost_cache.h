// SPDX-License-Identifier: Apache-2.0
// What the searches of a question and of its variants share: layout spaces, cost models and tables
// of the sizes looked at. Filled when first asked for; never changes an answer.
#ifndef RHUMB_PLANNER_PLAN_COST_CACHE_H_
#define RHUMB_PLANNER_PLAN_COST_CACHE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "planner/cost/cost_model.h"
#include "planner/plan/layout_space.h"
#include "planner/plan/problem.h"
#include "planner/plan/question.h"
#include "planner/plan/slice_table.h"
#include "planner/plan/work_curve.h"

namespace rhumb {

// One size in one pool. Refers to its space, which lives as long.
struct SizeInPool {
  SizeInPool(const Size& size, const LayoutSpace& layouts, CostModel cost_model,
             std::optional<double> gpu_seconds_per_token);

  const LayoutSpace& space;
  const CostModel model;
  SliceTable slices;
  // No layout takes less.
  double least_gpu_seconds_per_token = 0;
  std::optional<WorkCurve> curve;  // knows more of that; drawn by those who need it

  bool HasCurveFor(double capacity_bytes) const {
    return curve.has_value() && capacity_bytes <= curve->capacity_bytes();
  }
};

// Not thread-safe.
class CostCache {
 public:
  // Copies what it depends on of `question`.
  explicit CostCache(const PlanQuestion& question);

  // Whether it may serve another question: one that differs in limits, counts and prices only. With
  // an effective MFU work depends on the law too, and nothing is shared.
  bool Serves(const PlanQuestion& question) const;

  const LayoutSpace& SpaceOf(const Size& size) { return EntryOf(size).space; }
  SizeInPool& Of(const Size& size, int pool_index);

 private:
  struct Entry {
    ModelShape shape;
    LayoutSpace space;
    std::vector<std::unique_ptr<SizeInPool>> pools;
  };
  Entry& EntryOf(const Size& size);

  Precision precision_;
  LayoutConstraints layout_;
  FrameworkProfile framework_;
  std::optional<double> mfu_;
  std::vector<GpuPool> pools_;
  std::map<std::string, std::vector<std::unique_ptr<Entry>>> entries_;  // by name of the shape
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_COST_CACHE_H_
