// SPDX-License-Identifier: Apache-2.0
// Serving-aware sizing: the model that costs least over training and inference together.
// Not prices of hardware; they enter through the weight w of an inference FLOP.
//
// Lifetime cost = 6 N D + 2 N w D_inf. First-order condition in both problems:
// alpha A N^-alpha = beta B D^-beta (1 + w D_inf / (3 D)).
// Source: Sardana & Frankle 2024, arXiv:2401.00448, eqs. (3), (6).
#ifndef RHUMB_PLANNER_LAWS_SERVING_H_
#define RHUMB_PLANNER_LAWS_SERVING_H_

#include "absl/status/statusor.h"
#include "planner/laws/law.h"

namespace rhumb {

// Demand over the model's life. `weight` (w) is the cost of an inference FLOP over that of a
// training FLOP; 1 counts FLOPs.
struct InferenceDemand {
  double token_count = 0;  // D_inf
  double weight = 1;
};

struct LifetimeOptimum {
  double param_count = 0;
  double token_count = 0;
  double loss_nats = 0;
  double training_flops = 0;  // 6 N D
  double lifetime_flops = 0;  // 6 N D + 2 N w D_inf
  double wedge = 1;           // (alpha A N^-alpha)/(beta B D^-beta) = 1 + w D_inf/(3 D)
};

// 6 N D + 2 N w D_inf.
double LifetimeFlops(double param_count, double token_count, const InferenceDemand& demand);

// Least lifetime cost that reaches the loss. OutOfRange with E if target_loss_nats <= E,
// InvalidArgument if the demand is negative or not finite.
absl::StatusOr<LifetimeOptimum> LifetimeOptimumAtLoss(const ChinchillaLaw& law,
                                                      double target_loss_nats,
                                                      const InferenceDemand& demand);

// Least loss whose lifetime cost is lifetime_flops. InvalidArgument for a budget that is not
// positive.
absl::StatusOr<LifetimeOptimum> LifetimeOptimumAtBudget(const ChinchillaLaw& law,
                                                        double lifetime_flops,
                                                        const InferenceDemand& demand);

// The demand w D_inf for which a released (N, D) would have been optimal, from the wedge:
// 3 D (ratio - 1). Negative for a model larger than compute-optimal.
double ImpliedInferenceTokens(const ChinchillaLaw& law, double param_count, double token_count);

// One phase on its hardware: a FLOP costs usd_per_gpu_hour / (3600 peak MFU).
struct PhaseCost {
  double usd_per_gpu_hour = 0;
  double peak_flops_per_second = 0;
  double mfu = 0;  // fraction of peak
};
double UsdPerFlop(const PhaseCost& phase);

// w D_inf in money: (c_prefill T_in + c_decode T_out) / c_train, to be used with weight 1.
// InvalidArgument names a phase whose price, peak or MFU is not positive and finite.
absl::StatusOr<double> WeightedInferenceTokens(const PhaseCost& training, const PhaseCost& prefill,
                                               const PhaseCost& decode, double input_tokens,
                                               double output_tokens);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_SERVING_H_
