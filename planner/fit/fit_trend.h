// SPDX-License-Identifier: Apache-2.0
// Methods that give only how the optimum grows with compute, as an answer of FitLaw.
#ifndef RHUMB_PLANNER_FIT_FIT_TREND_H_
#define RHUMB_PLANNER_FIT_FIT_TREND_H_

#include <functional>

#include "absl/status/status.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/rows.h"

namespace rhumb {

// Fills the exponents, their intervals and the coefficient for kIsoFlop and kEnvelope, and the
// budgets of kIsoFlop, with their rows as indices into `rows`. Data that give no trend are a
// diagnosis, not an error. InvalidArgument and Cancelled as in fit_law.h.
absl::Status FitTrendLaw(const Rows& rows, const LawFitOptions& options,
                         const std::function<bool(double)>& progress, LawFit& answer);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FIT_TREND_H_
