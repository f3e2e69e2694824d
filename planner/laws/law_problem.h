// SPDX-License-Identifier: Apache-2.0
// One LawQuestion in the form that its solvers share. Internal to law_optimum.cc and
// law_problem.cc; ask SolveLawOptimum.
#ifndef RHUMB_PLANNER_LAWS_LAW_PROBLEM_H_
#define RHUMB_PLANNER_LAWS_LAW_PROBLEM_H_

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/law.h"
#include "planner/laws/law_optimum.h"
#include "planner/laws/loss_model.h"

namespace rhumb {

inline constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// Bracket of N when the question gives none: far outside of any use, inside of any overflow.
inline constexpr double kSmallestParamCount = 1e-6;
inline constexpr double kLargestParamCount = 1e36;

// Relative slack on resources: more than rounding, far less than any digit shown.
inline constexpr double kResourceSlack = 1e-12;

inline bool IsAtMost(double value, double limit) { return value <= limit * (1 + kResourceSlack); }

// InvalidArgument names the first field that is not a positive finite number.
absl::Status ValidateLawQuestion(const LawQuestion& question);
absl::Status CheckPositive(const char* field, const std::optional<double>& value);

struct ParamInterval {
  double low = 0;
  double high = 0;
};

// One question in the form the solvers share: N in [bounds.low, bounds.high], D <= token_cap, and
// the quantities of a point (N, D).
class LawProblem {
 public:
  LawProblem(const Law& law, const LawQuestion& question) : law_(law), question_(question) {
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
        .value_or(kUnbounded);
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
  absl::StatusOr<ParamInterval> Affordable(const char* field, const FlopsOf& flops, double budget,
                                           double cheapest, ParamInterval within) const;
  absl::Status TargetOutOfReach(double n) const;

  const Law& law_;
  const LawQuestion& question_;
  double token_cap_ = kUnbounded;
  ParamInterval bounds_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_LAW_PROBLEM_H_
