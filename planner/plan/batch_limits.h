// SPDX-License-Identifier: Apache-2.0
// What batches may cost at best: the bound on a layout's time that knows of token overhead and of
// fixed step costs.
#ifndef RHUMB_PLANNER_PLAN_BATCH_LIMITS_H_
#define RHUMB_PLANNER_PLAN_BATCH_LIMITS_H_

#include <algorithm>
#include <cmath>

#include "planner/cost/cost_model.h"
#include "planner/laws/critical_batch.h"
#include "planner/plan/problem.h"

namespace rhumb {

// Bounds repeat the model's sums in another order; this much is left for rounding.
inline constexpr double kBoundSlack = 1 - 1e-8;

// Limits of the batch in one group. Seconds times token overhead bound the loss from below:
// repetition makes D' concave in D, so D'(D) / o <= D'(D / o), and a target at overhead o takes at
// least o times the tokens.
struct BatchLimits {
  double critical_tokens = kUnlimited;  // no overhead
  double reference_tokens = 0;
  double largest_tokens = kUnlimited;

  double Overhead(double batch_tokens) const {
    if (critical_tokens == kUnlimited) return 1;
    return TokenOverhead(batch_tokens, critical_tokens, reference_tokens) * kBoundSlack;
  }

  // False only if every batch of at least `unit_tokens` takes `seconds` or more per token's worth
  // where a token takes a = `per_token` and a step f = `fixed` more: what most layouts take to be
  // refused, without root or quotient. No batch takes less than
  // (sqrt(a) + sqrt(f / B_crit))^2 / (1 + B_ref / B_crit).
  bool MayTakeLess(double seconds, double per_token, double fixed, double unit_tokens) const {
    if (critical_tokens == kUnlimited) return per_token < seconds;
    const double least = seconds * (1 / kBoundSlack) * (critical_tokens + reference_tokens);
    if (per_token * (critical_tokens + unit_tokens) >= least) return false;
    const double rest = least - per_token * critical_tokens - fixed;
    return rest > 0 && rest * rest > 4 * per_token * critical_tokens * fixed;
  }

  // Least seconds per token's worth of any batch of at least `unit_tokens`, where a step of m
  // micro-batches of `unit_tokens` takes fixed + m per_micro_batch. Convex above the reference
  // batch: the root of its derivative.
  double LeastSeconds(const StepCost& step, double unit_tokens) const {
    const double per_token = step.per_micro_batch_seconds / unit_tokens;
    if (critical_tokens == kUnlimited) return per_token + step.fixed_seconds / largest_tokens;
    const double stationary = std::sqrt(step.fixed_seconds / per_token * critical_tokens);
    const double batch =
        std::max(unit_tokens, std::min(std::max(reference_tokens, stationary), largest_tokens));
    return Overhead(batch) * (per_token + step.fixed_seconds / batch);
  }
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_BATCH_LIMITS_H_
