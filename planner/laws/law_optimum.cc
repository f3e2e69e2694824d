// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/law_optimum.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/loss_model.h"
#include "planner/laws/monotone_root.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Bracket of N when the question gives none: far outside of any use, inside of any overflow.
constexpr double kSmallestParamCount = 1e-6;
constexpr double kLargestParamCount = 1e36;

// Relative slack on resources: more than rounding, far less than any digit shown.
constexpr double kSlack = 1e-12;

bool AtMost(double value, double limit) { return value <= limit * (1 + kSlack); }

absl::Status CheckPositive(const char* field, const std::optional<double>& value) {
  if (!value.has_value() || (std::isfinite(*value) && *value > 0)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s is %g; it must be positive and finite", field, *value));
}

absl::Status ValidateQuestion(const LawQuestion& question) {
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
  if (question.min_param_count.value_or(0) > question.max_param_count.value_or(kInfinity)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("min_param_count %g exceeds max_param_count %g", *question.min_param_count,
                        *question.max_param_count));
  }
  return absl::OkStatus();
}

struct Interval {
  double low = 0;
  double high = 0;
};

// One question in the form the solvers share: N in [bounds.low, bounds.high], D <= token_cap, and
// the quantities of a point (N, D).
class Problem {
 public:
  Problem(const Law& law, const LawQuestion& question) : law_(law), question_(question) {
    if (question.max_token_count.has_value()) token_cap_ = *question.max_token_count;
    if (question.unique_token_count.has_value()) {
      token_cap_ = std::min(token_cap_, question.max_epoch_count * *question.unique_token_count);
    }
    bounds_.low = question.min_param_count.value_or(kSmallestParamCount);
    bounds_.high = question.max_param_count.value_or(kLargestParamCount);
  }

  absl::StatusOr<LawOptimum> Solve();

 private:
  // D follows from N: it is fixed, or it is N times a fixed ratio.
  bool TokensFollowParams() const {
    return question_.fixed_token_count.has_value() || question_.tokens_per_param.has_value();
  }
  double FollowedTokens(double n) const {
    return question_.fixed_token_count.has_value() ? *question_.fixed_token_count
                                                   : n * *question_.tokens_per_param;
  }
  bool HasBudget() const {
    return question_.training_flops.has_value() || question_.lifetime_flops.has_value();
  }

  TokenUse Use(double d) const {
    return {
        .token_count = d, .unique_token_count = question_.unique_token_count, .batch_overhead = 1};
  }
  double Loss(double n, double d) const { return PredictLoss(law_, n, Use(d)); }
  double WeightedInferenceTokens() const {
    return question_.inference_weight * question_.inference_token_count;
  }
  double TrainingFlops(double n, double d) const { return kTrainingFlopsPerParamToken * n * d; }
  double LifetimeFlops(double n, double d) const {
    return TrainingFlops(n, d) + kInferenceFlopsPerParamToken * n * WeightedInferenceTokens();
  }
  double Cost(double n, double d) const {
    switch (question_.objective) {
      case LawObjective::kTrainingCost:
        return TrainingFlops(n, d);
      case LawObjective::kLifetimeCost:
        return LifetimeFlops(n, d);
      case LawObjective::kSize:
        return n;
      case LawObjective::kLoss:
        break;
    }
    return Loss(n, d);
  }
  // Least D that reaches the target; infinite if none does.
  double LeastTokens(double n) const {
    return TokensForTargetLoss(law_, n, *question_.target_loss_nats, question_.unique_token_count,
                               1)
        .value_or(kInfinity);
  }

  // Largest D that every constraint allows, and its d ln D / d ln N from the right; D may be <= 0.
  struct Frontier {
    double token_count = 0;
    double elasticity = 0;
  };
  Frontier MostTokens(double n) const;

  absl::Status FixPinnedParams();
  absl::Status CheckBounded() const;
  LawOptimum PointAt(double n, double d) const;
  absl::StatusOr<LawOptimum> SolveFollowed();
  absl::StatusOr<LawOptimum> SolveLeastLoss();
  absl::StatusOr<LawOptimum> SolveTarget();
  // N for which `flops`(N, D(N)), quasi-convex along the iso-loss contour with its minimum at
  // `cheapest`, stays within `budget`.
  template <typename FlopsOf>
  absl::StatusOr<Interval> Affordable(const char* field, const FlopsOf& flops, double budget,
                                      double cheapest, Interval within) const;
  absl::Status TargetOutOfReach(double n) const;

  const Law& law_;
  const LawQuestion& question_;
  double token_cap_ = kInfinity;
  Interval bounds_;
};

Problem::Frontier Problem::MostTokens(double n) const {
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
absl::Status Problem::FixPinnedParams() {
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
  if (!AtMost(bounds_.low, *pinned) || !AtMost(*pinned, bounds_.high)) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "param_count is fixed at %.6g, outside of [%.6g, %.6g]", *pinned,
        question_.min_param_count.value_or(0), question_.max_param_count.value_or(kInfinity)));
  }
  bounds_ = {.low = *pinned, .high = *pinned};
  return absl::OkStatus();
}

absl::Status Problem::CheckBounded() const {
  const bool params_capped = bounds_.high < kLargestParamCount;
  const bool params_floored = bounds_.low > kSmallestParamCount;
  const bool tokens_capped = token_cap_ < kInfinity || question_.fixed_token_count.has_value();
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

absl::Status Problem::TargetOutOfReach(double n) const {
  const double target = *question_.target_loss_nats;
  const ChinchillaLaw& constants = law_.constants;
  if (target <= constants.irreducible_loss_nats) {
    return absl::FailedPreconditionError(
        absl::StrFormat("target_loss_nats %.6g is out of reach under this fit: the irreducible "
                        "loss of %s is %.6g nats",
                        target, law_.name, constants.irreducible_loss_nats));
  }
  const double floor = token_cap_ < kInfinity ? Loss(n, token_cap_)
                                              : LossFloor(law_, n, question_.unique_token_count);
  const std::string size = n < kLargestParamCount ? absl::StrFormat("at most %.6g parameters", n)
                                                  : std::string("any number of parameters");
  const std::string data = token_cap_ < kInfinity
                               ? absl::StrFormat("at most %.6g tokens", token_cap_)
                               : std::string("any number of tokens");
  return absl::FailedPreconditionError(
      absl::StrFormat("target_loss_nats %.6g is out of reach: with %s on %s the floor is %.6g nats",
                      target, size, data, floor));
}

LawOptimum Problem::PointAt(double n, double d) const {
  LawOptimum optimum;
  optimum.param_count = n;
  optimum.token_count = d;
  optimum.tokens_per_param = d / n;
  optimum.training_flops = TrainingFlops(n, d);
  optimum.lifetime_flops = LifetimeFlops(n, d);
  optimum.loss_nats = Loss(n, d);
  return optimum;
}

// Writes the flat region: `within(limit)` gives the N whose objective is at most `limit`.
template <typename Within>
void FillFlatRegion(double best, const Within& within, LawOptimum& optimum) {
  const Interval narrow = within(best * 1.001);
  const Interval wide = within(best * 1.01);
  optimum.param_count_low_0p1pct = narrow.low;
  optimum.param_count_high_0p1pct = narrow.high;
  optimum.param_count_low_1pct = wide.low;
  optimum.param_count_high_1pct = wide.high;
}

// D a function of N that does not fall: every constraint is an upper or a lower bound on N, the
// loss falls and every cost rises with N, so the answer is one end of an interval.
absl::StatusOr<LawOptimum> Problem::SolveFollowed() {
  const auto fits_with = [&](double n, double slack) {
    const double d = FollowedTokens(n);
    return d <= token_cap_ * slack &&
           TrainingFlops(n, d) <= question_.training_flops.value_or(kInfinity) * slack &&
           LifetimeFlops(n, d) <= question_.lifetime_flops.value_or(kInfinity) * slack;
  };
  const auto fits = [&](double n) { return fits_with(n, 1); };
  if (!fits_with(bounds_.low, 1 + kSlack)) {
    const double d = FollowedTokens(bounds_.low);
    return absl::FailedPreconditionError(absl::StrFormat(
        "%.6g parameters on %.6g tokens take %.6g training FLOPs, %.6g over the lifetime, and "
        "exceed "
        "a limit on tokens (%.6g) or compute",
        bounds_.low, d, TrainingFlops(bounds_.low, d), LifetimeFlops(bounds_.low, d), token_cap_));
  }
  Interval allowed{.low = bounds_.low, .high = LastTrue(fits, bounds_.low, bounds_.high)};
  const auto loss_at = [&](double n) { return Loss(n, FollowedTokens(n)); };
  if (question_.target_loss_nats.has_value()) {
    const double target = *question_.target_loss_nats;
    if (!AtMost(loss_at(allowed.high), target)) {
      if (target <= law_.constants.irreducible_loss_nats) return TargetOutOfReach(allowed.high);
      return absl::FailedPreconditionError(absl::StrFormat(
          "target_loss_nats %.6g is out of reach: the least loss within the constraints is %.6g "
          "nats, "
          "at %.6g parameters on %.6g tokens",
          target, loss_at(allowed.high), allowed.high, FollowedTokens(allowed.high)));
    }
    allowed.low =
        FirstTrue([&](double n) { return loss_at(n) <= target; }, allowed.low, allowed.high);
  }
  const bool least_loss = question_.objective == LawObjective::kLoss;
  const double n = least_loss ? allowed.high : allowed.low;
  LawOptimum optimum = PointAt(n, FollowedTokens(n));
  FillFlatRegion(
      Cost(n, FollowedTokens(n)),
      [&](double limit) -> Interval {
        const auto within = [&](double x) { return Cost(x, FollowedTokens(x)) <= limit; };
        if (least_loss) return {FirstTrue(within, allowed.low, n), n};
        return {n, LastTrue(within, n, allowed.high)};
      },
      optimum);
  return optimum;
}

// L(N, MostTokens(N)) is the largest of one loss per constraint on D, each quasi-convex in ln N,
// and so quasi-convex: its derivative changes sign once.
absl::StatusOr<LawOptimum> Problem::SolveLeastLoss() {
  if (!(MostTokens(bounds_.low).token_count > 0)) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "lifetime_flops %.6g does not even serve %.6g parameters: that takes %.6g FLOPs",
        *question_.lifetime_flops, bounds_.low, LifetimeFlops(bounds_.low, 0)));
  }
  const auto falling = [&](double n) {
    const Frontier frontier = MostTokens(n);
    if (!(frontier.token_count > 0)) return false;
    const LossSlopes slopes = PredictLossSlopes(law_, n, Use(frontier.token_count));
    return slopes.by_log_params + slopes.by_log_tokens * frontier.elasticity < 0;
  };
  const double n = LastTrue(falling, bounds_.low, bounds_.high);
  LawOptimum optimum = PointAt(n, MostTokens(n).token_count);
  const double target = question_.target_loss_nats.value_or(kInfinity);
  if (!AtMost(optimum.loss_nats, target)) {
    if (target <= law_.constants.irreducible_loss_nats) return TargetOutOfReach(n);
    return absl::FailedPreconditionError(
        absl::StrFormat("target_loss_nats %.6g is out of reach: the least loss within the "
                        "constraints is %.6g nats, at "
                        "%.6g parameters on %.6g tokens",
                        target, optimum.loss_nats, n, optimum.token_count));
  }
  FillFlatRegion(
      optimum.loss_nats,
      [&](double limit) -> Interval {
        const auto within = [&](double x) {
          const double d = MostTokens(x).token_count;
          return d > 0 && Loss(x, d) <= std::min(limit, target);
        };
        return {FirstTrue(within, bounds_.low, n), LastTrue(within, n, bounds_.high)};
      },
      optimum);
  return optimum;
}

template <typename FlopsOf>
absl::StatusOr<Interval> Problem::Affordable(const char* field, const FlopsOf& flops, double budget,
                                             double cheapest, Interval within) const {
  const double least = flops(cheapest);
  if (!AtMost(least, budget)) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s %.6g is too little: target_loss_nats %.6g takes at least %.6g, with %.6g parameters on "
        "%.6g tokens",
        field, budget, *question_.target_loss_nats, least, cheapest, LeastTokens(cheapest)));
  }
  const auto affordable = [&](double n) { return flops(n) <= budget; };
  return Interval{.low = FirstTrue(affordable, within.low, cheapest),
                  .high = LastTrue(affordable, cheapest, within.high)};
}

// Along the iso-loss contour D(N) = LeastTokens(N) both costs are quasi-convex in ln N: with
// rho = (dL/d ln N) / (dL/d ln D), which falls with N, training cost falls while rho > 1 and
// lifetime cost while rho > 1 + w D_inf / (3 D). Source of the second: Sardana & Frankle 2024,
// arXiv:2401.00448.
absl::StatusOr<LawOptimum> Problem::SolveTarget() {
  const double target = *question_.target_loss_nats;
  const auto reaches = [&](double n) {
    if (token_cap_ < kInfinity) return Loss(n, token_cap_) <= target;
    return LeastTokens(n) < kInfinity;
  };
  const bool reached_at_best = token_cap_ < kInfinity
                                   ? AtMost(Loss(bounds_.high, token_cap_), target)
                                   : reaches(bounds_.high);
  if (!reached_at_best) return TargetOutOfReach(bounds_.high);
  Interval allowed{.low = FirstTrue(reaches, bounds_.low, bounds_.high), .high = bounds_.high};
  const auto tokens_at = [&](double n) { return std::min(LeastTokens(n), token_cap_); };

  const auto cheapest_of = [&](double served) {
    return LastTrue(
        [&](double n) {
          const double d = tokens_at(n);
          if (!(d < kInfinity)) return true;
          const LossSlopes slopes = PredictLossSlopes(law_, n, Use(d));
          return slopes.by_log_params < slopes.by_log_tokens * (1 + served / d);
        },
        allowed.low, allowed.high);
  };
  const auto training = [&](double n) { return TrainingFlops(n, tokens_at(n)); };
  const auto lifetime = [&](double n) { return LifetimeFlops(n, tokens_at(n)); };
  const Interval reachable = allowed;
  const double served =
      WeightedInferenceTokens() * kInferenceFlopsPerParamToken / kTrainingFlopsPerParamToken;
  const double cheapest_training = cheapest_of(0);
  const double cheapest_lifetime = cheapest_of(served);
  if (question_.training_flops.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const Interval affordable,
                           Affordable("training_flops", training, *question_.training_flops,
                                      cheapest_training, reachable));
    allowed = affordable;
  }
  if (question_.lifetime_flops.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const Interval affordable,
                           Affordable("lifetime_flops", lifetime, *question_.lifetime_flops,
                                      cheapest_lifetime, reachable));
    allowed = {.low = std::max(allowed.low, affordable.low),
               .high = std::min(allowed.high, affordable.high)};
    if (!AtMost(allowed.low, allowed.high)) {
      return absl::FailedPreconditionError(
          absl::StrFormat("training_flops %.6g and lifetime_flops %.6g suffice for "
                          "target_loss_nats %.6g one at a time "
                          "but not together",
                          *question_.training_flops, *question_.lifetime_flops, target));
    }
    allowed.high = std::max(allowed.low, allowed.high);
  }

  double n = allowed.low;
  if (question_.objective == LawObjective::kTrainingCost) {
    n = std::clamp(cheapest_training, allowed.low, allowed.high);
  } else if (question_.objective == LawObjective::kLifetimeCost) {
    n = std::clamp(cheapest_lifetime, allowed.low, allowed.high);
  }
  LawOptimum optimum = PointAt(n, tokens_at(n));
  FillFlatRegion(
      Cost(n, optimum.token_count),
      [&](double limit) -> Interval {
        const auto within = [&](double x) { return Cost(x, tokens_at(x)) <= limit; };
        return {FirstTrue(within, allowed.low, n), LastTrue(within, n, allowed.high)};
      },
      optimum);
  return optimum;
}

absl::StatusOr<LawOptimum> Problem::Solve() {
  RHUMB_RETURN_IF_ERROR(FixPinnedParams());
  RHUMB_RETURN_IF_ERROR(CheckBounded());
  if (TokensFollowParams()) return SolveFollowed();
  if (question_.objective == LawObjective::kLoss) return SolveLeastLoss();
  return SolveTarget();
}

}  // namespace

absl::StatusOr<LawOptimum> SolveLawOptimum(const Law& law, const LawQuestion& question) {
  RHUMB_RETURN_IF_ERROR(ValidateChinchillaLaw(law.constants));
  if (law.repetition.has_value()) {
    RHUMB_RETURN_IF_ERROR(CheckPositive("data_decay_epochs", law.repetition->data_decay_epochs));
    RHUMB_RETURN_IF_ERROR(CheckPositive("param_decay", law.repetition->param_decay));
  }
  RHUMB_RETURN_IF_ERROR(ValidateQuestion(question));
  return Problem(law, question).Solve();
}

}  // namespace rhumb
