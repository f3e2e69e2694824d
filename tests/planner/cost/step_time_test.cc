// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/step_time.h"

#include <algorithm>
#include <cstdint>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/cost/rank_params.h"
#include "tests/matchers.h"
#include "tests/planner/cost/cost_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::Gpt175B;
using ::rhumb::testing_support::Llama8B;
using ::rhumb::testing_support::MixtureWithDenseLayers;
using ::rhumb::testing_support::RandomLayout;
using ::rhumb::testing_support::RelativelyNear;

StepTimeModel ModelOn(const ModelShape& shape, const char* gpu_id, Fabric fabric = {},
                      const char* framework = "megatron") {
  const Gpu gpu = FindGpu(gpu_id).value();
  return StepTimeModel(shape, gpu, fabric, FindFrameworkProfile(framework).value(),
                       TimeConstantsOf(gpu.family));
}

double SecondsOn(const ModelShape& shape, const char* gpu_id, const Layout& layout,
                 Fabric fabric = {}) {
  return ModelOn(shape, gpu_id, fabric).Cost(layout).StepSeconds(16);
}

TEST(StepTimeTest, OneGpuSpendsNothingOnCommunication) {
  const StepTimeBreakdown parts = ModelOn(Llama8B(), "H100-SXM").Explain({}, 4);
  EXPECT_EQ(parts.tensor_parallel_seconds, 0);
  EXPECT_EQ(parts.data_parallel_seconds, 0);
  EXPECT_EQ(parts.context_parallel_seconds, 0);
  EXPECT_EQ(parts.expert_parallel_seconds, 0);
  EXPECT_EQ(parts.pipeline_communication_seconds, 0);
  EXPECT_EQ(parts.pipeline_bubble_seconds, 0);
}

// Narayanan et al. 2021, arXiv:2104.04473, section 2.2.2: interleaving v chunks divides the bubble
// by v.
TEST(StepTimeTest, InterleavingDividesTheBubble) {
  const StepTimeModel model = ModelOn(Gpt175B(), "A100-80G");
  const Layout plain = {.tensor_parallel_size = 8, .pipeline_parallel_size = 8};
  Layout interleaved = plain;
  interleaved.virtual_pipeline_stages = 4;
  EXPECT_THAT(model.Explain(interleaved, 16).pipeline_bubble_seconds,
              RelativelyNear(model.Explain(plain, 16).pipeline_bubble_seconds / 4, 1e-12));
}

// The same, section 2.2.1: the bubble is (p - 1) micro-batches of a stage. The head makes the last
// stage longer, which fills less than (p - 1) times the slowest one.
TEST(StepTimeTest, BubbleIsAtMostTheOtherStagesOfOneMicroBatch) {
  const StepTimeBreakdown parts =
      ModelOn(Gpt175B(), "A100-80G")
          .Explain({.tensor_parallel_size = 8, .pipeline_parallel_size = 8}, 1);
  const double stage = parts.compute_seconds + parts.tensor_parallel_seconds + parts.other_seconds;
  EXPECT_LT(parts.pipeline_bubble_seconds, 7 * stage);
  EXPECT_GT(parts.pipeline_bubble_seconds, 6 * stage);
}

TEST(StepTimeTest, FullRecomputeRepeatsAboutOneForwardPass) {
  const StepTimeModel model = ModelOn(Gpt175B(), "A100-80G");
  Layout layout = {.tensor_parallel_size = 8, .pipeline_parallel_size = 8};
  const double kept = model.Explain(layout, 1).compute_seconds;
  layout.recompute = Recompute::kFull;
  // Forward is a third of forward and backward, a little less with flash attention; the head is not
  // repeated.
  EXPECT_THAT(model.Explain(layout, 1).compute_seconds / kept, RelativelyNear(4.0 / 3, 0.04));
}

TEST(StepTimeTest, EightBitGemmsAreFaster) {
  const Layout wide = {.precision = Precision::kBf16};
  const Layout narrow = {.precision = Precision::kFp8};
  EXPECT_LT(SecondsOn(Llama8B(), "H100-SXM", narrow), 0.8 * SecondsOn(Llama8B(), "H100-SXM", wide));
}

TEST(StepTimeTest, BoardWithLessPowerIsSlower) {
  EXPECT_GT(SecondsOn(Gpt175B(), "H100-SXM-96GB", {}),
            1.05 * SecondsOn(Gpt175B(), "H100-SXM5-80GB", {}));
}

TEST(StepTimeTest, TensorParallelismAcrossNodesIsSlowerThanInsideARack) {
  const Layout layout = {.tensor_parallel_size = 16};
  const double across =
      ModelOn(Gpt175B(), "B200", {.gpus_per_node = 8}).Explain(layout, 1).tensor_parallel_seconds;
  const double inside =
      ModelOn(Gpt175B(), "GB200", {.gpus_per_node = 4}).Explain(layout, 1).tensor_parallel_seconds;
  EXPECT_GT(across, 1.5 * inside);
}

// Of 16 context ranks, 8 GPUs apart, 9 lie in a rack of 72: their NICs carry the ring together, as
// one of nine times the speed would where each rank is a domain of its own.
TEST(StepTimeTest, RingsAcrossRacksHaveTheNicsOfTheRanksInOneRack) {
  const Layout layout = {.tensor_parallel_size = 8, .context_parallel_size = 16};
  const double nic = 1e9;
  Gpu gpu = FindGpu("GB200").value();
  const FrameworkProfile profile = FindFrameworkProfile("megatron").value();
  const TimeConstants& constants = TimeConstantsOf(gpu.family);
  const double racks = StepTimeModel(Gpt175B(), gpu, {4, nic}, profile, constants)
                           .Explain(layout, 1)
                           .context_parallel_seconds;
  gpu.gpus_per_scale_up_domain = 8;
  const double servers = StepTimeModel(Gpt175B(), gpu, {8, 9 * nic}, profile, constants)
                             .Explain(layout, 1)
                             .context_parallel_seconds;
  EXPECT_GT(racks, 0);
  EXPECT_THAT(racks, RelativelyNear(servers, 1e-12));
}

TEST(StepTimeTest, NodesInsideARackChangeNothing) {
  std::mt19937 random(11);
  for (const ModelShape& shape : {Gpt175B(), MixtureWithDenseLayers()}) {
    for (int i = 0; i < 200; ++i) {
      const Layout layout = RandomLayout(shape, random);
      ASSERT_EQ(SecondsOn(shape, "GB200", layout, {4, 50e9}),
                SecondsOn(shape, "GB200", layout, {18, 50e9}));
    }
  }
}

TEST(StepTimeTest, FasterNetworkIsNeverSlower) {
  std::mt19937 random(7);
  for (const ModelShape& shape : {Gpt175B(), MixtureWithDenseLayers()}) {
    for (int i = 0; i < 200; ++i) {
      const Layout layout = RandomLayout(shape, random);
      ASSERT_LE(SecondsOn(shape, "H100-SXM", layout, {8, 50e9}),
                SecondsOn(shape, "H100-SXM", layout, {8, 25e9}));
    }
  }
}

// BigScience measured it: heads of 150 made steps about 30% longer than heads of 144 or 224
// (chronicles of the 176B run).
TEST(StepTimeTest, HeadsThatAreNoMultipleOfEightLeaveTheTensorCores) {
  ModelShape aligned = Gpt175B();
  aligned.num_attention_heads = aligned.num_key_value_heads = 96;
  aligned.hidden_size = 13824;
  aligned.head_dim = 144;
  ModelShape misaligned = aligned;
  misaligned.head_dim = 150;
  const Layout layout = {
      .tensor_parallel_size = 8, .recompute = Recompute::kFull, .precision = Precision::kFp16};
  const double ratio =
      ModelOn(misaligned, "A100-80G", {}, "megatron-deepspeed").Explain(layout, 1).step_seconds() /
      ModelOn(aligned, "A100-80G", {}, "megatron-deepspeed").Explain(layout, 1).step_seconds();
  EXPECT_GT(ratio, 1.2);
  EXPECT_LT(ratio, 1.6);
}

TEST(StepTimeTest, SmallLayersWaitForTheHost) {
  ModelShape tiny = Llama8B();
  tiny.hidden_size = 512;
  tiny.num_attention_heads = 4;
  tiny.num_key_value_heads = 4;
  tiny.ffn_hidden_size = 1024;
  tiny.sequence_length = 512;
  const StepTimeBreakdown parts = ModelOn(tiny, "H100-SXM").Explain({}, 1);
  EXPECT_GT(parts.other_seconds, parts.compute_seconds);
}

// Rajbhandari et al. 2020, arXiv:1910.02054, section 7: ZeRO-3 moves one and a half times the bytes
// of plain data parallelism, every micro-batch, so that accumulation makes it dearer.
TEST(StepTimeTest, ZeroThreePaysForItsGathersEveryMicroBatch) {
  const StepTimeModel model = ModelOn(Gpt175B(), "A100-80G", {8, 12.5e9}, "fsdp");
  const Layout sharded = {.data_parallel_size = 512, .zero_stage = 3};
  const double one = model.Explain(sharded, 1).data_parallel_seconds;
  EXPECT_GT(one, 0);
  EXPECT_THAT(model.Explain(sharded, 8).data_parallel_seconds, RelativelyNear(8 * one, 1e-9));
}

TEST(StepTimeTest, TokensToRemoteDomainsTravelOnceADomain) {
  // Sixteen expert ranks are two nodes: a token needs the other node once, however many of its
  // experts are there.
  ModelShape shape = MixtureWithDenseLayers();
  const Layout layout = {.expert_parallel_size = 16, .data_parallel_size = 16};
  const double few = ModelOn(shape, "H100-SXM").Explain(layout, 1).expert_parallel_seconds;
  shape.experts_per_token = 10;
  const double many = ModelOn(shape, "H100-SXM").Explain(layout, 1).expert_parallel_seconds;
  EXPECT_LT(many, 1.1 * few);
}

// Narayanan et al. 2021, arXiv:2104.04473, section 4.1: between nodes each tensor rank sends its
// slice.
TEST(StepTimeTest, ScatteringSendsBetweenStagesSavesMostOfThem) {
  const Layout layout = {
      .tensor_parallel_size = 8, .pipeline_parallel_size = 8, .sequence_parallel = false};
  const Gpu gpu = FindGpu("A100-80G").value();
  FrameworkProfile profile = FindFrameworkProfile("megatron-lm").value();
  const TimeConstants& constants = TimeConstantsOf(gpu.family);
  const double scattered = StepTimeModel(Gpt175B(), gpu, {}, profile, constants)
                               .Explain(layout, 64)
                               .pipeline_communication_seconds;
  profile.scatters_pipeline_sends = false;
  const double whole = StepTimeModel(Gpt175B(), gpu, {}, profile, constants)
                           .Explain(layout, 64)
                           .pipeline_communication_seconds;
  EXPECT_LT(scattered, whole / 3);
  EXPECT_GT(scattered, whole / 8);
}

// Kernels that lose less on narrow experts change nothing for dense models.
TEST(StepTimeTest, WidthAtHalfRateIsOfExpertsOnly) {
  const Layout layout = {.data_parallel_size = 8};
  const auto seconds = [&](const ModelShape& shape, const char* framework) {
    return ModelOn(shape, "B200", {}, framework).Cost(layout).StepSeconds(4);
  };
  EXPECT_EQ(seconds(Llama8B(), "megatron-26.06"), seconds(Llama8B(), "megatron"));
  EXPECT_LT(seconds(MixtureWithDenseLayers(), "megatron-26.06"),
            seconds(MixtureWithDenseLayers(), "megatron"));
}

// Parameters of a rank, times what a dense one and a routed expert's count for, on the stage where
// that is most.
double MostOnAStage(const ModelShape& shape, const Layout& layout, double dense, double expert) {
  const RankParamParts parts = RankParamPartsOf(shape, CountParams(shape), layout);
  const int64_t dense_layers = shape.num_layers - (shape.is_moe() ? shape.num_moe_layers : 0);
  const int64_t p = layout.pipeline_parallel_size;
  double most = 0;
  for (int64_t stage = 0; stage < p; ++stage) {
    const StageLayers layers = StageLayersOf(shape.num_layers, dense_layers, p, stage);
    const RankParams params = parts.OnStage(layers, p, stage);
    most = std::max(most, dense * params.dense + expert * params.expert);
  }
  return most;
}

TEST(StepTimePropertyTest, OptimizerIsThatOfTheStageWithMostParameters) {
  const Gpu gpu = FindGpu("H100-SXM").value();
  const double memory = gpu.memory_bytes_per_second * TimeConstantsOf(gpu.family).memory_fraction;
  std::mt19937 random(3);
  for (const ModelShape& shape : {Gpt175B(), Llama8B(), MixtureWithDenseLayers()}) {
    const StepTimeModel model = ModelOn(shape, "H100-SXM");
    for (int i = 0; i < 300; ++i) {
      Layout layout = RandomLayout(shape, random);
      layout.zero_stage = 0;
      ASSERT_THAT(model.Explain(layout, 8).optimizer_seconds,
                  RelativelyNear(34 * MostOnAStage(shape, layout, 1, 1) / memory, 1e-12));
    }
  }
}

// All inside one domain, where the ring of every parameter has the same links; nothing is hidden.
TEST(StepTimePropertyTest, GradientExchangeIsThatOfTheStageWithMostParameters) {
  const Gpu gpu = FindGpu("GB200").value();
  const TimeConstants& constants = TimeConstantsOf(gpu.family);
  const FrameworkProfile profile = FindFrameworkProfile("megatron-lm").value();
  const double link = constants.scale_up_fraction * gpu.scale_up_bytes_per_second;
  const double start =
      profile.work.collective_base_seconds + profile.work.collective_seconds_per_doubling;
  for (const ModelShape& shape : {Gpt175B(), Llama8B(), MixtureWithDenseLayers()}) {
    const StepTimeModel model(shape, gpu, {4, 0}, profile, constants);
    for (const int64_t p : {1, 2, 3, 4, 5, 7, 8, 9, 11, 13, 16}) {
      const Layout layout = {.pipeline_parallel_size = p, .data_parallel_size = 2};
      // An all-reduce of 4-byte gradients among two: each passes them once.
      ASSERT_THAT(model.Explain(layout, 8).data_parallel_seconds,
                  RelativelyNear(4 * MostOnAStage(shape, layout, 1, 1) / link + start, 1e-12))
          << "p = " << p;
    }
  }
}

}  // namespace
}  // namespace rhumb
