// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/run_information.h"

#include <algorithm>

namespace rhumb {

Eigen::VectorXd Named(const LawCovariance& covariance, const LawGradient& gradient) {
  Eigen::VectorXd named(static_cast<Eigen::Index>(covariance.parameters.size()));
  for (size_t k = 0; k < covariance.parameters.size(); ++k) {
    const auto at =
        std::find(kLawParameters.begin(), kLawParameters.end(), covariance.parameters[k].c_str());
    named[static_cast<Eigen::Index>(k)] =
        at == kLawParameters.end() ? 0 : gradient[static_cast<size_t>(at - kLawParameters.begin())];
  }
  return named;
}

void AddRun(const Eigen::VectorXd& gradient, double noise_variance, Eigen::MatrixXd& covariance) {
  const Eigen::VectorXd moved = covariance * gradient;
  covariance -= moved * moved.transpose() / (noise_variance + gradient.dot(moved));
}

}  // namespace rhumb
