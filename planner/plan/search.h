// SPDX-License-Identifier: Apache-2.0
// The exact search over architectures, places and layouts. Bounds only skip what provably cannot
// win.
#ifndef RHUMB_PLANNER_PLAN_SEARCH_H_
#define RHUMB_PLANNER_PLAN_SEARCH_H_

#include <cstdint>
#include <optional>

#include "planner/plan/candidate.h"
#include "planner/plan/cost_cache.h"
#include "planner/plan/plan.h"
#include "planner/plan/problem.h"
#include "planner/plan/question.h"

namespace rhumb {

struct SearchOptions {
  const PlanOptions* plan_options = nullptr;
  // Stop at the first feasible candidate: for questions of feasibility.
  bool any = false;
  // Count the candidates of the declared space.
  bool count = false;
  // Only places of more GPUs than this.
  int64_t min_gpu_count = 0;
  // Kept between searches; used if it serves the question.
  CostCache* costs = nullptr;
  // A layout worth trying first (the answer of a neighbouring problem); never changes the answer.
  const Candidate* hint = nullptr;
};

struct SearchResult {
  std::optional<Candidate> best;
  SearchSummary summary;
};

SearchResult Search(const Problem& problem, const SearchOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_SEARCH_H_
