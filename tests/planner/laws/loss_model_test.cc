// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/loss_model.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/data_constrained.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::RelativelyNear;

const Law& Besiroglu() { return *FindLaw("besiroglu2024"); }
const Law& C4() { return *FindLaw("muennighoff2023-c4"); }

TokenUse Fresh(double token_count) {
  return {.token_count = token_count, .unique_token_count = {}, .batch_overhead = 1};
}
TokenUse Repeated(double token_count, double unique) {
  return {.token_count = token_count, .unique_token_count = unique, .batch_overhead = 1};
}

TEST(LossModelTest, FreshTokensGiveTheLawItself) {
  EXPECT_THAT(PredictLoss(Besiroglu(), 7e10, Fresh(1.4e12)),
              RelativelyNear(1.9738818631585637, 1e-12));
}

TEST(LossModelTest, DataThatIsNotExhaustedChangesNothing) {
  EXPECT_EQ(PredictLoss(Besiroglu(), 7e10, Repeated(1.4e12, 2e12)),
            PredictLoss(Besiroglu(), 7e10, Fresh(1.4e12)));
}

TEST(LossModelTest, BatchOverheadDividesTheTokens) {
  TokenUse use = Fresh(1.4e12);
  use.batch_overhead = 1.4;
  EXPECT_THAT(PredictLoss(Besiroglu(), 7e10, use),
              RelativelyNear(PredictLoss(Besiroglu(), 7e10, Fresh(1e12)), 1e-14));
}

TEST(LossModelTest, ALawWithoutRepetitionBorrowsTheDecayOfTokensOnly) {
  const double effective = EffectiveCount(4e11, 1e11, C4().repetition->data_decay_epochs);
  EXPECT_THAT(PredictLoss(Besiroglu(), 7e10, Repeated(4e11, 1e11)),
              RelativelyNear(ExpectedLoss(Besiroglu().constants, 7e10, effective), 1e-14));
}

// Muennighoff et al. 2023, arXiv:2305.16264; value by an independent implementation.
TEST(LossModelTest, TheDataConstrainedLawDampsLargeModelsEvenOnFreshData) {
  EXPECT_THAT(PredictLoss(C4(), 1e11, Fresh(1e11)), RelativelyNear(2.1691262120568715, 1e-9));
}

// huggingface/datablations README, printed to every digit.
TEST(LossModelTest, ReproducesTheDatablationsReadme) {
  EXPECT_THAT(PredictLoss(C4(), 6.34e9, Repeated(242e9, 25e9)),
              RelativelyNear(2.2256440889984477, 1e-12));
}

// Central differences; h^2 leaves about seven digits. Fresh data with N > N_opt(D) is the case
// where tokens also move N'.
TEST(LossModelTest, SlopesAreTheDerivativesOfTheDampedLoss) {
  const double h = 1e-4, n = 2e10, d = 1e11;
  const LossSlopes slopes = PredictLossSlopes(C4(), n, Fresh(d));
  EXPECT_THAT(slopes.by_log_params, RelativelyNear((PredictLoss(C4(), n * std::exp(h), Fresh(d)) -
                                                    PredictLoss(C4(), n * std::exp(-h), Fresh(d))) /
                                                       (2 * h),
                                                   1e-6));
  EXPECT_THAT(slopes.by_log_tokens, RelativelyNear((PredictLoss(C4(), n, Fresh(d * std::exp(h))) -
                                                    PredictLoss(C4(), n, Fresh(d * std::exp(-h)))) /
                                                       (2 * h),
                                                   1e-6));
}

TEST(LossModelTest, SlopesAreTheDerivativesUnderRepetition) {
  const double h = 1e-4, n = 2e10, u = 2.5e10, d = 2e11;
  const LossSlopes slopes = PredictLossSlopes(C4(), n, Repeated(d, u));
  EXPECT_THAT(slopes.by_log_tokens,
              RelativelyNear((PredictLoss(C4(), n, Repeated(d * std::exp(h), u)) -
                              PredictLoss(C4(), n, Repeated(d * std::exp(-h), u))) /
                                 (2 * h),
                             1e-6));
  EXPECT_THAT(slopes.by_log_params,
              RelativelyNear((PredictLoss(C4(), n * std::exp(h), Repeated(d, u)) -
                              PredictLoss(C4(), n * std::exp(-h), Repeated(d, u))) /
                                 (2 * h),
                             1e-6));
}

TEST(LossModelTest, TokensForTargetLossMatchesTheClosedForm) {
  const auto tokens = TokensForTargetLoss(Besiroglu(), 7e9, 2.2, std::nullopt, 1);
  ASSERT_TRUE(tokens.has_value());
  EXPECT_THAT(*tokens, RelativelyNear(94850339248.41684, 1e-12));
}

TEST(LossModelTest, TokensForTargetLossScalesWithTheBatchOverhead) {
  const auto tokens = TokensForTargetLoss(Besiroglu(), 7e9, 2.2, std::nullopt, 1.5);
  ASSERT_TRUE(tokens.has_value());
  EXPECT_THAT(*tokens, RelativelyNear(1.5 * 94850339248.41684, 1e-12));
}

TEST(LossModelTest, AModelTooSmallForTheTargetHasNoTokens) {
  EXPECT_FALSE(TokensForTargetLoss(Besiroglu(), 1e9, 2.0, std::nullopt, 1).has_value());
}

TEST(LossModelTest, SaturatedRepetitionHasNoTokensForTheTarget) {
  const double floor = LossFloor(Besiroglu(), 7e9, 1e9);
  EXPECT_FALSE(TokensForTargetLoss(Besiroglu(), 7e9, floor * 0.999, 1e9, 1).has_value());
  EXPECT_TRUE(TokensForTargetLoss(Besiroglu(), 7e9, floor * 1.001, 1e9, 1).has_value());
}

// The four regimes of the data-constrained inverse: small or large N, fresh or repeated data.
TEST(LossModelTest, InverseOfASmallModelOnFreshData) {
  const double target = PredictLoss(C4(), 1e9, Repeated(5e10, 1e11));
  EXPECT_THAT(*TokensForTargetLoss(C4(), 1e9, target, 1e11, 1), RelativelyNear(5e10, 1e-12));
}
TEST(LossModelTest, InverseOfASmallModelOnRepeatedData) {
  const double target = PredictLoss(C4(), 1e9, Repeated(3e11, 1e11));
  EXPECT_THAT(*TokensForTargetLoss(C4(), 1e9, target, 1e11, 1), RelativelyNear(3e11, 1e-11));
}
TEST(LossModelTest, InverseOfALargeModelOnFreshData) {
  const double target = PredictLoss(C4(), 5e10, Repeated(5e10, 1e11));
  EXPECT_THAT(*TokensForTargetLoss(C4(), 5e10, target, 1e11, 1), RelativelyNear(5e10, 1e-12));
}
TEST(LossModelTest, InverseOfALargeModelOnRepeatedData) {
  const double target = PredictLoss(C4(), 5e10, Repeated(3e11, 1e11));
  EXPECT_THAT(*TokensForTargetLoss(C4(), 5e10, target, 1e11, 1), RelativelyNear(3e11, 1e-11));
}

TEST(LossModelTest, FloorWithoutDataLimitIsTheLimitOfTheSize) {
  EXPECT_THAT(LossFloor(Besiroglu(), 1e9), RelativelyNear(2.174354435835742, 1e-12));
}

TEST(LossModelTest, FloorWithAnEpochCapIsTheLossAtTheCap) {
  EXPECT_EQ(LossFloor(Besiroglu(), 1e9, 1e10, 4),
            PredictLoss(Besiroglu(), 1e9, Repeated(4e10, 1e10)));
}

TEST(LossModelTest, FloorWithEndlessEpochsIsTheSaturationLimit) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_THAT(LossFloor(C4(), 1e15, 25e9, infinity), RelativelyNear(2.1559022370860634, 1e-9));
}

// Interval of the refit at its 1e21 optimum: delta-method sd .0033101 beside the covariance.
TEST(LossModelTest, IntervalIsTheDeltaMethodWithTheBootstrapCovariance) {
  const Law& law = *FindLaw("besiroglu2024-huber");
  const FrontierPoint best = OptimumForCompute(law.constants, 1e21);
  const auto interval = PredictLossInterval(law, best.param_count, Fresh(best.token_count), 0.95);
  ASSERT_TRUE(interval.has_value());
  const double half = std::log(interval->high_nats / interval->mean_nats);
  EXPECT_THAT(half * interval->mean_nats,
              RelativelyNear(1.959963984540054 * 0.0033101053609265896, 1e-4));
  EXPECT_THAT(std::log(interval->mean_nats / interval->low_nats), RelativelyNear(half, 1e-9));
}

TEST(LossModelTest, ALawWithoutCovarianceHasNoInterval) {
  EXPECT_FALSE(PredictLossInterval(C4(), 1e9, Fresh(1e10), 0.9).has_value());
}

TEST(LossModelTest, ALevelOfOneHasNoInterval) {
  EXPECT_FALSE(PredictLossInterval(Besiroglu(), 1e9, Fresh(1e10), 1).has_value());
}

// Tables of the normal distribution: z(.975) = 1.959963984540054, z(1e-9) = -5.997807015007675.
TEST(LossModelTest, NormalQuantileAgreesWithTables) {
  EXPECT_THAT(StandardNormalQuantile(0.975), RelativelyNear(1.959963984540054, 1e-13));
  EXPECT_THAT(StandardNormalQuantile(1e-9), RelativelyNear(-5.997807015007675, 1e-12));
  EXPECT_NEAR(StandardNormalQuantile(0.5), 0, 1e-16);
}

// The data box of the 245 points: N 5.7e7..1.62e10, C 1.4e18..1.30e22, D/N .036..341.
TEST(LossModelTest, InsideTheDataBoxNothingIsFlagged) {
  EXPECT_FALSE(FindExtrapolation(Besiroglu(), 2.8e9, Fresh(6e10)).Any());
}

TEST(LossModelTest, ALargerBudgetFlagsSizeAndCompute) {
  const Extrapolation flags = FindExtrapolation(Besiroglu(), 6.7e10, Fresh(1.24e12));
  EXPECT_TRUE(flags.param_count_high);
  EXPECT_TRUE(flags.training_flops_high);
  EXPECT_FALSE(flags.tokens_per_param_high);
  EXPECT_THAT(*flags.training_flops_ratio, RelativelyNear(6 * 6.7e10 * 1.24e12 / 1.3e22, 1e-12));
}

TEST(LossModelTest, RepeatingFlagsALawFittedOnOneEpoch) {
  EXPECT_TRUE(FindExtrapolation(Besiroglu(), 2.8e9, Repeated(6e10, 5e10)).epoch_count_high);
}

TEST(LossModelTest, OverTrainingFlagsTokensPerParameter) {
  EXPECT_TRUE(FindExtrapolation(Besiroglu(), 1e8, Fresh(1e11)).tokens_per_param_high);
}

}  // namespace
}  // namespace rhumb
