// SPDX-License-Identifier: Apache-2.0
// The batch rules as one registry, the conversion of definitions, and the averaged noise scale.
#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/critical_batch.h"
#include "planner/laws/noise_scale.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

// N = 7e9, D = 1.4e12, C = 5.9e22, L = 2.1: millions of tokens, Kaplan 6.1, Step Law 5.0, DeepSeek
// 8.2, MiniCPM 11.8, Porian 6.3, Bergsma's B_c 39.4, Zhang's 11.7 at 20% overhead.
BatchInputs SevenBillion() {
  BatchInputs inputs;
  inputs.param_count = 7e9;
  inputs.token_count = 1.4e12;
  inputs.training_flops = 5.9e22;
  inputs.loss_nats = 2.1;
  return inputs;
}

TEST(BatchRegistryTest, EveryRuleAnswersWithThePublishedMagnitude) {
  const std::vector<BatchAnswer> answers = AllCriticalBatches(SevenBillion());
  ASSERT_EQ(answers.size(), kAllBatchRules.size());
  const double millions[] = {6.1, 39.4, 5.0, 8.2, 11.8, 11.7 / 0.2, 6.3};
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_THAT(answers[i].critical_batch_tokens, RelativelyNear(millions[i] * 1e6, 0.011))
        << BatchRuleName(answers[i].rule);
  }
}

TEST(BatchRegistryTest, TheBandIsThatOfTheAnswers) {
  const auto band = CriticalBatchBand(SevenBillion());
  EXPECT_THAT(band->low_tokens, RelativelyNear(5.0e6, 0.01));
  EXPECT_THAT(band->high_tokens, RelativelyNear(58.5e6, 0.01));
}

TEST(BatchRegistryTest, AnOverheadBatchConvertsBackAndForth) {
  const double critical = 3e6, reference = 2e5;
  const double batch = BatchForTokenOverhead(0.2, critical, reference);
  EXPECT_THAT(TokenOverhead(batch, critical, reference), RelativelyNear(1.2, 1e-14));
  EXPECT_THAT(*CriticalFromOverheadBatch(0.2, batch, reference), RelativelyNear(critical, 1e-13));
}

TEST(BatchRegistryTest, AReferenceBatchThatLeavesNothingHasNoConversion) {
  EXPECT_FALSE(CriticalFromOverheadBatch(0.2, 1e6, 1e6).has_value());
}

TEST(BatchRegistryTest, RulesStateTheirDefinitionAndVerification) {
  EXPECT_EQ(BatchRuleDefinition(BatchRule::kZhang2024), BatchDefinition::kOverhead);
  EXPECT_EQ(BatchRuleDefinition(BatchRule::kPorian2024), BatchDefinition::kBest);
  EXPECT_EQ(BatchRuleVerification(BatchRule::kKaplan2020), VerificationStatus::kPaper);
  EXPECT_EQ(BatchRuleVerification(BatchRule::kBergsma2025), VerificationStatus::kMemory);
  EXPECT_EQ(VerificationText(BatchRuleVerification(BatchRule::kZhang2024)), "not verified");
}

// Mean squared norms of a gradient with |G|^2 = 4 and tr(Sigma) = 800: 4 + 800/B.
void AddExact(NoiseScaleAverage& average) {
  ASSERT_THAT(average.Add(4 + 800 / 32.0, 4 + 800 / 512.0, 32, 512), IsOk());
}

TEST(NoiseScaleAverageTest, ExactNormsGiveTheNoiseScaleFromTheFirstStep) {
  NoiseScaleAverage average(0.99);
  AddExact(average);
  EXPECT_THAT(average.Estimate()->noise_scale, RelativelyNear(200, 1e-12));
  EXPECT_THAT(average.Estimate()->squared_gradient_norm, RelativelyNear(4, 1e-12));
  AddExact(average);
  EXPECT_THAT(average.Estimate()->noise_scale, RelativelyNear(200, 1e-12));
}

// A step of |G|^2 = -1 alone gives no estimate; averaged with one of 9 it is |G|^2 = 4 again.
TEST(NoiseScaleAverageTest, AveragesBeforeItDivides) {
  NoiseScaleAverage average(1 - 1e-9);  // next to equal weights
  ASSERT_THAT(average.Add(-1 + 800 / 32.0, -1 + 800 / 512.0, 32, 512), IsOk());
  EXPECT_THAT(average.Estimate(), StatusIs(absl::StatusCode::kFailedPrecondition, "|G|^2 = -1"));
  ASSERT_THAT(average.Add(9 + 800 / 32.0, 9 + 800 / 512.0, 32, 512), IsOk());
  EXPECT_THAT(average.Estimate()->noise_scale, RelativelyNear(200, 1e-6));
}

TEST(NoiseScaleAverageTest, ANegativeSquaredNormIsRefused) {
  NoiseScaleAverage average(0.9);
  EXPECT_THAT(average.Add(1, -0.5, 32, 512),
              StatusIs(absl::StatusCode::kInvalidArgument, "big_batch_squared_norm -0.5"));
}

TEST(NoiseScaleAverageTest, NoStepsGiveNoEstimate) {
  EXPECT_THAT(NoiseScaleAverage(0.9).Estimate(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "no step"));
}

TEST(NoiseScaleAverageTest, EqualBatchesAreRefused) {
  NoiseScaleAverage average(0.9);
  EXPECT_THAT(average.Add(1, 1, 512, 512),
              StatusIs(absl::StatusCode::kInvalidArgument, "0 < small_batch < big_batch"));
}

TEST(LearningRateFactorTest, IsLinearFarBelowTheNoiseScaleAndFlatFarAbove) {
  EXPECT_THAT(LearningRateFactor(RateScaling::kSgd, 1e3, 2e3, 1e9), RelativelyNear(2, 1e-5));
  EXPECT_THAT(LearningRateFactor(RateScaling::kAdam, 1e3, 2e3, 1e9),
              RelativelyNear(std::sqrt(2.0), 1e-5));
  EXPECT_THAT(LearningRateFactor(RateScaling::kSgd, 1e12, 2e12, 1e6), RelativelyNear(1, 1e-5));
}

}  // namespace
}  // namespace rhumb
