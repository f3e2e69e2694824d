// SPDX-License-Identifier: Apache-2.0
// Linear least squares with standard errors, and power laws as linear regressions of logarithms.
#ifndef RHUMB_PLANNER_FIT_LOG_LINEAR_H_
#define RHUMB_PLANNER_FIT_LOG_LINEAR_H_

#include <vector>

#include "Eigen/Core"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace rhumb {

struct LinearFit {
  Eigen::VectorXd coefficients;  // the intercept first, then one a column
  Eigen::VectorXd std_errors;    // infinite where no observation is left over
  Eigen::MatrixXd covariance;
  double residual_std = 0;  // with n - p degrees of freedom
  double r_squared = 0;
  int observation_count = 0;
};

struct LinearFitOptions {
  Eigen::VectorXd weight;  // empty: all 1
  // Group of each row, numbered from 0. Rows of a group err together: the covariance is then the
  // sandwich over groups (CR1). Empty: independent errors of one size.
  std::vector<int> group;
};

// target = k_0 + columns k. `columns` is (rows x predictors), may have no column.
// FailedPrecondition if there are fewer rows than coefficients or the columns are collinear;
// InvalidArgument for entries that are not finite.
absl::StatusOr<LinearFit> FitLinear(const Eigen::MatrixXd& columns, const Eigen::VectorXd& target,
                                    const LinearFitOptions& options = {});

// y = coefficient prod_j x_j^exponents[j], by least squares of ln y on the ln x_j.
struct PowerLawFit {
  double coefficient = 0;
  std::vector<double> exponents;
  LinearFit linear;  // of the logarithms

  double At(absl::Span<const double> predictors) const;
};
// `predictors`: one column a predictor. InvalidArgument names the first row that is not positive.
absl::StatusOr<PowerLawFit> FitPowerLaw(absl::Span<const std::vector<double>> predictors,
                                        absl::Span<const double> values,
                                        const LinearFitOptions& options = {});

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_LOG_LINEAR_H_
