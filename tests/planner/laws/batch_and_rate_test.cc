// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/critical_batch.h"
#include "planner/laws/learning_rate.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

BatchInputs SevenBillionOnChinchillaData() {
  BatchInputs inputs;
  inputs.param_count = 7e9;
  inputs.token_count = 1.4e12;
  inputs.training_flops = 5.9e22;
  inputs.loss_nats = 2.1;
  return inputs;
}

// Kaplan et al. 2020, arXiv:2001.08361, eq. (5.3) with Table 5; the exponent is exactly 1/0.21.
TEST(CriticalBatchTest, KaplanAtLossTwoAndAHalf) {
  EXPECT_THAT(KaplanCriticalBatchTokens(2.5), RelativelyNear(2674649.466810453, 1e-12));
}

// McCandlish et al. 2018, arXiv:1812.06162: at B = B_crit steps and tokens are twice their least.
TEST(CriticalBatchTest, AtTheCriticalBatchBothDouble) {
  const BatchTradeOff trade = TradeStepsForTokens(1e4, 1e10, 1e6);
  EXPECT_EQ(trade.critical_batch_tokens, 1e6);
  EXPECT_EQ(trade.step_count, 2e4);
  EXPECT_EQ(trade.token_count, 2e10);
}

// Kaplan 5.1-5.3 at loss 2.5: at most 20% more tokens takes B = 0.2 B_crit and six times the steps.
TEST(CriticalBatchTest, AFifthMoreTokensTakesAFifthOfTheCriticalBatch) {
  const double critical = KaplanCriticalBatchTokens(2.5);
  const double batch = BatchForTokenOverhead(0.2, critical, 0);
  EXPECT_THAT(batch, RelativelyNear(534929.8933646115, 1e-9));
  EXPECT_THAT(TradeStepsForTokens(1, critical, batch).step_count, RelativelyNear(6.0, 1e-12));
}

TEST(CriticalBatchTest, OverheadOfTheBatchForAnOverheadIsThatOverhead) {
  const double batch = BatchForTokenOverhead(0.35, 4e6, 5e5);
  EXPECT_THAT(TokenOverhead(batch, 4e6, 5e5), RelativelyNear(1.35, 1e-12));
}

TEST(CriticalBatchTest, NoCreditBelowTheReferenceBatch) {
  EXPECT_EQ(TokenOverhead(1e5, 4e6, 5e5), 1);
}

// McCandlish appendix A.1; by hand: |G|^2 = (16 x 2 - 10)/15, tr = 8/(15/16).
TEST(CriticalBatchTest, NoiseScaleFromTwoBatches) {
  const auto noise = EstimateNoiseScale(10, 2, 1, 16);
  ASSERT_THAT(noise, IsOk());
  EXPECT_THAT(noise->squared_gradient_norm, RelativelyNear(22.0 / 15, 1e-12));
  EXPECT_THAT(noise->covariance_trace, RelativelyNear(128.0 / 15, 1e-12));
  EXPECT_THAT(noise->noise_scale, RelativelyNear(128.0 / 22, 1e-12));
}

TEST(CriticalBatchTest, NoNoiseScaleFromANegativeGradientNorm) {
  EXPECT_THAT(EstimateNoiseScale(10, 0.5, 1, 16),
              StatusIs(absl::StatusCode::kFailedPrecondition, "average over more steps"));
}

TEST(CriticalBatchTest, EqualBatchesAreInvalid) {
  EXPECT_THAT(EstimateNoiseScale(10, 2, 16, 16),
              StatusIs(absl::StatusCode::kInvalidArgument, "big_batch 16"));
}

// Zhang's batch of 20% overhead over no reference is a fifth of B_crit: 11.7M tokens at D = 1.4e12.
TEST(CriticalBatchTest, ZhangIsConvertedToTheCommonDefinition) {
  EXPECT_THAT(*CriticalBatchTokens(BatchRule::kZhang2024, SevenBillionOnChinchillaData()),
              RelativelyNear(11.7e6 / 0.2, 2e-3));
}

TEST(CriticalBatchTest, ZhangTakesTheReferenceBatchOff) {
  BatchInputs inputs = SevenBillionOnChinchillaData();
  inputs.reference_batch_tokens = 5e5;
  const double with_reference = *CriticalBatchTokens(BatchRule::kZhang2024, inputs);
  EXPECT_THAT(BatchForTokenOverhead(0.2, with_reference, 5e5), RelativelyNear(11.7e6, 2e-3));
}

TEST(CriticalBatchTest, ZhangHasNoAnswerBelowTheReferenceBatch) {
  BatchInputs inputs = SevenBillionOnChinchillaData();
  inputs.reference_batch_tokens = 1e7;
  EXPECT_FALSE(CriticalBatchTokens(BatchRule::kZhang2024, inputs).has_value());
}

// 0.0471 D^0.462 sequences of 2048 at D = 1.4e12: 39.4M tokens.
TEST(CriticalBatchTest, BergsmaCountsSequencesOf2048) {
  EXPECT_THAT(*CriticalBatchTokens(BatchRule::kBergsma2025, SevenBillionOnChinchillaData()),
              RelativelyNear(39.4e6, 2e-3));
}

// At N = 7e9, D = 1.4e12: Step Law 5.0M, Porian 6.3M, Kaplan 6.1M, DeepSeek 8.2M, MiniCPM 11.8M.
TEST(CriticalBatchTest, TheBandHoldsEveryRule) {
  const auto band = CriticalBatchBand(SevenBillionOnChinchillaData());
  ASSERT_TRUE(band.has_value());
  EXPECT_THAT(band->low_tokens, RelativelyNear(5.0e6, 2e-2));
  EXPECT_THAT(band->high_tokens, RelativelyNear(58.5e6, 2e-2));
}

TEST(CriticalBatchTest, ARuleWithoutItsInputHasNoAnswer) {
  EXPECT_FALSE(CriticalBatchTokens(BatchRule::kKaplan2020, {}).has_value());
}

TEST(CriticalBatchTest, EveryRuleNameParsesBack) {
  const bool all = std::all_of(kAllBatchRules.begin(), kAllBatchRules.end(), [](BatchRule rule) {
    const auto parsed = ParseBatchRule(BatchRuleName(rule));
    return parsed.ok() && *parsed == rule;
  });
  EXPECT_TRUE(all);
}

TEST(CriticalBatchTest, AnUnknownRuleListsTheKnownOnes) {
  EXPECT_THAT(ParseBatchRule("kaplan"),
              StatusIs(absl::StatusCode::kInvalidArgument, "kaplan2020, bergsma2025"));
}

LearningRateInputs OneBillionOnTwentyBillion() {
  LearningRateInputs inputs;
  inputs.non_embedding_param_count = 1e9;
  inputs.token_count = 2e10;
  inputs.training_flops = 1.2e20;
  return inputs;
}

// Step Law: 1.79 N^-0.713 D^0.307 with the released means.
TEST(LearningRateTest, StepLawSetsThePeak) {
  const auto rate = SuggestLearningRate(OneBillionOnTwentyBillion());
  ASSERT_THAT(rate, IsOk());
  EXPECT_THAT(rate->peak, RelativelyNear(0.0009960227074783659, 1e-9));
  EXPECT_THAT(rate->source, ::testing::HasSubstr("4 published rules"));
}

// Kaplan 3.48e-4 (eq. D.1), DeepSeek 9.6e-4, Step Law 1.0e-3, Porian 2.1e-3.
TEST(LearningRateTest, TheBandSpansTheRules) {
  const auto rate = SuggestLearningRate(OneBillionOnTwentyBillion());
  ASSERT_THAT(rate, IsOk());
  EXPECT_THAT(rate->low, RelativelyNear(3.48e-4, 2e-3));
  EXPECT_THAT(rate->high, RelativelyNear(2.13e-3, 5e-3));
}

TEST(LearningRateTest, KaplanIsLeftOutAboveTenBillion) {
  LearningRateInputs inputs = OneBillionOnTwentyBillion();
  inputs.non_embedding_param_count = 7e10;
  EXPECT_FALSE(PeakLearningRate(LearningRateRule::kKaplan2020, inputs).has_value());
}

// Rules end and edges of runs are passed on the way; none may show as a step.
TEST(LearningRateTest, PeakAndBandFallWithSizeAndNeverJump) {
  for (const double tokens : {1e9, 5e10, 1e11, 3e11, 1e13}) {
    std::optional<LearningRateSuggestion> smaller;
    for (double params = 1e7; params < 1e12; params *= 1.02) {
      LearningRateInputs inputs;
      inputs.non_embedding_param_count = params;
      inputs.token_count = tokens;
      inputs.training_flops = 6 * params * tokens;
      const auto rate = SuggestLearningRate(inputs);
      ASSERT_THAT(rate, IsOk());
      ASSERT_LE(rate->low, rate->peak);
      ASSERT_LE(rate->peak, rate->high);
      if (smaller.has_value()) {
        for (const auto value : {&LearningRateSuggestion::peak, &LearningRateSuggestion::low,
                                 &LearningRateSuggestion::high}) {
          ASSERT_LE((*rate).*value, (*smaller).*value) << params << " on " << tokens;
          ASSERT_GT((*rate).*value, 0.97 * ((*smaller).*value)) << params << " on " << tokens;
        }
      }
      smaller = *rate;
    }
  }
}

TEST(LearningRateTest, WithoutSizeOrComputeThereIsNoSuggestion) {
  EXPECT_THAT(SuggestLearningRate({}),
              StatusIs(absl::StatusCode::kInvalidArgument, "non_embedding_param_count is 0"));
}

// DeepSeek LLM, arXiv:2401.02954, Table 3 prints 0.92 for 80 layers of 8192 at length 4096.
TEST(LearningRateTest, DeepSeekCountsFullAttention) {
  EXPECT_EQ(DeepSeekFlopsPerToken(80, 8192, 4096), 418759311360);
}

TEST(LearningRateTest, BergsmaWeightDecayInvertsTheTimeScale) {
  const double decay = BergsmaWeightDecay(1048576, 1e-3, 2e10, 1e9);
  EXPECT_THAT(1048576 / (1e-3 * decay * 2e10), RelativelyNear(BergsmaTimeScale(20), 1e-12));
}

}  // namespace
}  // namespace rhumb
