// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/law_optimum.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/law_problem.h"
#include "planner/laws/loss_model.h"
#include "planner/laws/monotone_root.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// Writes the flat region: `within(limit)` gives the N whose objective is at most `limit`.
template <typename Within>
void FillFlatRegion(double best, const Within& within, LawOptimum& optimum) {
  const ParamInterval narrow = within(best * 1.001);
  const ParamInterval wide = within(best * 1.01);
  optimum.param_count_low_0p1pct = narrow.low;
  optimum.param_count_high_0p1pct = narrow.high;
  optimum.param_count_low_1pct = wide.low;
  optimum.param_count_high_1pct = wide.high;
}

}  // namespace

// D a function of N that does not fall: every constraint is an upper or a lower bound on N, the
// loss falls and every cost rises with N, so the answer is one end of an interval.
absl::StatusOr<LawOptimum> LawProblem::SolveFollowed() {
  const auto fits_with = [&](double n, double slack) {
    const double d = FollowedTokens(n);
    return d <= token_cap_ * slack &&
           TrainingFlops(n, d) <= question_.training_flops.value_or(kUnbounded) * slack &&
           LifetimeFlops(n, d) <= question_.lifetime_flops.value_or(kUnbounded) * slack;
  };
  const auto fits = [&](double n) { return fits_with(n, 1); };
  if (!fits_with(bounds_.low, 1 + kResourceSlack)) {
    const double d = FollowedTokens(bounds_.low);
    return absl::FailedPreconditionError(absl::StrFormat(
        "%.6g parameters on %.6g tokens take %.6g training FLOPs, %.6g over the lifetime, and "
        "exceed "
        "a limit on tokens (%.6g) or compute",
        bounds_.low, d, TrainingFlops(bounds_.low, d), LifetimeFlops(bounds_.low, d), token_cap_));
  }
  ParamInterval allowed{.low = bounds_.low, .high = LastTrue(fits, bounds_.low, bounds_.high)};
  const auto loss_at = [&](double n) { return Loss(n, FollowedTokens(n)); };
  if (question_.target_loss_nats.has_value()) {
    const double target = *question_.target_loss_nats;
    if (!IsAtMost(loss_at(allowed.high), target)) {
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
      [&](double limit) -> ParamInterval {
        const auto within = [&](double x) { return Cost(x, FollowedTokens(x)) <= limit; };
        if (least_loss) return {FirstTrue(within, allowed.low, n), n};
        return {n, LastTrue(within, n, allowed.high)};
      },
      optimum);
  return optimum;
}

// L(N, MostTokens(N)) is the largest of one loss per constraint on D, each quasi-convex in ln N,
// and so quasi-convex: its derivative changes sign once.
absl::StatusOr<LawOptimum> LawProblem::SolveLeastLoss() {
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
  const double target = question_.target_loss_nats.value_or(kUnbounded);
  if (!IsAtMost(optimum.loss_nats, target)) {
    if (target <= law_.constants.irreducible_loss_nats) return TargetOutOfReach(n);
    return absl::FailedPreconditionError(
        absl::StrFormat("target_loss_nats %.6g is out of reach: the least loss within the "
                        "constraints is %.6g nats, at "
                        "%.6g parameters on %.6g tokens",
                        target, optimum.loss_nats, n, optimum.token_count));
  }
  FillFlatRegion(
      optimum.loss_nats,
      [&](double limit) -> ParamInterval {
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
absl::StatusOr<ParamInterval> LawProblem::Affordable(const char* field, const FlopsOf& flops,
                                                     double budget, double cheapest,
                                                     ParamInterval within) const {
  const double least = flops(cheapest);
  if (!IsAtMost(least, budget)) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s %.6g is too little: target_loss_nats %.6g takes at least %.6g, with %.6g parameters on "
        "%.6g tokens",
        field, budget, *question_.target_loss_nats, least, cheapest, LeastTokens(cheapest)));
  }
  const auto affordable = [&](double n) { return flops(n) <= budget; };
  return ParamInterval{.low = FirstTrue(affordable, within.low, cheapest),
                       .high = LastTrue(affordable, cheapest, within.high)};
}

// Along the iso-loss contour D(N) = LeastTokens(N) both costs are quasi-convex in ln N: with
// rho = (dL/d ln N) / (dL/d ln D), which falls with N, training cost falls while rho > 1 and
// lifetime cost while rho > 1 + w D_inf / (3 D). Source of the second: Sardana & Frankle 2024,
// arXiv:2401.00448.
absl::StatusOr<LawOptimum> LawProblem::SolveTarget() {
  const double target = *question_.target_loss_nats;
  const auto reaches = [&](double n) {
    if (token_cap_ < kUnbounded) return Loss(n, token_cap_) <= target;
    return LeastTokens(n) < kUnbounded;
  };
  const bool reached_at_best = token_cap_ < kUnbounded
                                   ? IsAtMost(Loss(bounds_.high, token_cap_), target)
                                   : reaches(bounds_.high);
  if (!reached_at_best) return TargetOutOfReach(bounds_.high);
  ParamInterval allowed{.low = FirstTrue(reaches, bounds_.low, bounds_.high), .high = bounds_.high};
  const auto tokens_at = [&](double n) { return std::min(LeastTokens(n), token_cap_); };

  const auto cheapest_of = [&](double served) {
    return LastTrue(
        [&](double n) {
          const double d = tokens_at(n);
          if (!(d < kUnbounded)) return true;
          const LossSlopes slopes = PredictLossSlopes(law_, n, Use(d));
          return slopes.by_log_params < slopes.by_log_tokens * (1 + served / d);
        },
        allowed.low, allowed.high);
  };
  const auto training = [&](double n) { return TrainingFlops(n, tokens_at(n)); };
  const auto lifetime = [&](double n) { return LifetimeFlops(n, tokens_at(n)); };
  const ParamInterval reachable = allowed;
  const double served =
      WeightedInferenceTokens() * kInferenceFlopsPerParamToken / kTrainingFlopsPerParamToken;
  const double cheapest_training = cheapest_of(0);
  const double cheapest_lifetime = cheapest_of(served);
  if (question_.training_flops.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const ParamInterval affordable,
                           Affordable("training_flops", training, *question_.training_flops,
                                      cheapest_training, reachable));
    allowed = affordable;
  }
  if (question_.lifetime_flops.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const ParamInterval affordable,
                           Affordable("lifetime_flops", lifetime, *question_.lifetime_flops,
                                      cheapest_lifetime, reachable));
    allowed = {.low = std::max(allowed.low, affordable.low),
               .high = std::min(allowed.high, affordable.high)};
    if (!IsAtMost(allowed.low, allowed.high)) {
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
      [&](double limit) -> ParamInterval {
        const auto within = [&](double x) { return Cost(x, tokens_at(x)) <= limit; };
        return {FirstTrue(within, allowed.low, n), LastTrue(within, n, allowed.high)};
      },
      optimum);
  return optimum;
}

absl::StatusOr<LawOptimum> LawProblem::Solve() {
  RHUMB_RETURN_IF_ERROR(FixPinnedParams());
  RHUMB_RETURN_IF_ERROR(CheckBounded());
  if (TokensFollowParams()) return SolveFollowed();
  if (question_.objective == LawObjective::kLoss) return SolveLeastLoss();
  return SolveTarget();
}

absl::StatusOr<LawOptimum> SolveLawOptimum(const Law& law, const LawQuestion& question) {
  RHUMB_RETURN_IF_ERROR(ValidateChinchillaLaw(law.constants));
  if (law.repetition.has_value()) {
    RHUMB_RETURN_IF_ERROR(CheckPositive("data_decay_epochs", law.repetition->data_decay_epochs));
    RHUMB_RETURN_IF_ERROR(CheckPositive("param_decay", law.repetition->param_decay));
  }
  RHUMB_RETURN_IF_ERROR(ValidateLawQuestion(question));
  return LawProblem(law, question).Solve();
}

}  // namespace rhumb
