// SPDX-License-Identifier: Apache-2.0
// Runs that a fitted law does not explain, and what the residuals say about it as a whole.
#ifndef RHUMB_PLANNER_FIT_OUTLIERS_H_
#define RHUMB_PLANNER_FIT_OUTLIERS_H_

#include <string>
#include <utility>
#include <vector>

#include "planner/fit/fit.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/rows.h"

namespace rhumb {

// Rows whose residual exceeds 5 robust standard deviations (1.4826 x median absolute deviation),
// the worst first; `observation` is the row's index in `rows`.
std::vector<Outlier> FindOutliers(const FitResult& fit, const Rows& rows);

// NOISE_LARGE (above 3% of the loss), RESIDUAL_TREND_IN_COMPUTE (slope of the residuals over ln C
// by more than 3 standard errors), FEW_RUNS (fewer than 3 a constant): code and text.
std::vector<std::pair<std::string, std::string>> ResidualWarnings(const FitResult& fit,
                                                                  const Rows& rows);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_OUTLIERS_H_
