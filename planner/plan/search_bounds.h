// SPDX-License-Identifier: Apache-2.0
// What no layout can beat: bounds of the rank of a size over many places, at one place, and at one
// place if a token takes no less than some time. Never above the rank of a candidate they cover.
#ifndef RHUMB_PLANNER_PLAN_SEARCH_BOUNDS_H_
#define RHUMB_PLANNER_PLAN_SEARCH_BOUNDS_H_

#include <cstdint>
#include <optional>

#include "planner/plan/batch_limits.h"
#include "planner/plan/candidate.h"
#include "planner/plan/cost_cache.h"
#include "planner/plan/problem.h"
#include "planner/plan/work_curve.h"

namespace rhumb {

// The best a set of candidates could be.
struct BestCase {
  Rank rank;
  double token_count = 0;
};

// Bounds of one size. Loss falls with tokens and tokens with speed; where spending all tokens is
// the aim, the bound of the cost may assume that all are spent, because a candidate that spends
// fewer is already worse in its loss.
class SearchBounds {
 public:
  // With what `shared` knows so far of the size in that pool.
  SearchBounds(const Problem& problem, const Size& size, int pool_index, const SizeInPool& shared)
      : problem_(problem),
        size_(size),
        gpu_seconds_per_token_(shared.least_gpu_seconds_per_token),
        curve_(shared.HasCurveFor(problem.CapacityBytes(pool_index)) ? &*shared.curve : nullptr) {}

  // Of all layouts at the places of one pool from `smallest` to `largest`; nullopt if all are
  // infeasible. GPUs together do at most what `largest` could with the overheads of one
  // failure-free node, and spend at least what they work.
  std::optional<BestCase> OfPlaces(const Place& smallest, const Place& largest) const;

  // Of all layouts at `place`.
  std::optional<BestCase> OfPlace(const SizeAtPlace& at, const Place& place) const;

  // Of all layouts at `place` that take no less than `seconds_per_token`.
  std::optional<BestCase> OfPlace(const SizeAtPlace& at, const Place& place,
                                  double seconds_per_token) const;

  // What batches may cost at best where `best` is the best case: B_crit is largest, so the overhead
  // least, at the lowest loss.
  BatchLimits LimitsOf(const BestCase& best) const;

 private:
  struct Target {
    double token_count = 0;
    double loss_nats = 0;  // 0 unless the loss is the metric
  };
  // Tokens and loss at best where `affordable` tokens can be had.
  std::optional<Target> TargetOf(double affordable) const;
  std::optional<BestCase> OfPlaces(const Place& smallest, const Place& largest,
                                   double gpu_seconds_per_token) const;
  // GPU time at least of a run that spends its time or money to the end, in jobs of limited length.
  double LeastSpent(const Place& smallest, const Place& largest, double max_wall_seconds) const;
  // Tightens `best`, a bound for places of `gpu_count` GPUs or more, by the batches they leave:
  // `bound` gives the bound for some GPU-seconds per token.
  template <typename Bound>
  std::optional<BestCase> WithBatches(std::optional<BestCase> best, double gpu_count,
                                      const Bound& bound) const;
  // Of figures that the question gives exactly nothing is left for rounding.
  double slack() const { return problem_.question().mfu.has_value() ? 1 : kBoundSlack; }

  const Problem& problem_;
  const Size& size_;
  double gpu_seconds_per_token_;
  const WorkCurve* curve_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_SEARCH_BOUNDS_H_
