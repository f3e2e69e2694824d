// SPDX-License-Identifier: Apache-2.0
// Family "auto": the form that predicts the larger runs best from the smaller ones. Never the one
// with the best fit: more constants always fit better.
#ifndef RHUMB_PLANNER_FIT_CHOOSE_FORM_H_
#define RHUMB_PLANNER_FIT_CHOOSE_FORM_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/rows.h"

namespace rhumb {

struct FormChoice {
  FormSpec spec;
  std::vector<FamilyTrial> trials;  // best first
};

// Tries chinchilla, chinchilla with alpha = beta, coupled (and data-constrained where rows repeat
// data), each under `options`; where the runs cannot tell N from D, powers of compute instead.
// Judged by the mean absolute error over up to 5 origins, each origin one vote, on those that every
// compared rival could be fitted at; of those within 10% of the best the one with the fewest
// constants. A form that cannot be fitted at half of the origins or more is not compared. With
// fewer than 3 origins nothing can be judged: the first that fits (chinchilla), and the trials say
// so. Cancelled by `progress`.
absl::StatusOr<FormChoice> ChooseForm(const Rows& rows, const FitOptions& options,
                                      const std::function<bool(double)>& progress);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_CHOOSE_FORM_H_
