// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/data_constrained.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::RelativelyNear;

constexpr double kDataDecay = 15.387756;  // R_D*, Muennighoff et al. 2023, arXiv:2305.16264

const ChinchillaLaw& C4() { return FindLaw("muennighoff2023-c4")->constants; }
const RepetitionConstants& C4Repetition() { return *FindLaw("muennighoff2023-c4")->repetition; }

TEST(DataConstrainedTest, FreshTokensAreWorthThemselves) {
  EXPECT_EQ(EffectiveCount(1e9, 1e9, kDataDecay), 1e9);
}

// Muennighoff eq. (5) at 40 epochs of one billion tokens.
TEST(DataConstrainedTest, FortyEpochsAreWorthFifteen) {
  EXPECT_THAT(EffectiveCount(4e10, 1e9, kDataDecay), RelativelyNear(15167464801.531788, 1e-12));
}

TEST(DataConstrainedTest, EndlessRepetitionIsWorthTheCeiling) {
  EXPECT_THAT(EffectiveCount(std::numeric_limits<double>::infinity(), 1e9, kDataDecay),
              RelativelyNear(16.387756e9, 1e-12));
}

TEST(DataConstrainedTest, CountForEffectiveInvertsEffectiveCount) {
  const auto count = CountForEffective(EffectiveCount(7.3e9, 1e9, kDataDecay), 1e9, kDataDecay);
  ASSERT_TRUE(count.has_value());
  EXPECT_THAT(*count, RelativelyNear(7.3e9, 1e-12));
}

TEST(DataConstrainedTest, NoCountIsWorthTheCeiling) {
  EXPECT_FALSE(CountForEffective(16.387756e9 * 1.0000001, 1e9, kDataDecay).has_value());
}

// d ln D' / d ln D by central difference; h^2 leaves about seven digits.
TEST(DataConstrainedTest, ElasticityIsTheLogarithmicDerivative) {
  const double h = 1e-4;
  const double difference = (std::log(EffectiveCount(9e9 * std::exp(h), 1e9, kDataDecay)) -
                             std::log(EffectiveCount(9e9 * std::exp(-h), 1e9, kDataDecay))) /
                            (2 * h);
  EXPECT_THAT(EffectiveCountElasticity(9e9, 1e9, kDataDecay), RelativelyNear(difference, 1e-6));
}

// (A/B)^(1/alpha) for alpha = beta: .0509865, laws of the authors' code at full digits.
TEST(DataConstrainedTest, AUniqueTokenSupportsAFixedNumberOfParameters) {
  EXPECT_THAT(SupportedParamCount(C4(), 25e9) / 25e9, RelativelyNear(0.05098651765, 1e-9));
}

// huggingface/datablations README: printed to every digit.
TEST(DataConstrainedTest, LossOfTheReadmeExample) {
  EXPECT_THAT(DataConstrainedLoss(C4(), C4Repetition(), 6.34e9, 242e9, 25e9),
              RelativelyNear(2.2256440889984477, 1e-12));
}

TEST(DataConstrainedTest, LossFloorOfTwentyFiveBillionTokens) {
  EXPECT_THAT(DataConstrainedLossFloor(C4(), C4Repetition(), 25e9),
              RelativelyNear(2.1559022370860634, 1e-9));
}

// The README's grid gives 7.022e9, 237.34e9, 9.493 epochs; the root has a loss lower by 8e-9.
TEST(DataConstrainedTest, OptimumOfTheReadmeBudget) {
  const DataConstrainedOptimum best = OptimumForComputeAndData(C4(), C4Repetition(), 1e22, 25e9);
  EXPECT_THAT(best.param_count, RelativelyNear(7026159072.004628, 1e-9));
  EXPECT_THAT(best.token_count, RelativelyNear(237208786420.36655, 1e-9));
  EXPECT_THAT(best.loss_nats, RelativelyNear(2.22212927487097, 1e-12));
}

TEST(DataConstrainedTest, AmpleDataGivesTheUnrepeatedOptimum) {
  const DataConstrainedOptimum best = OptimumForComputeAndData(C4(), C4Repetition(), 1e22, 1e12);
  EXPECT_THAT(best.param_count, RelativelyNear(OptimumForCompute(C4(), 1e22).param_count, 1e-12));
  EXPECT_EQ(best.epoch_count, 1);
}

}  // namespace
}  // namespace rhumb
