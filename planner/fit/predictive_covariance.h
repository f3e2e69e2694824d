// SPDX-License-Identifier: Apache-2.0
// The covariance that a law carries: the one by which linear error propagation gives back the
// spread of the draws where laws are used. Not the spread of the constants (RobustCovariance).
#ifndef RHUMB_PLANNER_FIT_PREDICTIVE_COVARIANCE_H_
#define RHUMB_PLANNER_FIT_PREDICTIVE_COVARIANCE_H_

#include <functional>
#include <optional>

#include "Eigen/Core"
#include "planner/fit/draws.h"
#include "planner/fit/fit.h"
#include "planner/fit/rows.h"

namespace rhumb {

struct PredictiveOptions {
  // Rows that the draws are read at, and all of these readings held in memory, at a time.
  int rows_at_a_time = 1000;
  std::function<bool()> should_stop = {};  // asked before each such block
};

// Draws lie along curved valleys (E, A and gamma of the coupled form trade off by factors), where
// the covariance of the constants with the gradient at the optimum overstates the spread of every
// loss. So the draws are read where a law is used: ln L at the rows, and ln L and ln N_opt on the
// frontier from the largest compute of the rows to 100 times it. With G the gradient of these at
// the optimum and S the covariance of their draws, both in units of the draws' deviations, the
// answer is G^+ S G^+', the least-squares solution: exactly the covariance of the constants where
// the draws are linear. (parameters x parameters) on theta, positive semidefinite, zero for what is
// not free; draws that ran away are left out as in RobustCovariance. Needs 3 draws. nullopt if told
// to stop.
std::optional<Eigen::MatrixXd> PredictiveCovariance(const FitResult& fit, const Rows& rows,
                                                    const ParameterDraws& draws,
                                                    const PredictiveOptions& options = {});

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_PREDICTIVE_COVARIANCE_H_
