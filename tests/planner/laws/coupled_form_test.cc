// SPDX-License-Identifier: Apache-2.0
// L = E + (A N^-alpha + B D^-beta)^gamma with gamma = 0.9 on the constants of Besiroglu et al.
// 2024. Every expected number is by 40-digit minimisation or root finding of the raw formula
// (mpmath); random constants are in properties_test.cc.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/compression.h"
#include "planner/laws/data_constrained.h"
#include "planner/laws/law_optimum.h"
#include "planner/laws/loss_model.h"
#include "planner/laws/serving.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

ChinchillaLaw Coupled() {
  ChinchillaLaw law = FindLaw("besiroglu2024")->constants;
  law.interaction_exponent = 0.9;
  return law;
}

TEST(CoupledFormTest, TheExponentIsOutsideOfTheSum) {
  EXPECT_THAT(ExpectedLoss(Coupled(), 7e9, 1.4e11), RelativelyNear(2.2120158472020373, 1e-15));
}

TEST(CoupledFormTest, TheOptimumForComputeIsThatOfTheAdditiveLaw) {
  const FrontierPoint best = OptimumForCompute(Coupled(), 1e22);
  EXPECT_EQ(best.param_count,
            OptimumForCompute(FindLaw("besiroglu2024")->constants, 1e22).param_count);
  EXPECT_THAT(best.param_count, RelativelyNear(9045158314.0620497, 1e-13));
  EXPECT_THAT(best.loss_nats, RelativelyNear(2.1797626641470124, 1e-14));
}

TEST(CoupledFormTest, TheFrontierConstantsGiveTheLossAndItsSlope) {
  const FrontierConstants frontier = DeriveFrontier(Coupled());
  EXPECT_THAT(1.8172 + frontier.loss_prefactor * std::pow(1e22 / 6, -frontier.loss_exponent),
              RelativelyNear(2.1797626641470124, 1e-13));
  EXPECT_THAT(FrontierLossSlope(Coupled(), 1e22), RelativelyNear(-0.0581760226528, 1e-11));
}

TEST(CoupledFormTest, TheLeastComputeForALossIsFound) {
  const auto best = OptimumForLoss(Coupled(), 2.2);
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->training_flops, RelativelyNear(7.12837206208025e21, 1e-12));
  EXPECT_THAT(best->param_count, RelativelyNear(7604265135.4, 1e-9));
  EXPECT_THAT(best->token_count, RelativelyNear(156236268619.0, 1e-9));
}

TEST(CoupledFormTest, IsoLossContoursAreInverted) {
  EXPECT_THAT(TokensForLoss(Coupled(), 1e10, 2.2),
              IsOkAndHolds(RelativelyNear(121738181556.21491, 1e-12)));
  EXPECT_THAT(ParamsForLoss(Coupled(), 1e11, 2.3),
              IsOkAndHolds(RelativelyNear(2858755592.1800022, 1e-12)));
  Law law = *FindLaw("besiroglu2024");
  law.constants = Coupled();
  EXPECT_THAT(*TokensForTargetLoss(law, 1e10, 2.2, std::nullopt, 1),
              RelativelyNear(121738181556.21491, 1e-12));
}

// E + (A N^-alpha)^gamma at 1e10 parameters: 1.8172 + (482.01 x 10^-3.478)^0.9 = 1.96198.
TEST(CoupledFormTest, ALossBelowTheFloorOfASizeIsOutOfRange) {
  EXPECT_THAT(TokensForLoss(Coupled(), 1e10, 1.96),
              StatusIs(absl::StatusCode::kOutOfRange, "1.96"));
  EXPECT_THAT(ParamsForLoss(Coupled(), 1e11, 1.5),
              StatusIs(absl::StatusCode::kOutOfRange, "target_loss_nats is 1.5"));
}

TEST(CoupledFormTest, TheLifetimeOptimumIsTheNumericMinimum) {
  const auto best = LifetimeOptimumAtLoss(Coupled(), 2.2, {.token_count = 1e12, .weight = 1});
  ASSERT_THAT(best, IsOk());
  EXPECT_THAT(best->param_count, RelativelyNear(3730632319.47, 1e-9));
  EXPECT_THAT(best->token_count, RelativelyNear(407187116198.0, 1e-9));
  const auto at_budget =
      LifetimeOptimumAtBudget(Coupled(), best->lifetime_flops, {.token_count = 1e12, .weight = 1});
  ASSERT_THAT(at_budget, IsOk());
  EXPECT_THAT(at_budget->loss_nats, RelativelyNear(2.2, 1e-12));
}

TEST(CoupledFormTest, TheRegretOfAWrongSizeHasTheNumericCurvature) {
  EXPECT_THAT(SecondOrderRegret(Coupled(), 1e22, std::exp(1.0)),
              RelativelyNear(0.0207572048825144, 1e-12));
}

TEST(CoupledFormTest, SizeForTokensIsTradedAsInTheAdditiveLaw) {
  const auto coupled = TradeSizeForTokens(Coupled(), 0.5);
  const auto additive = TradeSizeForTokens(FindLaw("besiroglu2024")->constants, 0.5);
  EXPECT_EQ(coupled->tokens_ratio, additive->tokens_ratio);
  EXPECT_EQ(SmallestSizeFraction(Coupled()),
            SmallestSizeFraction(FindLaw("besiroglu2024")->constants));
}

TEST(CoupledFormTest, RepetitionActsInsideOfTheSum) {
  Law law = *FindLaw("muennighoff2023-c4");
  const TokenUse use{.token_count = 2e11, .unique_token_count = 25e9, .batch_overhead = 1};
  const double additive = PredictLoss(law, 7e9, use) - law.constants.irreducible_loss_nats;
  law.constants.interaction_exponent = 0.8;
  EXPECT_THAT(PredictLoss(law, 7e9, use) - law.constants.irreducible_loss_nats,
              RelativelyNear(std::pow(additive, 0.8), 1e-12));
  const DataConstrainedOptimum best =
      OptimumForComputeAndData(law.constants, *law.repetition, 1e22, 25e9);
  EXPECT_THAT(best.param_count, RelativelyNear(7.0262e9, 1e-4));  // as with gamma = 1
}

TEST(CoupledFormTest, AnExponentThatIsNotPositiveIsRefused) {
  ChinchillaLaw law = Coupled();
  law.interaction_exponent = 0;
  EXPECT_THAT(ValidateChinchillaLaw(law),
              StatusIs(absl::StatusCode::kInvalidArgument, "interaction_exponent is 0"));
}

// Least of L(1e9, D) + delta(1e9, D, 4 bits) over D: 9.13421503869136e11 for the additive law.
TEST(CoupledFormTest, TheTokensBeyondWhichQuantisedModelsGetWorseAreFound) {
  EXPECT_THAT(KumarBestTokenCount({}, FindLaw("besiroglu2024")->constants, 1e9, 4),
              RelativelyNear(913421503869.136, 1e-12));
  EXPECT_THAT(KumarBestTokenCount({}, Coupled(), 1e9, 4), RelativelyNear(888021182261.083, 1e-10));
}

// laws of Hoffmann, Sardana, Besiroglu: the elasticity lies between .73 and .78 along the frontier.
TEST(CoupledFormTest, TheSubstitutionElasticityIsThatOfTheContour) {
  const ChinchillaLaw law = Coupled();
  const double n = 7e9, d = 1.4e11, h = 1e-4;
  const double loss = ExpectedLoss(law, n, d);
  // d ln(D/N) against d ln of the rate of substitution, along the contour by differences.
  const auto log_rate = [&](double x) {
    const double y = *TokensForLoss(law, x, loss);
    const LossMarginals slopes = Marginals(law, x, y);
    return std::log(slopes.by_log_params / x / (slopes.by_log_tokens / y));
  };
  const auto log_ratio = [&](double x) { return std::log(*TokensForLoss(law, x, loss) / x); };
  const double numeric = (log_ratio(n * (1 + h)) - log_ratio(n * (1 - h))) /
                         (log_rate(n * (1 + h)) - log_rate(n * (1 - h)));
  EXPECT_THAT(SubstitutionElasticity(law, n, d), RelativelyNear(numeric, 1e-6));
  EXPECT_NEAR(SubstitutionElasticity(law, n, d), 0.755, 0.025);
}

}  // namespace
}  // namespace rhumb
