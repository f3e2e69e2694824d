// SPDX-License-Identifier: Apache-2.0
// P-numbers: planner problems whose answers were found by brute force on refined grids over the raw
// loss formulas, with the printed relative tolerance (1e-4 or 1e-3, the resolution of those grids).
#include "planner/laws/law_optimum.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/data_constrained.h"
#include "planner/laws/loss_model.h"
#include "planner/laws/serving.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

const Law& Besiroglu() { return *FindLaw("besiroglu2024"); }
const Law& C4() { return *FindLaw("muennighoff2023-c4"); }

LawQuestion Compute(double training_flops) {
  LawQuestion question;
  question.training_flops = training_flops;
  return question;
}

LawQuestion CheapestFor(double target_loss_nats,
                        LawObjective objective = LawObjective::kTrainingCost) {
  LawQuestion question;
  question.objective = objective;
  question.target_loss_nats = target_loss_nats;
  return question;
}

TEST(LawOptimumTest, P01ComputeBudgetOneZettaFlop) {
  const auto best = SolveLawOptimum(Besiroglu(), Compute(1e21));
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(2778459161.5034037, 1e-4));
  EXPECT_THAT(best->token_count, RelativelyNear(59985285720.91179, 1e-4));
  EXPECT_THAT(best->tokens_per_param, RelativelyNear(21.589407018116543, 1e-4));
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.305528571261457, 1e-9));
}

TEST(LawOptimumTest, P02ComputeBudgetHundredZettaFlop) {
  const auto best = SolveLawOptimum(Besiroglu(), Compute(1e23));
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(29446131180.063377, 1e-4));
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.032051877317934, 1e-9));
}

// 100,000 USD at 2 USD/GPU-h, 989e12 FLOP/s, MFU 0.40.
TEST(LawOptimumTest, P04AHundredThousandDollars) {
  const auto best = SolveLawOptimum(Besiroglu(), Compute(50000 * 3600.0 * 989e12 * 0.40));
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->training_flops, RelativelyNear(7.1208e22, 1e-12));
  EXPECT_THAT(best->param_count, RelativelyNear(24741880442.96818, 1e-4));
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.0454607698645333, 1e-9));
}

// 512 GPUs of 989e12 FLOP/s for 30 days at MFU 0.38.
TEST(LawOptimumTest, P05DeadlineOnly) {
  const auto best = SolveLawOptimum(Besiroglu(), Compute(512 * 30 * 86400.0 * 989e12 * 0.38));
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(67107716320.37152, 1e-4));
  EXPECT_THAT(best->loss_nats, RelativelyNear(1.9785302149260755, 1e-9));
}

// The deadline leaves less than the money: 64 GPUs of 312e12 FLOP/s for 14 days at MFU 0.45.
TEST(LawOptimumTest, P06TheTighterOfTwoBudgetsBinds) {
  const double by_cost = 50000 / 1.5 * 3600 * 312e12 * 0.45;
  const double by_deadline = 64 * 14 * 86400.0 * 312e12 * 0.45;
  const auto best = SolveLawOptimum(Besiroglu(), Compute(std::min(by_cost, by_deadline)));
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->training_flops, RelativelyNear(1.086898176e22, 1e-12));
  EXPECT_THAT(best->param_count, RelativelyNear(9439891768.660177, 1e-4));
}

TEST(LawOptimumTest, P07UniqueDataLimit) {
  LawQuestion question = Compute(1e22);
  question.unique_token_count = 2.5e10;
  const auto best = SolveLawOptimum(C4(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(7026158377.12118, 1e-3));
  EXPECT_THAT(best->token_count / 2.5e10, RelativelyNear(9.48835239520774, 1e-3));
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.22212927487097, 1e-9));
  // The same root as the law's own solver, to rounding.
  const auto own = OptimumForComputeAndData(C4().constants, *C4().repetition, 1e22, 2.5e10);
  EXPECT_THAT(best->param_count, RelativelyNear(own.param_count, 1e-9));
}

TEST(LawOptimumTest, P07WithoutTheLimit) {
  const auto best = SolveLawOptimum(C4(), Compute(1e22));
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.187997459722418, 1e-9));
}

TEST(LawOptimumTest, P07ForbiddingRepetition) {
  LawQuestion question = Compute(1e22);
  question.unique_token_count = 2.5e10;
  question.max_epoch_count = 1;
  const auto best = SolveLawOptimum(C4(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.3567529787830352, 1e-4));
}

TEST(LawOptimumTest, P09EpochCap) {
  LawQuestion question = Compute(1e22);
  question.unique_token_count = 2.5e10;
  question.max_epoch_count = 4;
  const auto best = SolveLawOptimum(C4(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(1e22 / 6e11, 1e-12));
  EXPECT_THAT(best->token_count, RelativelyNear(1e11, 1e-12));
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.2432963593385082, 1e-9));
}

TEST(LawOptimumTest, P10ServingAwareTargetLoss) {
  LawQuestion question = CheapestFor(2.0, LawObjective::kLifetimeCost);
  question.inference_token_count = 1e12;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(34319688726.150215, 1e-3));
  EXPECT_THAT(best->training_flops, RelativelyNear(2.5732397424427064e23, 1e-3));
  EXPECT_THAT(best->lifetime_flops, RelativelyNear(3.2596335169657104e23, 1e-7));
  const auto own = LifetimeOptimumAtLoss(Besiroglu().constants, 2.0, {1e12, 1});
  EXPECT_THAT(best->param_count, RelativelyNear(own->param_count, 1e-9));
}

TEST(LawOptimumTest, P13aLeastComputeForATargetLoss) {
  const auto best = SolveLawOptimum(Besiroglu(), CheapestFor(2.1));
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->training_flops, RelativelyNear(2.1410484787089427e22, 1e-7));
  EXPECT_THAT(best->param_count, RelativelyNear(13362856762.213112, 1e-3));
}

TEST(LawOptimumTest, P13bATargetBelowTheIrreducibleLossIsInfeasible) {
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), CheapestFor(1.8)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "1.8172"));
}

TEST(LawOptimumTest, P13cASizeCapBelowTheTargetNamesItsFloor) {
  LawQuestion question = CheapestFor(2.0);
  question.max_param_count = 1e9;
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), question),
              StatusIs(absl::StatusCode::kFailedPrecondition, "2.17435"));
}

TEST(LawOptimumTest, P14SizeCapFromServingMemory) {
  LawQuestion question = CheapestFor(2.05);
  question.max_param_count = 8e9;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_EQ(best->param_count, 8e9);
  EXPECT_THAT(best->token_count, RelativelyNear(2652452305013.581, 1e-3));
  EXPECT_THAT(best->tokens_per_param, RelativelyNear(331.55653812669766, 1e-3));
}

// A released 7B on 2T tokens against the compute-optimal model of equal loss.
TEST(LawOptimumTest, P17EqualLossAtLeastCompute) {
  const double loss = PredictLoss(
      Besiroglu(), 7e9, {.token_count = 2e12, .unique_token_count = {}, .batch_overhead = 1});
  EXPECT_THAT(loss, RelativelyNear(2.064712811887997, 1e-9));
  const auto best = SolveLawOptimum(Besiroglu(), CheapestFor(loss));
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(19602964316.643303, 1e-3));
  EXPECT_THAT(best->training_flops, RelativelyNear(4.5214962600702286e22, 1e-7));
}

TEST(LawOptimumTest, ComputeAloneEqualsTheClosedForm) {
  const auto best = SolveLawOptimum(Besiroglu(), Compute(5.76e23));
  ASSERT_THAT(best, IsOk());
  const FrontierPoint closed = OptimumForCompute(Besiroglu().constants, 5.76e23);
  EXPECT_THAT(best->param_count, RelativelyNear(closed.param_count, 1e-12));
  EXPECT_THAT(best->token_count, RelativelyNear(closed.token_count, 1e-12));
}

TEST(LawOptimumTest, LifetimeBudgetEqualsTheServingRoot) {
  LawQuestion question;
  question.lifetime_flops = 1e25;
  question.inference_token_count = 5e12;
  question.inference_weight = 2;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(154134372030.70776, 1e-9));
  EXPECT_THAT(best->loss_nats, RelativelyNear(1.919861765647501, 1e-12));
}

TEST(LawOptimumTest, TwoBudgetsThatBothBindMeetWhereTheyCross) {
  // At the crossing the training budget is spent and serving takes the rest of the lifetime budget.
  LawQuestion question = Compute(1e24);
  question.lifetime_flops = 1.4e24;
  question.inference_token_count = 3e12;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(0.4e24 / 6e12, 1e-9));
  EXPECT_THAT(best->training_flops, RelativelyNear(1e24, 1e-9));
  EXPECT_THAT(best->lifetime_flops, RelativelyNear(1.4e24, 1e-9));
}

// Second-order theory: x = ln(N/N_opt) with (alpha+beta)/2 alpha A N^-alpha x^2 = 0.001 L at each
// end; the cubic term moves the ends by a few per cent in opposite directions.
TEST(LawOptimumTest, FlatRegionAgreesWithTheCurvature) {
  const auto best = SolveLawOptimum(Besiroglu(), Compute(1e21));
  ASSERT_THAT(best, IsOk());
  const double per_square = SecondOrderRegret(Besiroglu().constants, 1e21, std::exp(1.0));
  const double x = std::sqrt(0.001 * best->loss_nats / per_square);
  EXPECT_NEAR(std::log(best->param_count_high_0p1pct / best->param_count_low_0p1pct), 2 * x,
              0.02 * x);
}

TEST(LawOptimumTest, TheEdgeOfTheFlatRegionHasTheLossItPromises) {
  const auto best = SolveLawOptimum(Besiroglu(), Compute(1e21));
  ASSERT_THAT(best, IsOk());
  const auto loss_at = [](double n) {
    return ExpectedLoss(Besiroglu().constants, n, 1e21 / (6 * n));
  };
  EXPECT_THAT(loss_at(best->param_count_low_0p1pct),
              RelativelyNear(best->loss_nats * 1.001, 1e-12));
  EXPECT_THAT(loss_at(best->param_count_high_0p1pct),
              RelativelyNear(best->loss_nats * 1.001, 1e-12));
  EXPECT_THAT(loss_at(best->param_count_low_1pct), RelativelyNear(best->loss_nats * 1.01, 1e-12));
  EXPECT_THAT(loss_at(best->param_count_high_1pct), RelativelyNear(best->loss_nats * 1.01, 1e-12));
}

TEST(LawOptimumTest, TheFlatRegionStaysWithinTheSizeBounds) {
  LawQuestion question = Compute(1e21);
  question.min_param_count = 2.7e9;
  question.max_param_count = 2.9e9;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_EQ(best->param_count_low_1pct, 2.7e9);
  EXPECT_EQ(best->param_count_high_1pct, 2.9e9);
}

TEST(LawOptimumTest, AFixedRatioSpendsTheBudget) {
  LawQuestion question = Compute(1e22);
  question.tokens_per_param = 20;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(std::sqrt(1e22 / 120), 1e-12));
}

TEST(LawOptimumTest, AFixedRatioReachesTheTargetAtItsLeastSize) {
  LawQuestion question = CheapestFor(2.1);
  question.tokens_per_param = 100;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.1, 1e-12));
  EXPECT_THAT(best->tokens_per_param, RelativelyNear(100, 1e-12));
}

TEST(LawOptimumTest, SmallestModelUsesAllTheTokens) {
  LawQuestion question = CheapestFor(2.05, LawObjective::kSize);
  question.max_token_count = 3e12;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count,
              RelativelyNear(*ParamsForLoss(Besiroglu().constants, 3e12, 2.05), 1e-12));
}

TEST(LawOptimumTest, SmallestModelUsesAllTheCompute) {
  LawQuestion question = CheapestFor(2.05, LawObjective::kSize);
  question.training_flops = 1.2731771064065189e23;  // P14: what 8e9 parameters take
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(8e9, 1e-3));
  EXPECT_THAT(best->training_flops, RelativelyNear(1.2731771064065189e23, 1e-9));
}

TEST(LawOptimumTest, AFixedSizeAndFixedTokensAreEvaluated) {
  LawQuestion question;
  question.fixed_param_count = 7e10;
  question.fixed_token_count = 1.4e12;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->loss_nats, RelativelyNear(1.9738818631585637, 1e-12));
  EXPECT_THAT(best->training_flops, RelativelyNear(6 * 7e10 * 1.4e12, 1e-12));
}

TEST(LawOptimumTest, AFixedSizeTakesAllTheComputeInTokens) {
  LawQuestion question = Compute(1e22);
  question.fixed_param_count = 1e9;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_EQ(best->param_count, 1e9);
  EXPECT_THAT(best->token_count, RelativelyNear(1e22 / 6e9, 1e-12));
}

TEST(LawOptimumTest, ABudgetEqualToTheLeastComputeIsEnough) {
  const auto least = SolveLawOptimum(Besiroglu(), CheapestFor(2.1));
  ASSERT_THAT(least, IsOk());
  LawQuestion question = CheapestFor(2.1);
  question.training_flops = least->training_flops;
  const auto best = SolveLawOptimum(Besiroglu(), question);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->training_flops, RelativelyNear(least->training_flops, 1e-11));
}

TEST(LawOptimumTest, ABudgetBelowTheLeastComputeNamesTheLeast) {
  LawQuestion question = CheapestFor(2.1);
  question.training_flops = 2e22;
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), question),
              StatusIs(absl::StatusCode::kFailedPrecondition, "takes at least 2.14105e+22"));
}

TEST(LawOptimumTest, LeastLossAboveTheTargetIsInfeasible) {
  LawQuestion question = Compute(1e21);
  question.target_loss_nats = 2.2;
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), question),
              StatusIs(absl::StatusCode::kFailedPrecondition, "2.30553"));
}

TEST(LawOptimumTest, ATargetBelowTheFloorOfTheUniqueDataNamesThatFloor) {
  LawQuestion question = CheapestFor(2.15);
  question.unique_token_count = 2.5e10;
  EXPECT_THAT(SolveLawOptimum(C4(), question),
              StatusIs(absl::StatusCode::kFailedPrecondition, "1e+12 tokens"));
}

TEST(LawOptimumTest, NothingBoundsTheTraining) {
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "nothing bounds the training"));
}

TEST(LawOptimumTest, TokensAloneDoNotBoundTheSize) {
  LawQuestion question;
  question.max_token_count = 1e12;
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), question),
              StatusIs(absl::StatusCode::kInvalidArgument, "max_param_count"));
}

TEST(LawOptimumTest, CostWithoutATargetIsInvalid) {
  LawQuestion question = Compute(1e21);
  question.objective = LawObjective::kTrainingCost;
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), question),
              StatusIs(absl::StatusCode::kInvalidArgument, "target_loss_nats"));
}

TEST(LawOptimumTest, TheSmallestModelWithUnboundedTokensIsInvalid) {
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), CheapestFor(2.0, LawObjective::kSize)),
              StatusIs(absl::StatusCode::kInvalidArgument, "nothing bounds the tokens"));
}

TEST(LawOptimumTest, ANegativeBudgetIsNamed) {
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), Compute(-1)),
              StatusIs(absl::StatusCode::kInvalidArgument, "training_flops is -1"));
}

TEST(LawOptimumTest, ANonFiniteBudgetIsNamed) {
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), Compute(std::nan(""))),
              StatusIs(absl::StatusCode::kInvalidArgument, "training_flops is nan"));
}

TEST(LawOptimumTest, CrossedSizeBoundsAreInvalid) {
  LawQuestion question = Compute(1e21);
  question.min_param_count = 2e9;
  question.max_param_count = 1e9;
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), question),
              StatusIs(absl::StatusCode::kInvalidArgument, "min_param_count"));
}

TEST(LawOptimumTest, AFixedSizeOutsideOfItsBoundsIsInfeasible) {
  LawQuestion question = Compute(1e21);
  question.fixed_param_count = 2e9;
  question.max_param_count = 1e9;
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), question),
              StatusIs(absl::StatusCode::kFailedPrecondition, "param_count is fixed at 2e+09"));
}

TEST(LawOptimumTest, ServingAloneBeyondTheLifetimeBudgetIsInfeasible) {
  LawQuestion question;
  question.lifetime_flops = 1e22;
  question.inference_token_count = 1e13;
  question.min_param_count = 1e9;
  EXPECT_THAT(SolveLawOptimum(Besiroglu(), question),
              StatusIs(absl::StatusCode::kFailedPrecondition, "lifetime_flops 1e+22"));
}

}  // namespace
}  // namespace rhumb
