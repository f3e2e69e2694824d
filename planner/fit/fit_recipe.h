// SPDX-License-Identifier: Apache-2.0
// Methods that say how a run is to be trained, or what its loss is worth, as an answer of FitLaw.
#ifndef RHUMB_PLANNER_FIT_FIT_RECIPE_H_
#define RHUMB_PLANNER_FIT_FIT_RECIPE_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/observation.h"

namespace rhumb {

// Fills constants, standard errors, intervals (Student's, at the options' level) and the formula of
//   kHyperparameters  lr = lr_c N^lr_N D^lr_D and B = B_c D^B_D tokens, by the best runs;
//   kCriticalBatch    B_crit = L_c L^L_p (L in nats) and B_crit = D_c D_min^D_p tokens;
//   kDownstream       metric = ceiling + (chance - ceiling) / (1 + e^(-k (L - L_0))), k per nat.
// `rows` take part. Data that do not tell the constants are a diagnosis, not an error.
// InvalidArgument names the option at fault, `method` where rows lack a column that it needs.
absl::Status FitRecipe(absl::Span<const Observation> rows, const LawFitOptions& options,
                       LawFit& answer);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FIT_RECIPE_H_
