// SPDX-License-Identifier: Apache-2.0
// The data-constrained law: repeated tokens and excess parameters are worth less than fresh ones.
// Not the planner's view of any law (loss_model.h), which calls these.
//
// Arguments must be positive and finite unless said otherwise. The law never rises with epochs
// because its runs that got worse were dropped: cap at about 40 epochs and warn above 16. Source:
// Muennighoff et al. 2023, arXiv:2305.16264, eqs. (5), (6), appendix A.
#ifndef RHUMB_PLANNER_LAWS_DATA_CONSTRAINED_H_
#define RHUMB_PLANNER_LAWS_DATA_CONSTRAINED_H_

#include <optional>

#include "absl/status/statusor.h"
#include "planner/laws/law.h"

namespace rhumb {

// What `count` of which only `unique_count` are distinct is worth: count itself up to unique_count,
// then U + U R* (1 - exp(-R/R*)) with R = count/U - 1; never above U (1 + R*). An infinite count
// gives that limit.
double EffectiveCount(double count, double unique_count, double decay);

// d ln(EffectiveCount) / d ln(count): 1 up to unique_count, falling to 0 beyond.
double EffectiveCountElasticity(double count, double unique_count, double decay);

// The count worth `effective_count`; nullopt at or above the ceiling U (1 + R*).
std::optional<double> CountForEffective(double effective_count, double unique_count, double decay);

// Parameters that U_D unique tokens support: N_opt(U_D) of the unrepeated law.
double SupportedParamCount(const ChinchillaLaw& law, double unique_token_count);

// L = E + A N'^-alpha + B D'^-beta with U_D = min(unique_token_count, D), U_N = min(N, N_opt(U_D)).
double DataConstrainedLoss(const ChinchillaLaw& law, const RepetitionConstants& repetition,
                           double param_count, double token_count, double unique_token_count);

// Limit of the loss for N, D -> infinity with unique_token_count distinct tokens.
double DataConstrainedLossFloor(const ChinchillaLaw& law, const RepetitionConstants& repetition,
                                double unique_token_count);

struct DataConstrainedOptimum {
  double param_count = 0;
  double token_count = 0;
  double epoch_count = 0;  // D / unique tokens, at least 1
  double loss_nats = 0;
};

// Least loss with 6ND = training_flops: the Chinchilla optimum if the data suffices for it, else
// the unique root of alpha A N'^-alpha e_N = beta B D'^-beta e_D in ln N (left falls, right rises).
DataConstrainedOptimum OptimumForComputeAndData(const ChinchillaLaw& law,
                                                const RepetitionConstants& repetition,
                                                double training_flops, double unique_token_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_DATA_CONSTRAINED_H_
