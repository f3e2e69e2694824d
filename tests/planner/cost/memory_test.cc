// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/memory.h"

#include <algorithm>
#include <cstdint>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"
#include "tests/planner/cost/cost_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::Gpt175B;
using ::rhumb::testing_support::Llama8B;
using ::rhumb::testing_support::MixtureWithDenseLayers;
using ::rhumb::testing_support::RandomLayout;
using ::rhumb::testing_support::RelativelyNear;

FrameworkProfile ProfileWith(Attention attention) {
  FrameworkProfile profile = FindFrameworkProfile("megatron").value();
  profile.attention = attention;
  return profile;
}

// Activation bytes of one layer of GPT-3 175B, in units of s b h.
double LayerActivationUnits(Attention attention, const Layout& layout) {
  ModelShape two = Gpt175B();
  two.num_layers = 2;
  ModelShape one = Gpt175B();
  one.num_layers = 1;
  const double difference =
      MemoryModel(two, ProfileWith(attention)).Stage(layout, 1, 0).activations_bytes -
      MemoryModel(one, ProfileWith(attention)).Stage(layout, 1, 0).activations_bytes;
  return difference / (2048.0 * 12288.0 * static_cast<double>(layout.micro_batch_size));
}

constexpr double kScores = 5.0 * 96 * 2048 / 12288;  // 5 a s / h of GPT-3 175B

// Korthikanti et al. 2022, arXiv:2205.05198, section 4.1: s b h (34 + 5 a s / h) bytes a layer
// without parallelism.
TEST(ActivationTest, LayerWithoutParallelismKeepsThirtyFourAndTheScores) {
  EXPECT_THAT(LayerActivationUnits(Attention::kCore, {.precision = Precision::kFp16}),
              RelativelyNear(34 + kScores, 1e-9));
}

// The same, section 4.2.1: s b h (10 + 24/t + 5 a s / (h t)) with tensor parallelism alone.
TEST(ActivationTest, TensorParallelismLeavesTenUndivided) {
  const Layout layout = {
      .tensor_parallel_size = 8, .precision = Precision::kFp16, .sequence_parallel = false};
  EXPECT_THAT(LayerActivationUnits(Attention::kCore, layout),
              RelativelyNear(10 + 24.0 / 8 + kScores / 8, 1e-9));
}

// The same, section 4.2.2: s b h / t (34 + 5 a s / h) with sequence parallelism.
TEST(ActivationTest, SequenceParallelismDividesAll) {
  const Layout layout = {
      .tensor_parallel_size = 8, .precision = Precision::kFp16, .sequence_parallel = true};
  EXPECT_THAT(LayerActivationUnits(Attention::kCore, layout),
              RelativelyNear((34 + kScores) / 8, 1e-9));
}

// The same, section 5: 34 s b h / t with selective recompute.
TEST(ActivationTest, SelectiveRecomputeDropsTheScores) {
  const Layout layout = {
      .tensor_parallel_size = 8, .recompute = Recompute::kSelective, .precision = Precision::kFp16};
  EXPECT_THAT(LayerActivationUnits(Attention::kCore, layout), RelativelyNear(34.0 / 8, 1e-9));
}

// The same, section 5: 2 s b h a layer with full recompute.
TEST(ActivationTest, FullRecomputeKeepsTheInputOfALayer) {
  EXPECT_THAT(LayerActivationUnits(Attention::kCore,
                                   {.recompute = Recompute::kFull, .precision = Precision::kFp16}),
              RelativelyNear(2.0, 1e-9));
}

TEST(ActivationTest, FlashAttentionKeepsNoScores) {
  const double flash = LayerActivationUnits(Attention::kFlash, {.precision = Precision::kFp16});
  EXPECT_THAT(flash, RelativelyNear(34 + 4.0 * 96 / 12288, 1e-9));
}

TEST(ActivationTest, ContextParallelismDividesTheTokens) {
  const double whole = LayerActivationUnits(Attention::kFlash, {.precision = Precision::kFp16});
  const double quarter = LayerActivationUnits(
      Attention::kFlash, {.context_parallel_size = 4, .precision = Precision::kFp16});
  EXPECT_THAT(quarter, RelativelyNear(whole / 4, 1e-9));
}

// Narayanan et al. 2021, arXiv:2104.04473, section 2.2: 1F1B holds at most p micro-batches on the
// first stage.
TEST(MicroBatchesInFlightTest, OneForwardOneBackwardHoldsAsManyAsStagesFollow) {
  const Layout layout = {.pipeline_parallel_size = 8};
  EXPECT_DOUBLE_EQ(MicroBatchesInFlight(layout, 100, 0), 8);
  EXPECT_DOUBLE_EQ(MicroBatchesInFlight(layout, 100, 7), 1);
  EXPECT_DOUBLE_EQ(MicroBatchesInFlight(layout, 3, 0), 3);
}

// Korthikanti et al. 2022, section 4.2.3: interleaving stores L (1 + (p - 1) / (p v)) layers on the
// first stage.
TEST(MicroBatchesInFlightTest, InterleavingHoldsTheShareOfThePaper) {
  const Layout layout = {.pipeline_parallel_size = 8, .virtual_pipeline_stages = 3};
  EXPECT_NEAR(MicroBatchesInFlight(layout, 64, 0) / 8, 1 + 7.0 / 24, 1e-12);
}

// Megatron: 2 weights + 4 gradients + 12 optimizer = 18 bytes per parameter unsharded; 6 + 12 / d
// with its distributed optimizer (Megatron-LM, docs of the distributed optimizer).
TEST(ModelStateTest, MegatronKeepsEighteenBytesAParameter) {
  ModelShape shape = Gpt175B();
  const StageMemory memory = MemoryModel(shape, ProfileWith(Attention::kFlash)).Stage({}, 1, 0);
  const double params = static_cast<double>(CountParams(shape).total);
  EXPECT_THAT(memory.weights_bytes + memory.gradients_bytes + memory.optimizer_bytes,
              RelativelyNear(18 * params, 1e-9));
}

TEST(ModelStateTest, DistributedOptimizerShardsTwelveOfThem) {
  ModelShape shape = Gpt175B();
  const StageMemory memory = MemoryModel(shape, ProfileWith(Attention::kFlash))
                                 .Stage({.data_parallel_size = 16, .zero_stage = 1}, 1, 0);
  const double params = static_cast<double>(CountParams(shape).total);
  EXPECT_THAT(memory.weights_bytes + memory.gradients_bytes + memory.optimizer_bytes,
              RelativelyNear((6 + 12.0 / 16) * params, 1e-9));
}

TEST(ModelStateTest, TiedTableIsHeldOnBothEndsOfAPipeline) {
  const MemoryModel model(Gpt175B(), ProfileWith(Attention::kFlash));
  const Layout layout = {.pipeline_parallel_size = 8};
  EXPECT_GT(model.Stage(layout, 8, 7).weights_bytes,
            model.Stage(layout, 8, 3).weights_bytes + 2 * 51200.0 * 12288 * 0.99);
}

TEST(ModelStateTest, ExpertsAreShardedOverExpertRanks) {
  const MemoryModel model(MixtureWithDenseLayers(), ProfileWith(Attention::kFlash));
  const ParamCounts counts = CountParams(MixtureWithDenseLayers());
  const double all = model.Stage({.data_parallel_size = 8}, 1, 0).weights_bytes;
  const double eighth =
      model.Stage({.expert_parallel_size = 8, .data_parallel_size = 8}, 1, 0).weights_bytes;
  EXPECT_THAT(
      all - eighth,
      RelativelyNear(2 * 27.0 * static_cast<double>(counts.expert_per_layer) * 7 / 8, 1e-9));
}

// The properties that the planner relies on, on random layouts of three models under all profiles.
class MemoryPropertyTest : public ::testing::TestWithParam<int> {
 protected:
  template <typename Check>
  void ForRandomLayouts(Check check) {
    std::mt19937 random(static_cast<uint32_t>(GetParam()));
    for (const ModelShape& shape : {Gpt175B(), Llama8B(), MixtureWithDenseLayers()}) {
      for (const FrameworkProfile& profile : FrameworkProfiles()) {
        const MemoryModel model(shape, profile);
        for (int i = 0; i < 60; ++i) check(model, RandomLayout(shape, random));
      }
    }
  }
};

TEST_P(MemoryPropertyTest, PeakGrowsWithMicroBatchesUpToTheSchedulesDepth) {
  ForRandomLayouts([](const MemoryModel& model, const Layout& layout) {
    const int64_t depth = layout.pipeline_parallel_size * layout.virtual_pipeline_stages;
    double previous = 0;
    for (int64_t m = 1; m <= depth + 3; ++m) {
      const double peak = model.Estimate(layout, m, false).peak_bytes;
      // Where activations lie within what the optimizer's step takes, the sum stays but for
      // rounding.
      ASSERT_GE(peak, previous * (1 - 1e-14)) << "m = " << m;
      if (m > depth) {
        ASSERT_EQ(peak, previous) << "m = " << m << " is past " << depth;
      }
      previous = peak;
    }
  });
}

TEST_P(MemoryPropertyTest, HigherZeroStageNeverNeedsMore) {
  ForRandomLayouts([](const MemoryModel& model, Layout layout) {
    // A flat copy of what nobody shares is more than copies of one tensor after the other.
    const int64_t ranks = layout.data_parallel_size * layout.context_parallel_size;
    if (ranks * layout.tensor_parallel_size < 2 * layout.expert_parallel_size || ranks < 2) return;
    layout.zero_stage = 0;
    double previous = model.Estimate(layout, 8, false).peak_bytes;
    for (layout.zero_stage = 1; layout.zero_stage <= 3; ++layout.zero_stage) {
      const double peak = model.Estimate(layout, 8, false).peak_bytes;
      ASSERT_LE(peak, previous) << "stage " << layout.zero_stage;
      previous = peak;
    }
  });
}

TEST_P(MemoryPropertyTest, MoreDataParallelRanksNeverNeedMore) {
  ForRandomLayouts([](const MemoryModel& model, Layout layout) {
    const double few = model.Estimate(layout, 8, false).peak_bytes;
    layout.data_parallel_size *= 2;
    ASSERT_LE(model.Estimate(layout, 8, false).peak_bytes, few);
  });
}

TEST_P(MemoryPropertyTest, PeakIsTheFullestOfAllStages) {
  ForRandomLayouts([](const MemoryModel& model, const Layout& layout) {
    const MemoryEstimate all = model.Estimate(layout, 12, true);
    ASSERT_EQ(static_cast<int64_t>(all.stages.size()), layout.pipeline_parallel_size);
    double fullest = 0;
    for (const StageMemory& stage : all.stages) fullest = std::max(fullest, stage.total_bytes());
    ASSERT_EQ(model.Estimate(layout, 12, false).peak.total_bytes(), fullest);
    ASSERT_GT(all.p95_bytes, all.peak_bytes);
  });
}

INSTANTIATE_TEST_SUITE_P(Seeds, MemoryPropertyTest, ::testing::Range(1, 4));

// Where nothing is sharded, the fp32 copies that the optimizer's step makes lie where activations
// lay: the peak is the larger of the two, not their sum.
TEST(MemoryModelTest, CopiesOfTheOptimizersStepLieWhereActivationsLay) {
  FrameworkProfile profile = FindFrameworkProfile("megatron-deepspeed").value();
  Layout layout = {.tensor_parallel_size = 8};
  layout.recompute = Recompute::kFull;
  const StageMemory with = MemoryModel(Llama8B(), profile).Stage(layout, 1, 0);
  profile.step_optimizer_bytes = 0;
  const StageMemory without = MemoryModel(Llama8B(), profile).Stage(layout, 1, 0);
  EXPECT_LT(with.optimizer_bytes, without.optimizer_bytes);
  profile.optimizer_bytes = 12;
  const StageMemory less = MemoryModel(Llama8B(), profile).Stage(layout, 1, 0);
  EXPECT_GE(with.total_bytes(), less.total_bytes());
}

TEST(MemoryModelTest, ShardedOptimizersMakeOneFlatCopyBesideTheActivations) {
  FrameworkProfile profile = FindFrameworkProfile("megatron-deepspeed").value();
  const Layout layout = {.data_parallel_size = 8, .zero_stage = 1};
  const double with = MemoryModel(Llama8B(), profile).Estimate(layout, 1, false).peak_bytes;
  profile.step_optimizer_bytes = 0;
  EXPECT_DOUBLE_EQ(MemoryModel(Llama8B(), profile).Estimate(layout, 1, false).peak_bytes, with);
}

}  // namespace
}  // namespace rhumb
