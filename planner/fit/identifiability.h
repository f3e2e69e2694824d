// SPDX-License-Identifier: Apache-2.0
// Whether the data determine a form's constants: which do not, and why, in words.
#ifndef RHUMB_PLANNER_FIT_IDENTIFIABILITY_H_
#define RHUMB_PLANNER_FIT_IDENTIFIABILITY_H_

#include "planner/fit/fit.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/rows.h"

namespace rhumb {

// What can be seen before any fit: too few runs, one size, ln N and ln D on one line, a constant
// loss. A fit of data that fail here means nothing. Never an error.
Identifiability DiagnoseData(const FormSpec& spec, const Rows& rows);

// Adds what only a fit shows: a term driven to zero or adding nothing to the fit, an exponent that
// is not positive, a constant at the end of its range, a flat direction of the objective.
void DiagnoseFit(const FormSpec& spec, const FitResult& fit, const Rows& rows,
                 Identifiability& diagnosis);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_IDENTIFIABILITY_H_
