// SPDX-License-Identifier: Apache-2.0
// Closed forms of L(N, D) = E + (A N^-alpha + B D^-beta)^gamma: value, frontier, inverses,
// trade-offs. gamma is the law's interaction_exponent, 1 for every published law of this family.
// The optimal N and D do not depend on it: L rises with the sum inside. Not repetition
// (data_constrained.h) and not serving (serving.h).
//
// Unless a function says otherwise its arguments must be positive and finite, and the law must pass
// ValidateChinchillaLaw; nothing is checked again. Losses are nats per token, counts are as the law
// counts them. Source: Hoffmann et al. 2022, arXiv:2203.15556, eqs. (2), (4); k =
// flops_per_param_token.
#ifndef RHUMB_PLANNER_LAWS_CHINCHILLA_H_
#define RHUMB_PLANNER_LAWS_CHINCHILLA_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "planner/laws/law.h"

namespace rhumb {

// 2 forward and 4 backward FLOPs per parameter and token. Source: Kaplan et al. 2020,
// arXiv:2001.08361, 2.1.
inline constexpr double kTrainingFlopsPerParamToken = 6;
// One forward pass.
inline constexpr double kInferenceFlopsPerParamToken = 2;

// InvalidArgument naming the first constant that is not positive and finite (E may be zero).
absl::Status ValidateChinchillaLaw(const ChinchillaLaw& law);

// E + (A/N^alpha + B/D^beta)^gamma. Infinite counts are allowed and give the limits.
double ExpectedLoss(const ChinchillaLaw& law, double param_count, double token_count);

// (dL/d ln N, dL/d ln D) = (-alpha A N^-alpha, -beta B D^-beta) times gamma u^(gamma-1), with u
// the sum A N^-alpha + B D^-beta.
struct LossMarginals {
  double by_log_params = 0;
  double by_log_tokens = 0;
};
LossMarginals Marginals(const ChinchillaLaw& law, double param_count, double token_count);

// The sum A N^-alpha + B D^-beta of a point whose loss is E + reducible_nats: reducible^(1/gamma).
double TermSumForReducible(const ChinchillaLaw& law, double reducible_nats);

// Constants of the compute-optimal frontier: N = g (C/k)^params_exponent,
// D = (C/k)^tokens_exponent / g, L = E + loss_prefactor (C/k)^-loss_exponent.
struct FrontierConstants {
  double g = 0;                // G = (alpha A / (beta B))^(1/(alpha+beta))
  double params_exponent = 0;  // a = beta/(alpha+beta)
  double tokens_exponent = 0;  // b = alpha/(alpha+beta)
  double loss_exponent = 0;    // gamma alpha beta/(alpha+beta)
  double loss_prefactor = 0;   // K = (A G^-alpha + B G^beta)^gamma
};
FrontierConstants DeriveFrontier(const ChinchillaLaw& law);

// A point on the compute-optimal frontier. training_flops = k N D.
struct FrontierPoint {
  double param_count = 0;
  double token_count = 0;
  double tokens_per_param = 0;
  double training_flops = 0;
  double loss_nats = 0;
};
FrontierPoint OptimumForCompute(const ChinchillaLaw& law, double training_flops,
                                double flops_per_param_token = kTrainingFlopsPerParamToken);

// Least compute that reaches the loss. OutOfRange if target_loss_nats <= E; the message carries E.
absl::StatusOr<FrontierPoint> OptimumForLoss(
    const ChinchillaLaw& law, double target_loss_nats,
    double flops_per_param_token = kTrainingFlopsPerParamToken);

// The frontier point of a given model size, and of a given amount of data.
FrontierPoint OptimumForParams(const ChinchillaLaw& law, double param_count,
                               double flops_per_param_token = kTrainingFlopsPerParamToken);
FrontierPoint OptimumForTokens(const ChinchillaLaw& law, double token_count,
                               double flops_per_param_token = kTrainingFlopsPerParamToken);

// Iso-loss contour: the D that takes N parameters to the loss, and the N that takes D tokens to it.
// OutOfRange if no amount does; the message carries the floor, E + (A N^-alpha)^gamma or
// E + (B D^-beta)^gamma.
absl::StatusOr<double> TokensForLoss(const ChinchillaLaw& law, double param_count,
                                     double target_loss_nats);
absl::StatusOr<double> ParamsForLoss(const ChinchillaLaw& law, double token_count,
                                     double target_loss_nats);

// dL/d ln C along the frontier: -loss_exponent (L - E).
double FrontierLossSlope(const ChinchillaLaw& law, double training_flops,
                         double flops_per_param_token = kTrainingFlopsPerParamToken);

// Loss given up, to second order in ln(size_ratio), by a model of size_ratio x N_opt at the same
// compute: (alpha+beta)/2 (-dL/d ln N) ln(size_ratio)^2, the slope taken at N_opt. Nats.
double SecondOrderRegret(const ChinchillaLaw& law, double training_flops, double size_ratio,
                         double flops_per_param_token = kTrainingFlopsPerParamToken);

// Training a model of size_fraction x N_opt to the loss of N_opt takes tokens_ratio x D_opt and
// 1 + compute_overhead_fraction times the compute, at every scale.
// Source: de Vries 2023, "Go smol or go home"; the closed form follows from the iso-loss contour.
struct SizeTradeOff {
  double tokens_ratio = 0;
  double compute_overhead_fraction = 0;
};
// OutOfRange if size_fraction <= SmallestSizeFraction(law); InvalidArgument if it is not positive.
absl::StatusOr<SizeTradeOff> TradeSizeForTokens(const ChinchillaLaw& law, double size_fraction);

// (1 + alpha/beta)^(-1/alpha): below it no amount of data recovers the loss.
double SmallestSizeFraction(const ChinchillaLaw& law);

// Elasticity of substitution between N and D along an iso-loss contour: 1/(1 + beta s_N + alpha
// s_D), with s_N = alpha x/(alpha x + beta y) the share of the parameter term. Follows from the
// form; .73 to .78 for the published constants, which agree on it better than on the exponents.
double SubstitutionElasticity(const ChinchillaLaw& law, double param_count, double token_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_CHINCHILLA_H_
