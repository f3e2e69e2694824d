// SPDX-License-Identifier: Apache-2.0
// Golden values: Kaplan et al. 2020, arXiv:2001.08361, constants as printed in Tables 2, 3, 5; the
// digits beyond print are ours by an independent implementation, tolerance is rounding.
#include "planner/laws/kaplan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/hoffmann.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

TEST(KaplanTest, LossOfOneBillionParameters) {  // eq. (1.1)
  EXPECT_THAT(KaplanLossOfParams(1e9), RelativelyNear(2.3756402951345246, 1e-12));
}

TEST(KaplanTest, LossOfAllOfWebText2) {  // eq. (1.2)
  EXPECT_THAT(KaplanLossOfTokens(2.29e10), RelativelyNear(2.091187799004205, 1e-12));
}

TEST(KaplanTest, LossOfMinimalComputeTakesFlopsNotPfDays) {  // eq. (1.3)
  EXPECT_THAT(KaplanLossOfMinFlops(1e18), RelativelyNear(3.3219552043663847, 1e-12));
}

TEST(KaplanTest, JointLossUsesTableTwo) {  // eq. (1.5)
  EXPECT_THAT(KaplanLossOfParamsAndTokens(1e8, 1e9), RelativelyNear(2.956733738633301, 1e-12));
}

TEST(KaplanTest, OverfittingKeepsItsDigitsWithAmpleData) {  // eq. (4.3)
  EXPECT_THAT(KaplanOverfitFraction(1e9, 1e15), RelativelyNear(5.2698855035338e-07, 1e-9));
}

// Hoffmann et al. 2022, arXiv:2203.15556, D.4 quotes 4.68e9 for Kaplan's optimum at 1e21 FLOPs.
TEST(KaplanTest, OptimumAtCriticalBatchIsTheOneHoffmannQuotes) {
  EXPECT_THAT(KaplanParamsAtCriticalBatch(1e21), RelativelyNear(4.68e9, 1e-3));
}

// Printed: 2.7, 0.13, 0.35 in eqs. (B.12)-(B.14).
TEST(KaplanTest, StoppingEarlyAgainstConvergence) {
  const KaplanStoppingRatios ratios = KaplanCompareStopping(0.1013157894736842, 0.02);
  EXPECT_THAT(ratios.params, RelativelyNear(2.7078175704382828, 1e-9));
  EXPECT_THAT(ratios.steps, RelativelyNear(0.13081691117190453, 1e-9));
  EXPECT_THAT(ratios.flops, RelativelyNear(0.3542283305817472, 1e-9));
}

// Printed in B.4: 2.2x the size needs 45% fewer steps at a 20% increase in compute.
TEST(KaplanTest, AModelTwiceTooLargeCostsAFifthMore) {
  const auto penalty = KaplanWrongSize(2.2);
  ASSERT_TRUE(penalty.has_value());
  EXPECT_NEAR(penalty->flops_ratio, 1.20, 0.005);
  EXPECT_NEAR(penalty->steps_ratio, 0.55, 0.005);
}

TEST(KaplanTest, AModelFarTooSmallNeverReachesTheLoss) {
  EXPECT_FALSE(KaplanWrongSize(0.25).has_value());
}

TEST(KaplanTest, FrontierOptimumHasTheLossOfItsSizeAndSteps) {
  const KaplanFrontierPoint best = KaplanOptimumForMinFlops(1e18);
  EXPECT_THAT(KaplanLossOfParamsAndSteps(best.param_count, best.min_step_count),
              RelativelyNear(best.loss_nats, 1e-9));
}

TEST(KaplanTest, LearningRateOfAMillionParameters) {  // eq. (D.1)
  EXPECT_THAT(KaplanLearningRate(1e6), IsOkAndHolds(RelativelyNear(0.001311736277163984, 1e-9)));
}

TEST(KaplanTest, LearningRateIsRefusedAboveTenBillion) {
  EXPECT_THAT(KaplanLearningRate(1e10), StatusIs(absl::StatusCode::kOutOfRange, "1e10"));
}

TEST(KaplanTest, ParametersOfGpt2Xl) {  // eq. (2.1): 12 n_layer d^2
  EXPECT_EQ(
      KaplanParamCount({.num_layers = 48, .hidden_size = 1600, .attention_size = 0, .ffn_size = 0}),
      1474560000);
}

// Hoffmann et al. 2022, Table A4: 1.03, 1.10, 1.08, 1.04, 1.03, 0.99; first row.
TEST(HoffmannTest, ExactFlopsOfTheSmallestModelOfTableA4) {
  const HoffmannShape shape{.num_layers = 10,
                            .hidden_size = 640,
                            .ffn_size = 2560,
                            .num_heads = 10,
                            .sequence_length = 2048,
                            .vocab_size = 32000};
  EXPECT_EQ(HoffmannParamCount(shape), 73825280);
  EXPECT_THAT(HoffmannFlopsRatio(shape), RelativelyNear(1.0250364102919758, 1e-9));
}

// The paper rounds approach 1 to 0.50 and approach 2 to 0.49.
TEST(HoffmannTest, PowerLawsOfBothTablesRoundToThePrintedExponents) {
  const auto first = FitPowerLaw(HoffmannTable3());
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(first->exponent, RelativelyNear(0.4980986857771926, 1e-9));
  const auto second = FitPowerLaw(HoffmannTableA3Approach2());
  ASSERT_THAT(second, IsOk());
  EXPECT_THAT(second->exponent, RelativelyNear(0.48994161286254634, 1e-9));
}

TEST(HoffmannTest, OneBudgetIsNoPowerLaw) {
  const HoffmannRow rows[] = {{1e9, 1e20}, {2e9, 1e20}};
  EXPECT_THAT(FitPowerLaw(rows), StatusIs(absl::StatusCode::kInvalidArgument, "at least two"));
}

TEST(HoffmannTest, ANegativeSizeIsNamed) {
  const HoffmannRow rows[] = {{-1e9, 1e20}, {2e9, 1e21}};
  EXPECT_THAT(FitPowerLaw(rows), StatusIs(absl::StatusCode::kInvalidArgument, "-1e+09"));
}

}  // namespace
}  // namespace rhumb
