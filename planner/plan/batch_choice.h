// SPDX-License-Identifier: Apache-2.0
// The inner choice of the joint problem: with architecture, place and layout fixed, which batch and
// how many tokens. With real tokens every objective is unimodal in the number of micro-batches
// (docs/equations.md), so integer bisection finds its best. Where rounding to whole steps decides,
// runs of few steps are looked at batch by batch.
#ifndef RHUMB_PLANNER_PLAN_BATCH_CHOICE_H_
#define RHUMB_PLANNER_PLAN_BATCH_CHOICE_H_

#include <cstdint>
#include <limits>
#include <optional>

#include "planner/cost/cost_model.h"
#include "planner/plan/problem.h"

namespace rhumb {

// What a layout leaves open. A step of m micro-batches processes m * sequences_per_micro_batch
// sequences.
struct BatchSpace {
  StepCost step;                          // all zero without hardware: time then plays no part
  int64_t sequences_per_micro_batch = 1;  // micro-batch x data-parallel size
  int64_t sequence_length = 1;
  int64_t micro_batch_multiple = 1;  // pipeline size when stages interleave
  int64_t max_micro_batches = std::numeric_limits<int64_t>::max();  // what memory allows
  std::optional<int64_t> fixed_micro_batches;
};

// One batch with the tokens it leads to. Tokens are real here; rounding to whole steps is in
// `step_count`.
struct BatchChoice {
  int64_t micro_batches = 0;
  double token_count = 0;
  BatchedLossValue loss;
  double wall_seconds = 0;  // 0 without hardware
  int64_t step_count = 0;   // rounded down for kLoss and fixed tokens, else up
};

// Evaluates exactly `micro_batches`; nullopt if some constraint fails there (tokens, wall, target,
// 4 B_crit).
std::optional<BatchChoice> EvaluateBatch(const Problem& problem, const Size& size,
                                         const SizeAtPlace& at, const BatchSpace& space,
                                         int64_t micro_batches);

// The best number of micro-batches: least loss (kLoss), least tokens (kFlops, kLifetimeFlops), else
// least wall time; ties to less wall time, then to the larger batch. nullopt if none is feasible.
std::optional<BatchChoice> ChooseBatch(const Problem& problem, const Size& size,
                                       const SizeAtPlace& at, const BatchSpace& space);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_BATCH_CHOICE_H_
