// SPDX-License-Identifier: Apache-2.0
// What a run tells of a law: gradients over the parameters of its covariance, and the covariance
// after one more run. What suggestions are made of and counted by.
#ifndef RHUMB_PLANNER_FIT_RUN_INFORMATION_H_
#define RHUMB_PLANNER_FIT_RUN_INFORMATION_H_

#include "Eigen/Core"
#include "planner/fit/suggest.h"
#include "planner/laws/law.h"
#include "planner/laws/law_covariance.h"

namespace rhumb {

// The entries of a gradient that the covariance names, in its order; 0 for what it names beyond.
Eigen::VectorXd Named(const LawCovariance& covariance, const LawGradient& gradient);

// d ln L / d theta of a run of N parameters and D tokens, over the parameters of law.covariance.
Eigen::VectorXd LogLossGradient(const Law& law, double param_count, double token_count);

// d (decision) / d theta: of ln N_opt at the target compute or of ln L of the run that is optimal
// there. At the optimum the loss does not change with N at fixed C: its own partial derivatives do.
Eigen::VectorXd DecisionGradient(const Law& law, const SuggestOptions& options);

// Covariance after one more run of this gradient of ln L: the rank-one update of Sherman &
// Morrison, which needs no inverse of a covariance that may be singular.
void AddRun(const Eigen::VectorXd& gradient, double noise_variance, Eigen::MatrixXd& covariance);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_RUN_INFORMATION_H_
