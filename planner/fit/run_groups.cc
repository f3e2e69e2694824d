// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/run_groups.h"

#include <algorithm>
#include <cmath>

#include "Eigen/Core"
#include "planner/fit/run_information.h"

namespace rhumb {
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
    AddRun(gradient, noise_variance / group.count, covariance);
    group.run.std_after = std::sqrt(std::max(decision.dot(covariance * decision), 0.0));
  }
  return groups;
}

}  // namespace rhumb
