// SPDX-License-Identifier: Apache-2.0
// A form with the constraints it is fitted under: what roll-outs and mixtures compare.
#ifndef RHUMB_PLANNER_FIT_FORM_SPEC_H_
#define RHUMB_PLANNER_FIT_FORM_SPEC_H_

#include <string>
#include <vector>

#include "planner/fit/fit.h"
#include "planner/fit/form.h"
#include "planner/fit/rows.h"

namespace rhumb {

struct FormSpec {
  std::string name;  // of the form; "chinchilla-tied" for alpha = beta and no other constraint
  const Form* form = nullptr;
  FitOptions options;
  int free_count = 0;  // parameters, ties counted once
};

// The spec of one form. InvalidArgument names a constraint that does not fit the form.
absl::StatusOr<FormSpec> MakeSpec(const Form& form, const FitOptions& options);

// Rivals of a spec that describe the same data by other formulas, without the spec itself: the
// other losses of N and D (chinchilla, chinchilla-tied, coupled; with repeated data only
// data-constrained) under the same loss. Empty for a form of one count, and where the user fixed,
// bounded or tied a constant, alpha = beta of chinchilla excepted: what is known of one formula's
// constants is not known of another's.
std::vector<FormSpec> RivalsOf(const FormSpec& spec, const Rows& rows);

// True if some row processed more tokens than it has unique ones.
bool HasRepeatedData(const Rows& rows);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FORM_SPEC_H_
