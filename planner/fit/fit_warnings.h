// SPDX-License-Identifier: Apache-2.0
// What a reader must know of a fit beside its numbers. What looks wrong with the rows themselves is
// in observation_warnings.h.
#ifndef RHUMB_PLANNER_FIT_FIT_WARNINGS_H_
#define RHUMB_PLANNER_FIT_FIT_WARNINGS_H_

#include "planner/fit/fit.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/rows.h"

namespace rhumb {

// Adds to answer.warnings: trends of the residuals, repeated data that the form ignores, bounds
// reached, other minima nearly as good.
void AddFitWarnings(const FormSpec& spec, const FitResult& fit, const Rows& rows, LawFit& answer);

// Adds what a form chosen by "auto" rests on: no comparison, a poor one, or plain chinchilla not
// being identified under `options`. Reads answer.trials.
void AddChoiceWarnings(const FormSpec& chosen, const FitOptions& options, const Rows& rows,
                       LawFit& answer);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FIT_WARNINGS_H_
