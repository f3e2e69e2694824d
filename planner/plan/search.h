// SPDX-License-Identifier: Apache-2.0
// The exact search over architectures, places and layouts. Bounds only skip what provably cannot
// win.
#ifndef RHUMB_PLANNER_PLAN_SEARCH_H_
#define RHUMB_PLANNER_PLAN_SEARCH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "planner/plan/candidate.h"
#include "planner/plan/cost_cache.h"
#include "planner/plan/plan.h"
#include "planner/plan/problem.h"
#include "planner/plan/question.h"

namespace rhumb {

// Bounds of a search hold for ranks that may take so many times the memory, too: loosening it by
// less needs no other bounds, and opens nothing but TightPlaces.
inline constexpr double kMemorySlack = 1.101;

// A size at a place where memory alone forbade something: not before a rank may take `least_share`
// of what it may take now is anything else possible there that could win.
struct TightPlace {
  int size_index = 0;
  int pool_index = 0;
  int64_t gpu_count = 0;
  double least_share = 1;
};

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
  // A problem that allows the same at each of its places and whose best is `hint`: its places are
  // not searched again.
  const Problem* searched = nullptr;
  // Of a problem with less memory, the same else, whose best is `hint`: where this one may have
  // something better. Nothing else is searched.
  const std::vector<TightPlace>* only = nullptr;
};

struct SearchResult {
  std::optional<Candidate> best;
  std::vector<TightPlace> tight_places;
  SearchSummary summary;
};

SearchResult Search(const Problem& problem, const SearchOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_SEARCH_H_
