// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/layout.h"

#include <algorithm>
#include <cstdint>
#include <set>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"
#include "tests/planner/cost/cost_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::Gpt175B;
using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::Llama8B;
using ::rhumb::testing_support::MixtureWithDenseLayers;
using ::rhumb::testing_support::StatusIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ValidateLayoutTest, DefaultLayoutIsValid) {
  EXPECT_THAT(ValidateLayout(Llama8B(), Layout{}), IsOk());
}

TEST(ValidateLayoutTest, TensorSizeMustDivideHeads) {
  EXPECT_THAT(
      ValidateLayout(Llama8B(), {.tensor_parallel_size = 3}),
      StatusIs(kInvalid, "tensor_parallel_size must divide num_attention_heads (32), got 3"));
}

TEST(ValidateLayoutTest, TensorSizeMayExceedKeyValueHeadsByAMultiple) {
  EXPECT_THAT(ValidateLayout(Llama8B(), {.tensor_parallel_size = 16}), IsOk());
}

TEST(ValidateLayoutTest, TensorSizeMustFitKeyValueHeads) {
  ModelShape shape = Llama8B();
  shape.num_attention_heads = 24;
  shape.num_key_value_heads = 8;
  EXPECT_THAT(ValidateLayout(shape, {.tensor_parallel_size = 6}),
              StatusIs(kInvalid, "num_key_value_heads (8), got 6"));
}

TEST(ValidateLayoutTest, PipelineNeedsALayerAStage) {
  EXPECT_THAT(ValidateLayout(Llama8B(), {.pipeline_parallel_size = 33}),
              StatusIs(kInvalid, "pipeline_parallel_size must be at most num_layers (32), got 33"));
}

TEST(ValidateLayoutTest, UnevenStagesAreValid) {
  EXPECT_THAT(ValidateLayout(Llama8B(), {.pipeline_parallel_size = 5}), IsOk());
}

TEST(ValidateLayoutTest, VirtualStagesNeedAPipeline) {
  EXPECT_THAT(ValidateLayout(Llama8B(), {.virtual_pipeline_stages = 2}),
              StatusIs(kInvalid, "virtual_pipeline_stages"));
}

TEST(ValidateLayoutTest, VirtualStagesMustDivideTheLayers) {
  EXPECT_THAT(
      ValidateLayout(Llama8B(), {.pipeline_parallel_size = 4, .virtual_pipeline_stages = 3}),
      StatusIs(kInvalid, "must divide num_layers (32), got 12"));
}

TEST(ValidateLayoutTest, ContextSizeMustDivideTheSequence) {
  EXPECT_THAT(ValidateLayout(Llama8B(), {.context_parallel_size = 3}),
              StatusIs(kInvalid, "context_parallel_size"));
}

TEST(ValidateLayoutTest, ExpertSizeMustDivideTheExperts) {
  EXPECT_THAT(ValidateLayout(MixtureWithDenseLayers(),
                             {.expert_parallel_size = 3, .data_parallel_size = 3}),
              StatusIs(kInvalid, "expert_parallel_size must divide expert_count (64), got 3"));
}

TEST(ValidateLayoutTest, ExpertSizeMustDivideTheDataParallelSize) {
  EXPECT_THAT(ValidateLayout(MixtureWithDenseLayers(),
                             {.expert_parallel_size = 8, .data_parallel_size = 4}),
              StatusIs(kInvalid, "expert_parallel_size must divide data_parallel_size (4), got 8"));
}

TEST(ValidateLayoutTest, DenseModelsHaveNoExpertSize) {
  EXPECT_THAT(ValidateLayout(Llama8B(), {.expert_parallel_size = 2, .data_parallel_size = 2}),
              StatusIs(kInvalid, "expert_parallel_size must be 1 for a model without experts"));
}

TEST(ValidateLayoutTest, ZeroStageIsBounded) {
  EXPECT_THAT(ValidateLayout(Llama8B(), {.zero_stage = 4}),
              StatusIs(kInvalid, "zero_stage must be 0, 1, 2 or 3, got 4"));
}

TEST(ValidateLayoutTest, MicroBatchMustBePositive) {
  EXPECT_THAT(ValidateLayout(Llama8B(), {.micro_batch_size = 0}),
              StatusIs(kInvalid, "micro_batch_size must be at least 1"));
}

TEST(ValidateRunnableLayoutTest, ExpertsMaySpreadOverTensorRanks) {
  const Layout layout = {
      .tensor_parallel_size = 8, .expert_parallel_size = 8, .data_parallel_size = 1};
  EXPECT_THAT(ValidateRunnableLayout(MixtureWithDenseLayers(), layout), IsOk());
  EXPECT_THAT(ValidateLayout(MixtureWithDenseLayers(), layout),
              StatusIs(kInvalid, "data_parallel_size"));
}

TEST(ValidateRunnableLayoutTest, ExpertsMustFitTheRanksOfAStage) {
  const Layout layout = {
      .tensor_parallel_size = 2, .expert_parallel_size = 8, .data_parallel_size = 2};
  EXPECT_THAT(ValidateRunnableLayout(MixtureWithDenseLayers(), layout),
              StatusIs(kInvalid, "expert_parallel_size"));
}

TEST(LayersOnStageTest, StagesSumToTheModelAndDifferByAtMostOne) {
  for (int64_t layers = 1; layers <= 40; ++layers) {
    for (int64_t p = 1; p <= layers; ++p) {
      int64_t sum = 0;
      std::set<int64_t> sizes;
      for (int64_t stage = 0; stage < p; ++stage) {
        ASSERT_EQ(LayersBeforeStage(layers, p, stage), sum)
            << layers << " layers, stage " << stage << " of " << p;
        sum += LayersOnStage(layers, p, stage);
        sizes.insert(LayersOnStage(layers, p, stage));
      }
      ASSERT_EQ(sum, layers) << p;
      ASSERT_LE(*sizes.rbegin() - *sizes.begin(), 1) << layers << " over " << p;
    }
  }
}

TEST(LayersOnStageTest, TheLastStageIsNeverTheLongest) {
  EXPECT_EQ(LayersOnStage(78, 12, 0), 6);
  EXPECT_EQ(LayersOnStage(78, 12, 1), 7);
  EXPECT_EQ(LayersOnStage(78, 12, 11), 6);
  EXPECT_EQ(LayersOnStage(7, 4, 3), 1);  // 2 + 2 + 2 + 1
}

TEST(StageOfLayerTest, FindsTheStageThatHoldsTheLayer) {
  for (int64_t p = 1; p <= 31; ++p) {
    for (int64_t layer = 0; layer < 31; ++layer) {
      const int64_t stage = StageOfLayer(31, p, layer);
      ASSERT_GE(layer, LayersBeforeStage(31, p, stage)) << p;
      ASSERT_LT(layer, LayersBeforeStage(31, p, stage) + LayersOnStage(31, p, stage)) << p;
    }
  }
}

TEST(LayoutTest, GpuCountIsMegatronsProduct) {
  const Layout layout = {.tensor_parallel_size = 8,
                         .pipeline_parallel_size = 4,
                         .context_parallel_size = 2,
                         .expert_parallel_size = 16,
                         .data_parallel_size = 16};
  EXPECT_EQ(layout.gpu_count(), 1024);
  EXPECT_THAT(
      ValidateLayout(Gpt175B(), {.pipeline_parallel_size = 8, .virtual_pipeline_stages = 6}),
      IsOk());
}

}  // namespace
}  // namespace rhumb
