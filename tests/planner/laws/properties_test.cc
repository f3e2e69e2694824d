// SPDX-License-Identifier: Apache-2.0
// Properties of the laws over random points: monotony, round trips, and optimality against random
// feasible points that share no code with the solvers.
#include <cmath>
#include <optional>

#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/law_optimum.h"
#include "planner/laws/loss_model.h"
#include "rapidcheck/gtest.h"

namespace rhumb {
namespace {

// Log-uniform in [low, high].
double LogUniform(double low, double high) {
  const double u = *rc::gen::inRange<int>(0, 1000001) / 1e6;
  return low * std::pow(high / low, u);
}

// A law of the catalogue, half of the time with other constants: fits give any exponents.
Law AnyLaw() {
  Law law = LawCatalog()[*rc::gen::inRange<size_t>(0, LawCatalog().size())];
  if (*rc::gen::arbitrary<bool>()) {
    law.constants.alpha *= LogUniform(0.6, 1.6);
    law.constants.beta *= LogUniform(0.6, 1.6);
    law.constants.a *= LogUniform(0.3, 3);
    law.constants.b *= LogUniform(0.3, 3);
  }
  if (*rc::gen::inRange<int>(0, 3) == 0) law.constants.interaction_exponent = LogUniform(0.5, 2);
  if (*rc::gen::inRange<int>(0, 3) == 0) {
    law.repetition = RepetitionConstants{.data_decay_epochs = LogUniform(1, 60),
                                         .param_decay = LogUniform(0.5, 50)};
  }
  return law;
}

TokenUse AnyUse(double token_count) {
  TokenUse use{.token_count = token_count, .unique_token_count = {}, .batch_overhead = 1};
  if (*rc::gen::arbitrary<bool>()) use.unique_token_count = token_count / LogUniform(0.2, 30);
  use.batch_overhead = LogUniform(1, 2);
  return use;
}

// The raw loss, written anew from Muennighoff et al. 2023, eqs. (5), (6), as the oracle of
// optimality.
double OracleLoss(const Law& law, double n, double d, std::optional<double> unique) {
  const ChinchillaLaw& c = law.constants;
  const RepetitionConstants r = law.repetition.value_or(RepetitionConstants{});
  const double u = std::min(unique.value_or(d), d);
  const double d_eff =
      u + u * r.data_decay_epochs * (1 - std::exp(-(d / u - 1) / r.data_decay_epochs));
  double n_eff = n;
  if (law.family == LawFamily::kDataConstrained) {
    const double un =
        std::min(n, std::pow(c.alpha * c.a / (c.beta * c.b) * std::pow(u, c.beta), 1 / c.alpha));
    n_eff = un + un * r.param_decay * (1 - std::exp(-(n / un - 1) / r.param_decay));
  }
  return c.irreducible_loss_nats +
         std::pow(c.a / std::pow(n_eff, c.alpha) + c.b / std::pow(d_eff, c.beta),
                  c.interaction_exponent);
}

RC_GTEST_PROP(LossModelProperty, PredictLossIsTheOracle, ()) {
  const Law law = AnyLaw();
  const double n = LogUniform(1e6, 1e13);
  TokenUse use = AnyUse(LogUniform(1e8, 1e15));
  use.batch_overhead = 1;
  const double want = OracleLoss(law, n, use.token_count, use.unique_token_count);
  RC_ASSERT(std::abs(PredictLoss(law, n, use) - want) <= 1e-12 * want);
}

RC_GTEST_PROP(LossModelProperty, LossFallsInParametersAndTokens, ()) {
  const Law law = AnyLaw();
  const double n = LogUniform(1e6, 1e13), d = LogUniform(1e8, 1e15);
  TokenUse use = AnyUse(d);
  TokenUse more = use;
  more.token_count = d * 1.01;
  RC_ASSERT(PredictLoss(law, n, more) <= PredictLoss(law, n, use));
  RC_ASSERT(PredictLoss(law, n * 1.01, use) <= PredictLoss(law, n, use));
}

RC_GTEST_PROP(LossModelProperty, TokensForTargetLossInvertsPredictLoss, ()) {
  const Law law = AnyLaw();
  const double n = LogUniform(1e7, 1e12);
  const TokenUse use = AnyUse(LogUniform(1e9, 1e14));
  const double target = PredictLoss(law, n, use);
  const std::optional<double> tokens =
      TokensForTargetLoss(law, n, target, use.unique_token_count, use.batch_overhead);
  // Where the loss has gone flat in D its last bits no longer tell tokens apart.
  const double slope = -PredictLossSlopes(law, n, use).by_log_tokens;
  RC_PRE(slope > 1e-3);
  RC_ASSERT(tokens.has_value());
  RC_ASSERT(std::abs(*tokens / use.token_count - 1) <= 1e-14 + 4e-15 * target / slope);
  TokenUse back = use;
  back.token_count = *tokens;
  RC_ASSERT(std::abs(PredictLoss(law, n, back) / target - 1) <= 1e-12);
}

RC_GTEST_PROP(LossModelProperty, TheFloorIsBelowEveryLossAndIsNotReached, ()) {
  const Law law = AnyLaw();
  const double n = LogUniform(1e7, 1e12), u = LogUniform(1e9, 1e12);
  const double floor = LossFloor(law, n, u);
  RC_ASSERT(PredictLoss(law, n,
                        {.token_count = u * LogUniform(0.1, 100),
                         .unique_token_count = u,
                         .batch_overhead = 1}) >= floor);
  RC_ASSERT(!TokensForTargetLoss(law, n, floor * (1 - 1e-9), u, 1).has_value());
}

// A random question of any mix of constraints around a random compute scale.
LawQuestion AnyQuestion(LawObjective objective, const Law& law) {
  LawQuestion q;
  q.objective = objective;
  const double c = LogUniform(1e19, 1e26);
  const FrontierPoint scale = OptimumForCompute(law.constants, c);
  const auto maybe = [] { return *rc::gen::inRange<int>(0, 3) == 0; };
  if (objective == LawObjective::kLoss) {
    q.training_flops = c;
  } else {
    q.target_loss_nats = scale.loss_nats;
    if (objective == LawObjective::kSize || maybe()) q.training_flops = c * LogUniform(1.01, 5);
  }
  if (maybe()) q.unique_token_count = scale.token_count * LogUniform(0.02, 3);
  if (maybe()) q.max_epoch_count = LogUniform(1, 50);
  if (maybe()) q.max_token_count = scale.token_count * LogUniform(0.3, 5);
  if (maybe()) q.min_param_count = scale.param_count * LogUniform(0.05, 3);
  if (maybe())
    q.max_param_count = q.min_param_count.value_or(scale.param_count) * LogUniform(1, 10);
  if (maybe() || objective == LawObjective::kLifetimeCost) {
    q.inference_token_count = scale.token_count * LogUniform(0.01, 20);
    q.inference_weight = LogUniform(0.3, 20);
  }
  if (maybe()) {
    q.lifetime_flops = LogUniform(0.7, 5) *
                       (c + 2 * scale.param_count * q.inference_weight * q.inference_token_count);
  }
  if (maybe()) q.tokens_per_param = scale.tokens_per_param * LogUniform(0.1, 20);
  if (*rc::gen::inRange<int>(0, 8) == 0)
    q.fixed_param_count = scale.param_count * LogUniform(0.2, 5);
  if (*rc::gen::inRange<int>(0, 8) == 0)
    q.fixed_token_count = scale.token_count * LogUniform(0.2, 5);
  return q;
}

bool Feasible(const Law& law, const LawQuestion& q, double n, double d, double slack) {
  const double up = 1 + slack;
  const double training = 6 * n * d;
  const double lifetime = training + 2 * n * q.inference_weight * q.inference_token_count;
  if (q.training_flops && training > *q.training_flops * up) return false;
  if (q.lifetime_flops && lifetime > *q.lifetime_flops * up) return false;
  if (q.max_token_count && d > *q.max_token_count * up) return false;
  if (q.unique_token_count && d > *q.unique_token_count * q.max_epoch_count * up) return false;
  if (q.min_param_count && n < *q.min_param_count / up) return false;
  if (q.max_param_count && n > *q.max_param_count * up) return false;
  const auto differs = [](double value, const std::optional<double>& fixed) {
    return fixed && std::abs(value / *fixed - 1) > 1e-9;
  };
  if (differs(d / n, q.tokens_per_param) || differs(n, q.fixed_param_count) ||
      differs(d, q.fixed_token_count)) {
    return false;
  }
  return !q.target_loss_nats ||
         OracleLoss(law, n, d, q.unique_token_count) <= *q.target_loss_nats * up;
}

double Objective(const Law& law, const LawQuestion& q, double n, double d) {
  const double training = 6 * n * d;
  switch (q.objective) {
    case LawObjective::kLoss:
      return OracleLoss(law, n, d, q.unique_token_count);
    case LawObjective::kTrainingCost:
      return training;
    case LawObjective::kLifetimeCost:
      return training + 2 * n * q.inference_weight * q.inference_token_count;
    case LawObjective::kSize:
      return n;
  }
  return 0;
}

// 1600 points around the answer, from far to within 1e-4 of it, and 200 within a factor of e^16.
void ExpectUnbeaten(const Law& law, const LawQuestion& q) {
  const absl::StatusOr<LawOptimum> best = SolveLawOptimum(law, q);
  RC_PRE(best.ok() || best.status().code() == absl::StatusCode::kFailedPrecondition);
  const double scale_n = best.ok() ? best->param_count : 1e10;
  const double scale_d = best.ok() ? best->token_count : 1e11;
  const double bound =
      best.ok() ? Objective(law, q, best->param_count, best->token_count) * (1 - 1e-10) : 1e300;
  if (best.ok()) RC_ASSERT(Feasible(law, q, best->param_count, best->token_count, 1e-11));
  for (int i = 0; i < 1800; ++i) {
    const double width = i < 1600 ? std::pow(10.0, -(i % 5)) : 8;
    const int a = (i * 7919) % 401 - 200, b = (i * 104729) % 397 - 198;
    double n = scale_n * std::exp(width * a / 100.0);
    if (q.tokens_per_param && q.fixed_token_count) n = *q.fixed_token_count / *q.tokens_per_param;
    if (q.fixed_param_count) n = *q.fixed_param_count;
    double d = scale_d * std::exp(width * b / 100.0);
    if (q.tokens_per_param) d = n * *q.tokens_per_param;
    if (q.fixed_token_count) d = *q.fixed_token_count;
    if (!Feasible(law, q, n, d, 0)) continue;
    RC_ASSERT(Objective(law, q, n, d) >= bound);
    RC_ASSERT(best.ok());
  }
}

RC_GTEST_PROP(LawOptimumProperty, NoFeasiblePointHasALowerLoss, ()) {
  const Law law = AnyLaw();
  ExpectUnbeaten(law, AnyQuestion(LawObjective::kLoss, law));
}
RC_GTEST_PROP(LawOptimumProperty, NoFeasiblePointTrainsForLess, ()) {
  const Law law = AnyLaw();
  ExpectUnbeaten(law, AnyQuestion(LawObjective::kTrainingCost, law));
}
RC_GTEST_PROP(LawOptimumProperty, NoFeasiblePointLivesForLess, ()) {
  const Law law = AnyLaw();
  ExpectUnbeaten(law, AnyQuestion(LawObjective::kLifetimeCost, law));
}
RC_GTEST_PROP(LawOptimumProperty, NoFeasiblePointIsSmaller, ()) {
  const Law law = AnyLaw();
  ExpectUnbeaten(law, AnyQuestion(LawObjective::kSize, law));
}

RC_GTEST_PROP(LawOptimumProperty, MoreOfAnyResourceIsNeverWorse, ()) {
  const Law law = AnyLaw();
  const LawQuestion q = AnyQuestion(LawObjective::kLoss, law);
  const auto before = SolveLawOptimum(law, q);
  RC_PRE(before.ok());
  const auto expect_no_worse = [&](const LawQuestion& more) {
    const auto after = SolveLawOptimum(law, more);
    RC_ASSERT(after.ok());
    RC_ASSERT(after->loss_nats <= before->loss_nats * (1 + 1e-14));
  };
  const double factor = LogUniform(1.0001, 3);
  LawQuestion more = q;
  more.training_flops = *q.training_flops * factor;
  expect_no_worse(more);
  if (q.lifetime_flops) {
    more = q;
    more.lifetime_flops = *q.lifetime_flops * factor;
    expect_no_worse(more);
  }
  if (q.unique_token_count) {
    more = q;
    more.unique_token_count = *q.unique_token_count * factor;
    expect_no_worse(more);
  }
  if (q.max_token_count) {
    more = q;
    more.max_token_count = *q.max_token_count * factor;
    expect_no_worse(more);
  }
}

RC_GTEST_PROP(LawOptimumProperty, ComputeAloneEqualsTheClosedForm, ()) {
  const Law law = AnyLaw();
  LawQuestion question;
  question.training_flops = LogUniform(1e18, 1e28);
  const auto best = SolveLawOptimum(law, question);
  const FrontierPoint closed = OptimumForCompute(law.constants, *question.training_flops);
  RC_ASSERT(best.ok());
  RC_ASSERT(std::abs(best->param_count / closed.param_count - 1) <= 1e-11);
  RC_ASSERT(std::abs(best->token_count / closed.token_count - 1) <= 1e-11);
}

RC_GTEST_PROP(LawOptimumProperty, TheFlatRegionHoldsTheOptimumAndGrows, ()) {
  const Law law = AnyLaw();
  const LawObjective objective =
      *rc::gen::element(LawObjective::kLoss, LawObjective::kTrainingCost,
                        LawObjective::kLifetimeCost, LawObjective::kSize);
  const auto best = SolveLawOptimum(law, AnyQuestion(objective, law));
  RC_PRE(best.ok());
  RC_ASSERT(best->param_count_low_1pct <= best->param_count_low_0p1pct);
  RC_ASSERT(best->param_count_low_0p1pct <= best->param_count);
  RC_ASSERT(best->param_count <= best->param_count_high_0p1pct);
  RC_ASSERT(best->param_count_high_0p1pct <= best->param_count_high_1pct);
}

}  // namespace
}  // namespace rhumb
