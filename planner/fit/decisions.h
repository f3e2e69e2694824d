// SPDX-License-Identifier: Apache-2.0
// What is decided from a fitted law, with intervals from the joint draws of its constants, and of
// those of the forms that rival it. Errors of single constants say nothing here: A and alpha, B and
// beta are nearly one number each.
#ifndef RHUMB_PLANNER_FIT_DECISIONS_H_
#define RHUMB_PLANNER_FIT_DECISIONS_H_

#include <functional>
#include <optional>

#include "absl/types/span.h"
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

// A form in a mixture: its fit, its draws and its share of the whole, which need not sum to 1.
// Points to both, which must outlive it.
struct FormDraws {
  const FitResult* fit = nullptr;
  const ParameterDraws* draws = nullptr;
  double weight = 1;
};

// The same over the draws of several forms, each stretched around the value of its own optimum and
// together as heavy as its weight: which formula holds is not known either. The value is that of
// the first form. Forms without the quantity at their optimum are left out, the others share their
// weight; of one form left it is exactly DecisionInterval.
Decision MixtureInterval(
    absl::Span<const FormDraws> forms, double level, bool is_log,
    const std::function<double(const Form& form, const ParameterVector& theta)>& quantity);

struct ComputeDecisions {
  double training_flops = 0;
  Decision param_count, token_count, tokens_per_param, loss_nats;
};
// The compute-optimal run at a budget, C = 6ND: that of the first form, intervals over all that
// have an optimum, each at its own. nullopt where ToChinchillaLaw of the first is.
std::optional<ComputeDecisions> DecideAtCompute(absl::Span<const FormDraws> forms,
                                                double training_flops, double level);

// Least compute that reaches a loss, 6ND: that of the first form, its interval over all. Infinite
// where the loss is not above the floor, also of single draws: then the interval's high side may
// be. nullopt where ToChinchillaLaw of the first is.
std::optional<Decision> ComputeForLoss(absl::Span<const FormDraws> forms, double target_loss_nats,
                                       double level);

// a in N_opt ~ C^a.
std::optional<Decision> ParamsExponent(const FitResult& fit, const ParameterDraws& draws,
                                       double level);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_DECISIONS_H_
