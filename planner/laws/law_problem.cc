// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/law_problem.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "planner/status_macros.h"

namespace rhumb {

absl::Status CheckPositive(const char* field, const std::optional<double>& value) {
  if (!value.has_value() || (std::isfinite(*value) && *value > 0)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s is %g; it must be positive and finite", field, *value));
}

absl::Status ValidateLawQuestion(const LawQuestion& question) {
  RHUMB_RETURN_IF_ERROR(CheckPositive("training_flops", question.training_flops));
  RHUMB_RETURN_IF_ERROR(CheckPositive("lifetime_flops", question.lifetime_flops));
  RHUMB_RETURN_IF_ERROR(CheckPositive("target_loss_nats", question.target_loss_nats));
  RHUMB_RETURN_IF_ERROR(CheckPositive("unique_token_count", question.unique_token_count));
  RHUMB_RETURN_IF_ERROR(CheckPositive("max_token_count", question.max_token_count));
  RHUMB_RETURN_IF_ERROR(CheckPositive("min_param_count", question.min_param_count));
  RHUMB_RETURN_IF_ERROR(CheckPositive("max_param_count", question.max_param_count));
  RHUMB_RETURN_IF_ERROR(CheckPositive("tokens_per_param", question.tokens_per_param));
  RHUMB_RETURN_IF_ERROR(CheckPositive("fixed_token_count", question.fixed_token_count));
  RHUMB_RETURN_IF_ERROR(CheckPositive("fixed_param_count", question.fixed_param_count));
  if (!(question.max_epoch_count > 0)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("max_epoch_count is %g; it must be positive", question.max_epoch_count));
  }
  for (const auto& [field, value] :
       {std::pair<const char*, double>{"inference_token_count", question.inference_token_count},
        std::pair<const char*, double>{"inference_weight", question.inference_weight}}) {
    if (!std::isfinite(value) || value < 0) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s is %g; it must be non-negative and finite", field, value));
    }
  }
  if (question.min_param_count.value_or(0) > question.max_param_count.value_or(kUnbounded)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("min_param_count %g exceeds max_param_count %g", *question.min_param_count,
                        *question.max_param_count));
  }
  return absl::OkStatus();
}

LawProblem::Frontier LawProblem::MostTokens(double n) const {
  // Listed from flat to steep, so that a tie takes the steeper: the derivative from the right.
  Frontier best{.token_count = token_cap_, .elasticity = 0};
  if (question_.training_flops.has_value()) {
    const double d = *question_.training_flops / (kTrainingFlopsPerParamToken * n);
    if (d <= best.token_count) best = {.token_count = d, .elasticity = -1};
  }
  if (question_.lifetime_flops.has_value()) {
    const double served = WeightedInferenceTokens() * kInferenceFlopsPerParamToken /
                          kTrainingFlopsPerParamToken;  // in training tokens of equal cost
    const double d = *question_.lifetime_flops / (kTrainingFlopsPerParamToken * n) - served;
    if (d <= best.token_count) best = {.token_count = d, .elasticity = -(1 + served / d)};
  }
  return best;
}

// Folds a fixed N, or a fixed D with a fixed ratio, into the bounds of N.
absl::Status LawProblem::FixPinnedParams() {
  std::optional<double> pinned = question_.fixed_param_count;
  if (question_.fixed_token_count.has_value() && question_.tokens_per_param.has_value()) {
    const double implied = *question_.fixed_token_count / *question_.tokens_per_param;
    if (pinned.has_value() && std::abs(implied / *pinned - 1) > 1e-9) {
      return absl::FailedPreconditionError(absl::StrFormat(
          "fixed_param_count %.6g, fixed_token_count %.6g and tokens_per_param %.6g contradict one "
          "another",
          *pinned, *question_.fixed_token_count, *question_.tokens_per_param));
    }
    if (!pinned.has_value()) pinned = implied;
  }
  if (!pinned.has_value()) return absl::OkStatus();
  if (!IsAtMost(bounds_.low, *pinned) || !IsAtMost(*pinned, bounds_.high)) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "param_count is fixed at %.6g, outside of [%.6g, %.6g]", *pinned,
        question_.min_param_count.value_or(0), question_.max_param_count.value_or(kUnbounded)));
  }
  bounds_ = {.low = *pinned, .high = *pinned};
  return absl::OkStatus();
}

absl::Status LawProblem::CheckBounded() const {
  const bool params_capped = bounds_.high < kLargestParamCount;
  const bool params_floored = bounds_.low > kSmallestParamCount;
  const bool tokens_capped = token_cap_ < kUnbounded || question_.fixed_token_count.has_value();
  if (question_.objective == LawObjective::kLoss) {
    const bool ratio_bounds_both =
        question_.tokens_per_param.has_value() && (params_capped || tokens_capped);
    if (HasBudget() || (params_capped && tokens_capped) || ratio_bounds_both) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrFormat(
        "nothing bounds the %s; give training_flops, lifetime_flops, or %s",
        tokens_capped ? "model size" : "training",
        tokens_capped ? "max_param_count" : "both max_param_count and max_token_count"));
  }
  if (!question_.target_loss_nats.has_value() && !(TokensFollowParams() && params_floored)) {
    return absl::InvalidArgumentError("target_loss_nats must be given to minimise cost or size");
  }
  if (question_.objective == LawObjective::kSize && !TokensFollowParams() && !HasBudget() &&
      !tokens_capped && bounds_.low < bounds_.high) {
    return absl::InvalidArgumentError(
        "nothing bounds the tokens of the smallest model; give training_flops, lifetime_flops, "
        "max_token_count or unique_token_count");
  }
  return absl::OkStatus();
}

absl::Status LawProblem::TargetOutOfReach(double n) const {
  const double target = *question_.target_loss_nats;
  const ChinchillaLaw& constants = law_.constants;
  if (target <= constants.irreducible_loss_nats) {
    return absl::FailedPreconditionError(
        absl::StrFormat("target_loss_nats %.6g is out of reach under this fit: the irreducible "
                        "loss of %s is %.6g nats",
                        target, law_.name, constants.irreducible_loss_nats));
  }
  const double floor = token_cap_ < kUnbounded ? Loss(n, token_cap_)
                                               : LossFloor(law_, n, question_.unique_token_count);
  const std::string size = n < kLargestParamCount ? absl::StrFormat("at most %.6g parameters", n)
                                                  : std::string("any number of parameters");
  const std::string data = token_cap_ < kUnbounded
                               ? absl::StrFormat("at most %.6g tokens", token_cap_)
                               : std::string("any number of tokens");
  return absl::FailedPreconditionError(
      absl::StrFormat("target_loss_nats %.6g is out of reach: with %s on %s the floor is %.6g nats",
                      target, size, data, floor));
}

LawOptimum LawProblem::PointAt(double n, double d) const {
  LawOptimum optimum;
  optimum.param_count = n;
  optimum.token_count = d;
  optimum.tokens_per_param = d / n;
  optimum.training_flops = TrainingFlops(n, d);
  optimum.lifetime_flops = LifetimeFlops(n, d);
  optimum.loss_nats = Loss(n, d);
  return optimum;
}

}  // namespace rhumb
