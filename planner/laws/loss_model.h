// SPDX-License-Identifier: Apache-2.0
// The loss of any `Law` as the planner uses it: repetition, batch overhead, inverse, interval,
// flags. Not the formulas themselves (chinchilla.h, data_constrained.h) and not the optimum
// (law_optimum.h).
//
// The functions on doubles are called millions of times by the search: they allocate nothing, check
// nothing and return no Status. Preconditions: counts positive and finite, batch_overhead >= 1.
#ifndef RHUMB_PLANNER_LAWS_LOSS_MODEL_H_
#define RHUMB_PLANNER_LAWS_LOSS_MODEL_H_

#include <limits>
#include <optional>

#include "planner/laws/law.h"

namespace rhumb {

// How tokens are spent: `token_count` processed, of which at most `unique_token_count` are distinct
// (absent: no repetition), each worth 1/batch_overhead of a token at the law's reference batch.
struct TokenUse {
  double token_count = 0;
  std::optional<double> unique_token_count;
  double batch_overhead = 1;
};

// What the law sees: parameters and tokens after damping, with their logarithmic derivatives.
// For the Chinchilla family effective_param_count is param_count.
struct EffectiveUse {
  double param_count = 0;       // N'
  double token_count = 0;       // D' / batch_overhead
  double params_by_params = 1;  // d ln N' / d ln N
  double params_by_tokens = 0;  // d ln N' / d ln D; the data-constrained law ties U_N to U_D
  double tokens_by_tokens = 1;  // d ln D' / d ln D
};

// N', D' and their derivatives. D > U: D' by the repeated-data form; a law without repetition
// constants borrows R_D* of muennighoff2023-c4 on D only (callers label that assumption).
// kDataConstrained: N is damped too, with U_N = N_opt(min(U, D)).
// Source: Muennighoff et al. 2023, arXiv:2305.16264, eqs. (5), (6).
EffectiveUse EffectiveTokensAndParams(const Law& law, double param_count, const TokenUse& use);

// Expected loss in nats per token: E + (A/N'^alpha + B/(D'/batch_overhead)^beta)^gamma.
double PredictLoss(const Law& law, double param_count, const TokenUse& use);

// Partial derivatives of the loss in nats at (N, D): both are negative.
struct LossSlopes {
  double by_log_params = 0;  // dL / d ln N at fixed D
  double by_log_tokens = 0;  // dL / d ln D at fixed N
};
LossSlopes PredictLossSlopes(const Law& law, double param_count, const TokenUse& use);

// Smallest D with PredictLoss <= target_loss_nats, to rounding; nullopt if no D reaches it (N too
// small, or repetition saturates). Closed form, except for the data-constrained law with
// N > N_opt(D), where it is a monotone root by bisection to the last bits.
// No cap on epochs is applied: compare the answer with max_epoch_count * unique_token_count.
std::optional<double> TokensForTargetLoss(const Law& law, double param_count,
                                          double target_loss_nats,
                                          std::optional<double> unique_token_count,
                                          double batch_overhead);

// The loss that tokens alone cannot pass: the limit for D -> infinity, or with unique tokens the
// loss at D = max_epoch_count * unique_token_count (an infinite max_epoch_count gives the
// saturation limit).
double LossFloor(const Law& law, double param_count,
                 std::optional<double> unique_token_count = std::nullopt,
                 double max_epoch_count = std::numeric_limits<double>::infinity(),
                 double batch_overhead = 1);

// Two-sided interval for the mean loss at `level` in (0, 1): of the parameters, and beyond the data
// of the law's slope error where it has one. Symmetric in ln L. Seed noise comes on top; so does
// the spread between families of laws, but for what a fitted law's slope error holds of it.
struct LossInterval {
  double mean_nats = 0;
  double low_nats = 0;
  double high_nats = 0;
  double level = 0;
};

// Delta method in the parameters that the law's covariance names, with exact derivatives: through
// N' and D' too, where damping depends on the parameters. nullopt if the law carries no covariance,
// a covariance that ValidateLawCovariance refuses, or `level` is not inside (0, 1).
std::optional<LossInterval> PredictLossInterval(const Law& law, double param_count,
                                                const TokenUse& use, double level);

// Two-sided interval for the loss of one more run: that of the mean (+) the residual deviation of
// ln L, in quadrature.
struct PredictionInterval {
  double mean_nats = 0;
  double low_nats = 0;
  double high_nats = 0;
  double level = 0;
};

// nullopt where PredictLossInterval is, and if the law carries no residual_log_std: half of the sum
// would pass for all of it.
std::optional<PredictionInterval> PredictRunInterval(const Law& law, double param_count,
                                                     const TokenUse& use, double level);

// Standard deviation of the predicted loss in nats by the same method; nullopt without covariance.
std::optional<double> PredictLossStdDev(const Law& law, double param_count, const TokenUse& use);

// Standard deviation of ln N_opt at a compute budget (unlimited data), by the delta method; nullopt
// without covariance. gamma, R_D* and R_N* do not move that optimum.
std::optional<double> LogOptimalParamsStdDev(const Law& law, double training_flops);

// Standard deviation of ln L that the law's slope error makes at a point: its fraction of the fall
// of ln L from the largest compute of the data on, at the slope there. 0 inside the data and for
// laws without one.
double ExtrapolationLogStd(const Law& law, double param_count, const TokenUse& use);

// Quantile of the standard normal distribution; `probability` inside (0, 1). Accurate to rounding.
double StandardNormalQuantile(double probability);

// Quantile of Student's t, `degrees` >= 1: exact for 1 and 2, else by the expansion of Cornish &
// Fisher, within 1% for degrees >= 3 and levels up to 0.95.
double StudentQuantile(double probability, double degrees);

// Where a point lies relative to the data behind a law. A side the source does not state never
// flags.
struct Extrapolation {
  bool param_count_low = false;
  bool param_count_high = false;
  bool training_flops_low = false;
  bool training_flops_high = false;
  bool tokens_per_param_low = false;
  bool tokens_per_param_high = false;
  bool epoch_count_high = false;
  // C / (largest C of the data), absent if not stated: above 10 deserves a warning, above 100 a
  // strong one.
  std::optional<double> training_flops_ratio;

  bool Any() const {
    return param_count_low || param_count_high || training_flops_low || training_flops_high ||
           tokens_per_param_low || tokens_per_param_high || epoch_count_high;
  }
};

// C is taken as 6ND. Epochs are D / unique tokens, 1 when those are absent or not exhausted.
Extrapolation FindExtrapolation(const Law& law, double param_count, const TokenUse& use);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_LOSS_MODEL_H_
