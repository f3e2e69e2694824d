// SPDX-License-Identifier: Apache-2.0
// A law's covariance by parameter name: validation, and the gradients that the delta method runs
// along. Not the intervals themselves (loss_model.h).
#ifndef RHUMB_PLANNER_LAWS_LAW_COVARIANCE_H_
#define RHUMB_PLANNER_LAWS_LAW_COVARIANCE_H_

#include <array>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "planner/laws/law.h"
#include "planner/laws/loss_model.h"

namespace rhumb {

// Every parameter a law can have, in the order that LawCovariance keeps.
inline constexpr std::array<absl::string_view, 8> kLawParameters = {
    "ln_A", "ln_B", "ln_E", "alpha", "beta", "ln_gamma", "ln_R_D", "ln_R_N"};
using LawGradient = std::array<double, kLawParameters.size()>;  // in the order of kLawParameters

// InvalidArgument unless the names are a subset of kLawParameters in their order, `values` is
// square of their number, finite, symmetric to 1e-9 of its diagonal, and without a negative
// variance.
absl::Status ValidateLawCovariance(const LawCovariance& covariance);

// d L / d parameter at (N, use), in nats. Exact: N' and D' move with R_N*, R_D* and, where the law
// damps N, with every parameter that moves the size that the unique tokens support.
LawGradient LossGradient(const Law& law, double param_count, const TokenUse& use);

// d ln N_opt / d parameter at a compute budget without a limit on data.
LawGradient LogOptimalParamsGradient(const ChinchillaLaw& law, double training_flops);

// sqrt(g' cov g) over the parameters that `covariance` names, at least zero: a stored matrix may be
// indefinite by its own rounding. nullopt if a name is unknown or the shape does not match.
std::optional<double> StdDevAlong(const LawCovariance& covariance, const LawGradient& gradient);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_LAW_COVARIANCE_H_
