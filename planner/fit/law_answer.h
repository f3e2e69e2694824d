// SPDX-License-Identifier: Apache-2.0
// From a fit and its draws to the answer of FitLaw: constants, covariance, decisions, the Law.
#ifndef RHUMB_PLANNER_FIT_LAW_ANSWER_H_
#define RHUMB_PLANNER_FIT_LAW_ANSWER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "planner/fit/draws.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/observation.h"
#include "planner/fit/prediction.h"
#include "planner/fit/rows.h"

namespace rhumb {

// Draws from the normal distribution with this covariance of theta, stretched to Student's t.
ParameterDraws NormalDraws(const FitResult& fit, const ParameterMatrix& covariance, double degrees,
                           uint64_t seed);

// Names every free constant undetermined, with one reason.
void MarkAllUndetermined(const FitResult& fit, const std::string& reason, LawFit& answer);

// Constants, standard errors, intervals, covariance, exponents; warns of errors as large as the
// constants. Intervals are by profile likelihood for fewer than 15 runs or where E is near 0, and
// from the draws otherwise. No draws: constants only.
void AddConstants(const FormSpec& spec, const FitResult& fit, const Rows& rows,
                  const ParameterDraws& draws, double level, LawFit& answer);

void AddDecisions(const Predictor& predictor, const Rows& rows, double level, LawFit& answer);

// nullopt if the form is not one the planner sizes models with. `kept` are the observations that
// took part.
std::optional<Law> MakeLaw(const FitResult& fit, const Rows& rows,
                           const ObservationSet& observations, const std::vector<int>& kept,
                           const LawFit& answer);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_LAW_ANSWER_H_
