// SPDX-License-Identifier: Apache-2.0
// One search for one question, and what is asked of such searches: is it feasible, what is the best
// value.
#ifndef RHUMB_PLANNER_PLAN_SOLVE_H_
#define RHUMB_PLANNER_PLAN_SOLVE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "planner/plan/problem.h"
#include "planner/plan/search.h"

namespace rhumb {

// A searched question. Owns the question its problem refers to.
struct Solution {
  std::unique_ptr<const PlanQuestion> question;
  std::unique_ptr<const Problem> problem;
  std::shared_ptr<CostCache> costs;  // for searches of variants
  SearchResult result;

  bool feasible() const { return result.best.has_value(); }
};

// Searches `question` for `objective` and counts the space searched.
Solution Solve(PlanQuestion question, Objective objective, const PlanOptions& options);

// What is known before a variant of a searched question is searched: see SearchOptions.
struct VariantKnowledge {
  CostCache* costs = nullptr;
  const Candidate* hint = nullptr;
  const Problem* searched = nullptr;
  const std::vector<TightPlace>* only = nullptr;
};

// The same without counting, for questions about the answer to another one.
Solution SolveVariant(PlanQuestion question, Objective objective, const PlanOptions& options,
                      const VariantKnowledge& known);

// The same for a metric instead of an objective.
Solution SolveForMetric(PlanQuestion question, Metric metric, const PlanOptions& options,
                        CostCache* costs = nullptr);

// Whether any candidate meets every constraint, whatever the objective. With `min_gpu_count` only
// candidates on more GPUs than that are tried: for questions whose smaller places are known to be
// infeasible.
bool IsFeasible(const PlanQuestion& question, const PlanOptions& options, int64_t min_gpu_count = 0,
                CostCache* costs = nullptr);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_SOLVE_H_
