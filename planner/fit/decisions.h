// SPDX-License-Identifier: Apache-2.0
// What is decided from a fitted law, with intervals from the joint draws of its constants. Errors
// of single constants say nothing here: A and alpha, B and beta are nearly one number each.
#ifndef RHUMB_PLANNER_FIT_DECISIONS_H_
#define RHUMB_PLANNER_FIT_DECISIONS_H_

#include <functional>
#include <optional>

#include "planner/fit/draws.h"
#include "planner/fit/fit.h"
#include "planner/fit/fit_law.h"
#include "planner/laws/law.h"

namespace rhumb {

// The law of N and D that a theta stands for; nullopt for forms that are not of that family.
// Repetition constants, where the form has them, are not part of it.
std::optional<ChinchillaLaw> ToChinchillaLaw(const Form& form, const ParameterVector& theta);

struct Decision {
  double value = 0;  // at the optimum
  Interval interval;
};

// Quantiles of `quantity` over the draws at `level`, stretched as draws.h says, on a logarithmic
// scale if `is_log`. Draws where the quantity does not exist are left out; an interval over fewer
// than half of them is infinite on both sides (0 and infinity if `is_log`).
Decision DecisionInterval(const FitResult& fit, const ParameterDraws& draws, double level,
                          bool is_log,
                          const std::function<double(const ParameterVector& theta)>& quantity);

struct ComputeDecisions {
  double training_flops = 0;
  Decision param_count, token_count, tokens_per_param, loss_nats;
};
// The compute-optimal run at a budget, C = 6ND. nullopt where ToChinchillaLaw is.
std::optional<ComputeDecisions> DecideAtCompute(const FitResult& fit, const ParameterDraws& draws,
                                                double training_flops, double level);

// Least compute that reaches a loss; infinite where the loss is below the floor.
std::optional<Decision> ComputeForLoss(const FitResult& fit, const ParameterDraws& draws,
                                       double target_loss_nats, double level);

// a in N_opt ~ C^a.
std::optional<Decision> ParamsExponent(const FitResult& fit, const ParameterDraws& draws,
                                       double level);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_DECISIONS_H_
