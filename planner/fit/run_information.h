// SPDX-License-Identifier: Apache-2.0
// What a run tells of a law: gradients over the parameters of its covariance, and the covariance
// after one more run. What suggestions are made of and counted by.
#ifndef RHUMB_PLANNER_FIT_RUN_INFORMATION_H_
#define RHUMB_PLANNER_FIT_RUN_INFORMATION_H_

#include "Eigen/Core"
#include "planner/laws/law_covariance.h"

namespace rhumb {

// The entries of a gradient that the covariance names, in its order; 0 for what it names beyond.
Eigen::VectorXd Named(const LawCovariance& covariance, const LawGradient& gradient);

// Covariance after one more run of this gradient of ln L: the rank-one update of Sherman &
// Morrison, which needs no inverse of a covariance that may be singular.
void AddRun(const Eigen::VectorXd& gradient, double noise_variance, Eigen::MatrixXd& covariance);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_RUN_INFORMATION_H_
