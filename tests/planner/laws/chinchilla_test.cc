// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/chinchilla.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

// Besiroglu et al. 2024, arXiv:2404.10102, as printed.
constexpr ChinchillaLaw kBesiroglu = {
    .irreducible_loss_nats = 1.8172, .a = 482.01, .b = 2085.43, .alpha = 0.3478, .beta = 0.3658};
// Hoffmann et al. 2022, arXiv:2203.15556, eq. (10).
constexpr ChinchillaLaw kHoffmannRounded = {
    .irreducible_loss_nats = 1.69, .a = 406.4, .b = 410.7, .alpha = 0.34, .beta = 0.28};

// Hoffmann eq. (2) with eq. (10); value by an independent implementation, tolerance is rounding
// only.
TEST(ChinchillaTest, LossOfChinchilla70B) {
  EXPECT_THAT(ExpectedLoss(kHoffmannRounded, 7e10, 1.4e12),
              RelativelyNear(1.9366454705587173, 1e-12));
}

TEST(ChinchillaTest, InfiniteTokensLeaveTheFloorOfTheSize) {
  EXPECT_THAT(ExpectedLoss(kBesiroglu, 1e9, std::numeric_limits<double>::infinity()),
              RelativelyNear(2.174354435835742, 1e-12));
}

// Hoffmann et al. 2022, arXiv:2203.15556, eq. (4): G, a, b; gamma = alpha beta / (alpha + beta).
TEST(ChinchillaTest, FrontierConstantsFollowEquationFour) {
  const FrontierConstants frontier = DeriveFrontier(kBesiroglu);
  EXPECT_THAT(frontier.g, RelativelyNear(0.11962984977039547, 1e-12));
  EXPECT_THAT(frontier.params_exponent, RelativelyNear(0.5126121076233184, 1e-12));
  EXPECT_THAT(frontier.tokens_exponent, RelativelyNear(0.4873878923766816, 1e-12));
  EXPECT_THAT(frontier.loss_exponent, RelativelyNear(0.17828649103139016, 1e-12));
  EXPECT_THAT(frontier.loss_prefactor, RelativelyNear(1967.861778576378, 1e-12));
}

TEST(ChinchillaTest, OptimumAtOneZettaFlop) {
  const FrontierPoint best = OptimumForCompute(kBesiroglu, 1e21);
  EXPECT_THAT(best.param_count, RelativelyNear(2778459463.0676327, 1e-12));
  EXPECT_THAT(best.token_count, RelativelyNear(59985279210.319756, 1e-12));
  EXPECT_THAT(best.loss_nats, RelativelyNear(2.305528571261457, 1e-12));
}

// k counts the true FLOPs per parameter and token: with 7 for 6 the product N D shrinks by 6/7.
TEST(ChinchillaTest, OptimumTakesTheFlopsPerParameterAndToken) {
  const FrontierPoint best = OptimumForCompute(kBesiroglu, 7e21, 7);
  const FrontierPoint six = OptimumForCompute(kBesiroglu, 6e21);
  EXPECT_THAT(best.param_count, RelativelyNear(six.param_count, 1e-12));
  EXPECT_THAT(best.training_flops, RelativelyNear(7e21, 1e-12));
}

TEST(ChinchillaTest, LeastComputeForLossTwo) {
  const auto best = OptimumForLoss(kBesiroglu, 2.0);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->training_flops, RelativelyNear(2.4748024472840228e+23, 1e-9));
  EXPECT_THAT(best->param_count, RelativelyNear(46855645385.787834, 1e-9));
  EXPECT_THAT(best->loss_nats, RelativelyNear(2.0, 1e-14));
}

TEST(ChinchillaTest, LossBelowTheIrreducibleNamesIt) {
  EXPECT_THAT(OptimumForLoss(kBesiroglu, 1.8), StatusIs(absl::StatusCode::kOutOfRange, "1.8172"));
}

TEST(ChinchillaTest, LossAtTheIrreducibleIsOutOfReachToo) {
  EXPECT_THAT(OptimumForLoss(kBesiroglu, 1.8172),
              StatusIs(absl::StatusCode::kOutOfRange, "1.8172"));
}

TEST(ChinchillaTest, TokensForLossAtSevenBillion) {
  EXPECT_THAT(TokensForLoss(kBesiroglu, 7e9, 2.2),
              IsOkAndHolds(RelativelyNear(94850339248.41684, 1e-9)));
}

TEST(ChinchillaTest, TokensForLossBelowTheFloorOfTheSizeNamesTheFloor) {
  EXPECT_THAT(TokensForLoss(kBesiroglu, 1e9, 2.0),
              StatusIs(absl::StatusCode::kOutOfRange, "2.17435"));
}

TEST(ChinchillaTest, ParamsForLossAtOneTrillionTokens) {
  EXPECT_THAT(ParamsForLoss(kBesiroglu, 1e12, 2.2),
              IsOkAndHolds(RelativelyNear(1686901436.8118143, 1e-9)));
}

TEST(ChinchillaTest, ParamsForLossBelowTheFloorOfTheDataIsOutOfRange) {
  EXPECT_THAT(ParamsForLoss(kBesiroglu, 1e9, 2.0),
              StatusIs(absl::StatusCode::kOutOfRange, "1e+09 tokens"));
}

TEST(ChinchillaTest, OptimumForParamsInvertsOptimumForCompute) {
  const FrontierPoint best = OptimumForCompute(kBesiroglu, 5.76e23);
  EXPECT_THAT(OptimumForParams(kBesiroglu, best.param_count).training_flops,
              RelativelyNear(5.76e23, 1e-12));
}

TEST(ChinchillaTest, OptimumForTokensInvertsOptimumForCompute) {
  const FrontierPoint best = OptimumForCompute(kBesiroglu, 5.76e23);
  EXPECT_THAT(OptimumForTokens(kBesiroglu, best.token_count).training_flops,
              RelativelyNear(5.76e23, 1e-12));
}

// Central difference of ln C; h^2 leaves about seven digits.
TEST(ChinchillaTest, FrontierSlopeIsTheDerivativeOfTheBestLoss) {
  const double h = 1e-4;
  const double difference = (OptimumForCompute(kBesiroglu, 1e22 * std::exp(h)).loss_nats -
                             OptimumForCompute(kBesiroglu, 1e22 * std::exp(-h)).loss_nats) /
                            (2 * h);
  EXPECT_THAT(FrontierLossSlope(kBesiroglu, 1e22), RelativelyNear(difference, 1e-6));
}

TEST(ChinchillaTest, MarginalsAreTheDerivativesOfTheLoss) {
  const double h = 1e-4;
  const LossMarginals marginals = Marginals(kBesiroglu, 7e9, 1e12);
  const double by_params = (ExpectedLoss(kBesiroglu, 7e9 * std::exp(h), 1e12) -
                            ExpectedLoss(kBesiroglu, 7e9 * std::exp(-h), 1e12)) /
                           (2 * h);
  EXPECT_THAT(marginals.by_log_params, RelativelyNear(by_params, 1e-6));
  const double by_tokens = (ExpectedLoss(kBesiroglu, 7e9, 1e12 * std::exp(h)) -
                            ExpectedLoss(kBesiroglu, 7e9, 1e12 * std::exp(-h))) /
                           (2 * h);
  EXPECT_THAT(marginals.by_log_tokens, RelativelyNear(by_tokens, 1e-6));
}

// The next term of the series is odd in ln r with a coefficient near (beta - alpha)/3: 1% at r
// = 1.05.
TEST(ChinchillaTest, SecondOrderRegretApproachesTheTrueOneForNearbySizes) {
  const FrontierPoint best = OptimumForCompute(kBesiroglu, 1e22);
  const double truth =
      ExpectedLoss(kBesiroglu, best.param_count * 1.05, best.token_count / 1.05) - best.loss_nats;
  EXPECT_THAT(SecondOrderRegret(kBesiroglu, 1e22, 1.05), RelativelyNear(truth, 0.01));
}

// de Vries 2023; the value is of the closed form by an independent implementation.
TEST(ChinchillaTest, HalfTheSizeCostsAQuarterMoreCompute) {
  const auto trade = TradeSizeForTokens(kBesiroglu, 0.5);
  ASSERT_THAT(trade, IsOk());
  EXPECT_THAT(trade->tokens_ratio, RelativelyNear(2.518608324503597, 1e-9));
  EXPECT_THAT(trade->compute_overhead_fraction, RelativelyNear(0.2593041622517984, 1e-9));
}

TEST(ChinchillaTest, ASizeBelowTheSmallestFractionNamesIt) {
  EXPECT_THAT(TradeSizeForTokens(kBesiroglu, 0.14),
              StatusIs(absl::StatusCode::kOutOfRange, "0.146413"));
}

TEST(ChinchillaTest, ANegativeSizeFractionIsInvalid) {
  EXPECT_THAT(TradeSizeForTokens(kBesiroglu, -1),
              StatusIs(absl::StatusCode::kInvalidArgument, "size_fraction is -1"));
}

TEST(ChinchillaTest, AnExponentOfZeroIsInvalidAndNamed) {
  ChinchillaLaw law = kBesiroglu;
  law.beta = 0;
  EXPECT_THAT(ValidateChinchillaLaw(law),
              StatusIs(absl::StatusCode::kInvalidArgument, "beta is 0"));
}

TEST(ChinchillaTest, PublishedConstantsAreValid) {
  EXPECT_THAT(ValidateChinchillaLaw(kHoffmannRounded), IsOk());
}

}  // namespace
}  // namespace rhumb
