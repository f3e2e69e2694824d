// SPDX-License-Identifier: Apache-2.0
// From a fit and its draws to the answer of FitLaw: constants, covariance, decisions, the Law.
#ifndef RHUMB_PLANNER_FIT_LAW_ANSWER_H_
#define RHUMB_PLANNER_FIT_LAW_ANSWER_H_

#include <optional>
#include <string>
#include <vector>

#include "planner/fit/decisions.h"
#include "planner/fit/draws.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/observation.h"
#include "planner/fit/prediction.h"
#include "planner/fit/rows.h"

namespace rhumb {

// Names every free constant undetermined, with one reason.
void MarkAllUndetermined(const FitResult& fit, const std::string& reason, LawFit& answer);

// Constants, standard errors, intervals, covariance, exponents; warns of errors as large as the
// constants. Intervals are by profile likelihood for fewer than 15 runs or where E is near 0, and
// from the draws otherwise. No draws: constants only. Of no use if the options' should_stop said
// so.
void AddConstants(const FormSpec& spec, const FitResult& fit, const Rows& rows,
                  const ParameterDraws& draws, double level, LawFit& answer);

// The law and its rivals by the weights of their roll-outs, but for the law at least half: on few
// origins a rival of fewer constants, which is wrong by little there, may earn nearly all of the
// weight, and an interval of N* by it alone would be narrower than the law's own and not hold the
// N* that is decided. On runs drawn from laws with and without alpha = beta, 90% intervals of N*
// then hold the truth more often than by the plain weights and by the law alone. Points into
// `predictor`.
std::vector<FormDraws> FormsOfDecisions(const Predictor& predictor);

// The weights of the forms, and what the law decides with intervals over all of them: at multiples
// of the largest compute, and at the least compute for the target loss if there is one.
void AddDecisions(const Predictor& predictor, const Rows& rows,
                  const std::optional<double>& target_loss_nats, double level, LawFit& answer);

// nullopt if the form is not one the planner sizes models with. `kept` are the observations that
// took part.
std::optional<Law> MakeLaw(const FitResult& fit, const Rows& rows,
                           const ObservationSet& observations, const std::vector<int>& kept,
                           const LawFit& answer);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_LAW_ANSWER_H_
