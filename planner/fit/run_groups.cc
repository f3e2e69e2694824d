// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/run_groups.h"

#include <algorithm>
#include <cmath>

#include "Eigen/Core"
#include "planner/laws/chinchilla.h"
#include "planner/laws/law_covariance.h"
#include "planner/laws/loss_model.h"

namespace rhumb {
namespace {

// The entries of a gradient that the covariance names.
Eigen::VectorXd Named(const LawCovariance& covariance, const LawGradient& gradient) {
  Eigen::VectorXd named = Eigen::VectorXd::Zero(covariance.values.rows());
  for (Eigen::Index k = 0; k < named.size(); ++k) {
    const std::string& parameter = covariance.parameters[static_cast<size_t>(k)];
    const auto at = std::find(kLawParameters.begin(), kLawParameters.end(), parameter.c_str());
    if (at != kLawParameters.end()) {
      named[k] = gradient[static_cast<size_t>(at - kLawParameters.begin())];
    }
  }
  return named;
}

// d ln L / d theta of a run.
Eigen::VectorXd LogLossGradient(const Law& law, double param_count, double token_count) {
  const TokenUse use{.token_count = token_count};
  return Named(*law.covariance, LossGradient(law, param_count, use)) /
         PredictLoss(law, param_count, use);
}

// d (decision) / d theta, as in suggest.cc.
Eigen::VectorXd DecisionGradient(const Law& law, const SuggestOptions& options) {
  if (options.target == SuggestTarget::kLogParams) {
    return Named(*law.covariance, LogOptimalParamsGradient(law.constants, options.target_flops));
  }
  const FrontierPoint best = OptimumForCompute(law.constants, options.target_flops);
  return LogLossGradient(law, best.param_count, best.token_count);
}

}  // namespace

std::vector<RunGroup> GroupRuns(const Law& law, const SuggestOptions& options,
                                const std::vector<SuggestedRun>& runs) {
  std::vector<RunGroup> groups;
  for (const SuggestedRun& run : runs) {
    const auto same = std::find_if(groups.begin(), groups.end(), [&run](const RunGroup& group) {
      return group.run.param_count == run.param_count && group.run.token_count == run.token_count;
    });
    if (same == groups.end()) {
      groups.push_back({run, 1});
    } else {
      ++same->count;
    }
  }
  if (groups.empty()) return groups;
  const Eigen::VectorXd decision = DecisionGradient(law, options);
  const double noise_variance = *law.residual_log_std * *law.residual_log_std;
  Eigen::MatrixXd covariance = law.covariance->values;
  for (RunGroup& group : groups) {
    const Eigen::VectorXd gradient =
        LogLossGradient(law, group.run.param_count, group.run.token_count);
    // The mean of `count` runs is one run with that much less noise.
    const Eigen::VectorXd moved = covariance * gradient;
    covariance -= moved * moved.transpose() / (noise_variance / group.count + gradient.dot(moved));
    group.run.std_after = std::sqrt(std::max(decision.dot(covariance * decision), 0.0));
  }
  return groups;
}

}  // namespace rhumb
