// SPDX-License-Identifier: Apache-2.0
// Vectors and matrices over the parameters of a law: small, on the stack.
#ifndef RHUMB_PLANNER_FIT_PARAMETERS_H_
#define RHUMB_PLANNER_FIT_PARAMETERS_H_

#include "Eigen/Core"

namespace rhumb {

// No form has more parameters.
inline constexpr int kMaxParameters = 12;

using ParameterVector = Eigen::Matrix<double, Eigen::Dynamic, 1, 0, kMaxParameters, 1>;
using ParameterMatrix =
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, kMaxParameters, kMaxParameters>;

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_PARAMETERS_H_
