// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/run_information.h"

#include <algorithm>

#include "planner/laws/chinchilla.h"
#include "planner/laws/loss_model.h"

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

Eigen::VectorXd LogLossGradient(const Law& law, double param_count, double token_count) {
  const TokenUse use{.token_count = token_count};
  return Named(*law.covariance, LossGradient(law, param_count, use)) /
         PredictLoss(law, param_count, use);
}

Eigen::VectorXd DecisionGradient(const Law& law, const SuggestOptions& options) {
  if (options.target == SuggestTarget::kLogParams) {
    return Named(*law.covariance, LogOptimalParamsGradient(law.constants, options.target_flops));
  }
  const FrontierPoint best = OptimumForCompute(law.constants, options.target_flops);
  return LogLossGradient(law, best.param_count, best.token_count);
}

void AddRun(const Eigen::VectorXd& gradient, double noise_variance, Eigen::MatrixXd& covariance) {
  const Eigen::VectorXd moved = covariance * gradient;
  covariance -= moved * moved.transpose() / (noise_variance + gradient.dot(moved));
}

}  // namespace rhumb
