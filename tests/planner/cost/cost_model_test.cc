// SPDX-License-Identifier: Apache-2.0
// Properties that the planner's search relies on, on random layouts.
#include "planner/cost/cost_model.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <random>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/units.h"
#include "tests/matchers.h"
#include "tests/planner/cost/cost_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::Gpt175B;
using ::rhumb::testing_support::Llama8B;
using ::rhumb::testing_support::MixtureWithDenseLayers;
using ::rhumb::testing_support::RandomLayout;
using ::rhumb::testing_support::RelativelyNear;

class CostModelPropertyTest : public ::testing::TestWithParam<const char*> {
 protected:
  template <typename Check>
  void ForRandomLayouts(Check check) {
    std::mt19937 random(20260101);
    const Gpu gpu = FindGpu("H100-SXM").value();
    for (const ModelShape& shape : {Gpt175B(), Llama8B(), MixtureWithDenseLayers()}) {
      const CostModel model(shape, gpu, {8, 50e9}, FindFrameworkProfile(GetParam()).value());
      for (int i = 0; i < 400; ++i) check(shape, model, RandomLayout(shape, random), random);
    }
  }
};

TEST_P(CostModelPropertyTest, BreakdownSumsToTheStep) {
  ForRandomLayouts(
      [](const ModelShape&, const CostModel& model, const Layout& layout, std::mt19937&) {
        const int64_t m = 4 * layout.pipeline_parallel_size;
        ASSERT_THAT(model.Explain(layout, m).step_seconds(),
                    RelativelyNear(model.Step(layout).StepSeconds(m), 1e-9));
      });
}

TEST_P(CostModelPropertyTest, PartsOfAStepAreNeverNegative) {
  ForRandomLayouts(
      [](const ModelShape&, const CostModel& model, const Layout& layout, std::mt19937&) {
        const StepTimeBreakdown parts = model.Explain(layout, layout.pipeline_parallel_size);
        ASSERT_GT(parts.compute_seconds, 0);
        for (const double part : {parts.tensor_parallel_seconds, parts.context_parallel_seconds,
                                  parts.expert_parallel_seconds, parts.pipeline_bubble_seconds,
                                  parts.pipeline_communication_seconds, parts.data_parallel_seconds,
                                  parts.optimizer_seconds, parts.other_seconds}) {
          ASSERT_GE(part, 0);
        }
      });
}

TEST_P(CostModelPropertyTest, NoLayoutWorksLessOnATokenThanTheLeast) {
  ForRandomLayouts(
      [](const ModelShape& shape, const CostModel& model, const Layout& layout, std::mt19937&) {
        const double group =
            static_cast<double>(layout.tensor_parallel_size * layout.context_parallel_size);
        const double tokens = static_cast<double>(layout.micro_batch_size * shape.sequence_length);
        ASSERT_GE(model.MicroBatchWorkSeconds(layout) * group / tokens,
                  model.LeastGpuSecondsPerToken(layout.precision) * (1 - 1e-9));
      });
}

TEST_P(CostModelPropertyTest, AStepFromSharedPartsIsTheStep) {
  ForRandomLayouts(
      [](const ModelShape&, const CostModel& model, const Layout& layout, std::mt19937&) {
        const StepCost whole = model.Step(layout);
        // Units as a search keeps them: of the slice on as few GPUs as it needs.
        Layout slice = layout;
        slice.pipeline_parallel_size = 1;
        slice.virtual_pipeline_stages = 1;
        slice.data_parallel_size = layout.expert_parallel_size;
        if (!model.SharesUnits(layout)) slice = layout;
        const StepCost parts =
            model.Step(layout, model.Units(slice), model.Stages(layout.pipeline_parallel_size),
                       model.Exchange(layout));
        ASSERT_EQ(parts.per_micro_batch_seconds, whole.per_micro_batch_seconds);
        ASSERT_EQ(parts.fixed_seconds, whole.fixed_seconds);
        const StepCost without_sends = model.StepWithoutSends(
            model.Pace(model.Units(slice), model.Stages(layout.pipeline_parallel_size)),
            model.Exchange(layout), layout.virtual_pipeline_stages);
        ASSERT_LE(without_sends.per_micro_batch_seconds, whole.per_micro_batch_seconds);
        ASSERT_EQ(without_sends.fixed_seconds, whole.fixed_seconds);
      });
}

TEST_P(CostModelPropertyTest, MicroBatchWorkBoundsEveryPipelineOfTheSameWork) {
  ForRandomLayouts([](const ModelShape& shape, const CostModel& model, const Layout& layout,
                      std::mt19937& random) {
    const double work = model.MicroBatchWorkSeconds(layout);
    ASSERT_GT(work, 0);
    // Another layout that shares what the bound depends on and differs in all the rest.
    Layout other = RandomLayout(shape, random);
    other.tensor_parallel_size = layout.tensor_parallel_size;
    other.context_parallel_size = layout.context_parallel_size;
    other.expert_parallel_size = layout.expert_parallel_size;
    other.data_parallel_size = std::max(other.data_parallel_size, layout.data_parallel_size);
    other.micro_batch_size = layout.micro_batch_size;
    other.recompute = layout.recompute;
    other.precision = layout.precision;
    other.sequence_parallel = layout.sequence_parallel;
    ASSERT_GE(model.Step(other).per_micro_batch_seconds,
              work / static_cast<double>(other.pipeline_parallel_size));
  });
}

TEST_P(CostModelPropertyTest, ComputeNeverBeatsTheConstantsEfficiency) {
  const TimeConstants& constants = TimeConstantsOf("hopper");
  ForRandomLayouts([&](const ModelShape& shape, const CostModel& model, const Layout& layout,
                       std::mt19937&) {
    const double tokens = static_cast<double>(layout.micro_batch_size * shape.sequence_length);
    const double ranks = static_cast<double>(
        layout.tensor_parallel_size * layout.pipeline_parallel_size * layout.context_parallel_size);
    const double peak = PeakFlopsPerSecond(FindGpu("H100-SXM").value(), layout.precision).value();
    const double utilisation = model.ModelFlopsPerToken() * tokens /
                               (ranks * peak * model.Explain(layout, 1).compute_seconds);
    const double limit = layout.precision == Precision::kFp8 ? constants.gemm_8bit_fraction
                                                             : constants.gemm_16bit_fraction;
    ASSERT_LT(utilisation, limit);
  });
}

INSTANTIATE_TEST_SUITE_P(Frameworks, CostModelPropertyTest,
                         ::testing::Values("megatron", "megatron-deepspeed", "torchtitan", "fsdp",
                                           "accelerate"));

TEST(CostModelTest, EqualArgumentsGiveEqualAnswers) {
  const Gpu gpu = FindGpu("H200").value();
  const FrameworkProfile profile = FindFrameworkProfile("megatron").value();
  const Layout layout = {
      .tensor_parallel_size = 4, .pipeline_parallel_size = 2, .data_parallel_size = 8};
  const CostModel a(Llama8B(), gpu, {}, profile);
  const CostModel b(Llama8B(), gpu, {}, profile);
  EXPECT_EQ(a.Step(layout).per_micro_batch_seconds, b.Step(layout).per_micro_batch_seconds);
  EXPECT_EQ(a.Memory(layout, 8, false).peak_bytes, b.Memory(layout, 8, false).peak_bytes);
}

TEST(CostModelTest, FabricWithoutANetworkTakesTheTypicalNic) {
  const Gpu gpu = FindGpu("H100-SXM").value();
  const FrameworkProfile profile = FindFrameworkProfile("megatron").value();
  const Layout layout = {.data_parallel_size = 64, .zero_stage = 1};
  const CostModel unknown(Llama8B(), gpu, {.gpus_per_node = 8}, profile);
  const CostModel typical(Llama8B(), gpu, {8, gpu.network_bytes_per_second}, profile);
  EXPECT_EQ(unknown.Step(layout).fixed_seconds, typical.Step(layout).fixed_seconds);
}

TEST(TimeErrorTest, FamiliesWithoutRunsHaveAWiderError) {
  const TimeError& hopper = TimeErrorOf("hopper");
  const TimeError& unmeasured = TimeErrorOf("cdna3");
  EXPECT_GT(hopper.row_count, 0);
  EXPECT_EQ(unmeasured.row_count, 0);
  EXPECT_GT(unmeasured.log_quantile_95 - unmeasured.log_quantile_05,
            hopper.log_quantile_95 - hopper.log_quantile_05);
}

// Families without an achievable rate that is published: what they have in common serves them.
constexpr absl::string_view kGenericFamilies[] = {"ada", "ampere-pcie"};

TEST(TimeConstantsTest, EveryCataloguedFamilyHasConstantsOfItsOwnUnlessListed) {
  for (const Gpu& gpu : GpuCatalog()) {
    const bool is_generic = std::count(std::begin(kGenericFamilies), std::end(kGenericFamilies),
                                       absl::string_view(gpu.family)) > 0;
    const TimeConstants& constants = TimeConstantsOf(gpu.family);
    EXPECT_EQ(constants.family, is_generic ? "generic" : gpu.family) << gpu.id;
    EXPECT_FALSE(constants.source.empty()) << gpu.id;
    EXPECT_EQ(constants.fitted, TimeErrorOf(gpu.family).row_count > 0) << gpu.id;
  }
}

TEST(CostModelTest, WorkspaceOfCublasIsLargerFromHopperOn) {
  const FrameworkProfile profile = FindFrameworkProfile("megatron").value();
  const auto other_bytes = [&](const char* gpu) {
    return CostModel(Llama8B(), FindGpu(gpu).value(), {}, profile)
        .MemoryOfStage({}, 1, 0)
        .other_bytes();
  };
  EXPECT_DOUBLE_EQ(other_bytes("H100-SXM") - other_bytes("A100-80G"), 24 * kMebibyte);
  EXPECT_EQ(other_bytes("B200"), other_bytes("H100-SXM"));
  EXPECT_EQ(other_bytes("MI300X"), other_bytes("A100-80G"));
}

}  // namespace
}  // namespace rhumb
