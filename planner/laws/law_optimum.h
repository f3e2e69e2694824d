// SPDX-License-Identifier: Apache-2.0
// The continuous optimum of a law alone under constraints: real N and D, no hardware, batch or
// ladder. Hardware constraints reach it as compute. Not the realisable plan: that is planner/plan.
#ifndef RHUMB_PLANNER_LAWS_LAW_OPTIMUM_H_
#define RHUMB_PLANNER_LAWS_LAW_OPTIMUM_H_

#include <optional>

#include "absl/status/statusor.h"
#include "planner/laws/law.h"

namespace rhumb {

enum class LawObjective {
  kLoss,          // least loss
  kTrainingCost,  // least 6ND that reaches the target loss
  kLifetimeCost,  // least 6ND + 2N w D_inf that reaches the target loss
  kSize,          // least N that reaches the target loss; then least D
};

// One question; absent = unconstrained, every constraint is hard. N is counted as the law counts
// it.
struct LawQuestion {
  LawObjective objective = LawObjective::kLoss;
  std::optional<double> training_flops;      // 6ND at most
  std::optional<double> lifetime_flops;      // 6ND + 2N w D_inf at most
  std::optional<double> target_loss_nats;    // loss at most
  std::optional<double> unique_token_count;  // U; tokens beyond it are repeats
  std::optional<double> max_token_count;     // D at most
  std::optional<double> min_param_count;
  std::optional<double> max_param_count;
  std::optional<double> tokens_per_param;  // D/N exactly
  double max_epoch_count = 40;             // D <= max_epoch_count * U
  double inference_token_count = 0;        // D_inf
  double inference_weight = 1;             // w: cost of an inference FLOP over a training FLOP
  std::optional<double> fixed_token_count;
  std::optional<double> fixed_param_count;
};

struct LawOptimum {
  double param_count = 0;
  double token_count = 0;
  double tokens_per_param = 0;
  double training_flops = 0;  // 6ND
  double lifetime_flops = 0;  // 6ND + 2N w D_inf
  double loss_nats = 0;
  // Flat region: the N whose best answer under the same constraints is within 0.1% and 1% of the
  // best objective (loss for kLoss, cost for the cost objectives, N itself for kSize).
  double param_count_low_0p1pct = 0;
  double param_count_high_0p1pct = 0;
  double param_count_low_1pct = 0;
  double param_count_high_1pct = 0;
};

// Solves the first-order conditions by monotone bisection on N, to rounding: loss at the largest
// allowed D, and cost at the smallest D that reaches the target, are quasi-convex in ln N.
// Errors: InvalidArgument names a field that is not a positive finite number, or that must be given
// for anything to bound the answer; FailedPrecondition if no (N, D) satisfies the constraints, with
// the loss floor or the least resource that would do. Resources are met to 1e-12 relative, so that
// a budget equal to the least possible one is enough.
absl::StatusOr<LawOptimum> SolveLawOptimum(const Law& law, const LawQuestion& question);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_LAW_OPTIMUM_H_
