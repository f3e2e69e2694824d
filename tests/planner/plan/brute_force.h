// SPDX-License-Identifier: Apache-2.0
// The joint problem solved by plain nested loops, as an oracle for the search. It shares the model
// with the planner (laws, memory, step time, the list of ladder shapes) and nothing of how the
// planner enumerates, bounds or chooses.
#ifndef RHUMB_TESTS_PLANNER_PLAN_BRUTE_FORCE_H_
#define RHUMB_TESTS_PLANNER_PLAN_BRUTE_FORCE_H_

#include <cstdint>
#include <vector>

#include "planner/plan/question.h"

namespace rhumb::testing_support {

// The winner, with tokens rounded to whole steps.
struct BruteForceAnswer {
  bool feasible = false;
  ModelShape model;
  int pool_index = 0;
  int64_t gpu_count = 0;
  Layout layout;
  int64_t micro_batches = 0;
  int64_t global_batch_tokens = 0;
  int64_t step_count = 0;
  int64_t token_count = 0;
  double metric = 0;            // at real tokens, in the unit of the objective
  int64_t candidate_count = 0;  // architecture x pool x GPU count x layout
  int64_t batch_count = 0;      // batches looked at, over all candidates
};

// Looks at every architecture, pool, GPU count, layout and batch of `question`, which must be
// valid.
BruteForceAnswer SolveByBruteForce(const PlanQuestion& question, Objective objective);

// Every layout of `shape` on exactly `gpu_count` GPUs, in lexicographic order of (t, p, c, e, ZeRO,
// micro-batch, recompute, v): the rules at the top of layout_space.h, applied one by one to every
// number up to the GPU count.
std::vector<Layout> LayoutsByBruteForce(const ModelShape& shape, int64_t gpu_count,
                                        const PlanQuestion& question);

}  // namespace rhumb::testing_support

#endif  // RHUMB_TESTS_PLANNER_PLAN_BRUTE_FORCE_H_
