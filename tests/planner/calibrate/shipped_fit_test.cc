// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/shipped_fit.h"

#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/calibrate/left_out.h"
#include "planner/cost/gpu_catalog.h"
#include "tests/matchers.h"
#include "tests/planner/cost/cost_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

size_t AxisOf(absl::string_view owner, absl::string_view name) {
  const std::vector<ShippedAxis>& axes = ShippedAxes();
  size_t i = 0;
  while (i < axes.size() && (axes[i].owner != owner || axes[i].name != name)) ++i;
  EXPECT_LT(i, axes.size()) << owner << " " << name;
  return i;
}

// Llama 3.1 8B on one node, measured as `truth` would have it.
RunGroup RunsAt(const std::vector<double>& truth, const char* gpu, const char* framework) {
  RunGroup group = {.name = std::string(gpu) + framework, .runs = {}};
  for (const int64_t sequence_length : {512, 4096, 32768}) {
    for (const int64_t tensor_ranks : {1, 2, 8}) {
      for (const int64_t micro_batch : {1, 4}) {
        MeasuredRun run;
        run.shape = testing_support::Llama8B();
        run.shape.sequence_length = sequence_length;
        run.gpu = FindGpu(gpu).value();
        run.profile = FindFrameworkProfile(framework).value();
        run.layout.tensor_parallel_size = tensor_ranks;
        run.layout.data_parallel_size = 8 / tensor_ranks;
        run.layout.zero_stage = 1;
        run.layout.micro_batch_size = micro_batch;
        run.global_batch_size = 64;
        run.step_seconds = PredictRunAt(truth, run).step_seconds;
        group.runs.push_back(run);
      }
    }
  }
  return group;
}

std::vector<double> Planted() {
  std::vector<double> truth = ShippedValues();
  truth[AxisOf("hopper", "gemm_16bit_fraction")] *= 0.9;
  truth[AxisOf("ampere", "memory_fraction")] *= 0.8;
  truth[AxisOf("megatron", "layer_launch_seconds")] *= 2;
  truth[AxisOf("work", "backward_launch_ratio")] *= 1.2;
  return truth;
}

std::vector<RunGroup> PlantedTables() {
  const std::vector<double> truth = Planted();
  return {RunsAt(truth, "H100-SXM5-80GB", "megatron"), RunsAt(truth, "A100-SXM4-80GB", "megatron"),
          RunsAt(truth, "A100-SXM4-80GB", "fsdp")};
}

ShippedFitOptions WeakPull() {
  ShippedFitOptions options;
  options.pull = 1e-8;
  options.max_iteration_count = 1000;
  return options;
}

TEST(ShippedFitTest, RunsGiveBackTheConstantsThatMadeThem) {
  const std::vector<double> truth = Planted();
  const ShippedFit fit = FitShippedConstants(PlantedTables(), WeakPull()).value();
  EXPECT_LT(fit.error, 1e-3);
  for (const auto& [owner, name] :
       {std::pair("hopper", "gemm_16bit_fraction"), std::pair("ampere", "memory_fraction"),
        std::pair("megatron", "layer_launch_seconds")}) {
    const size_t axis = AxisOf(owner, name);
    EXPECT_THAT(fit.values[axis], RelativelyNear(truth[axis], 0.05)) << owner << " " << name;
  }
}

TEST(ShippedFitTest, ConstantsThatNoRunDependsOnFollowWhatFamiliesHaveInCommon) {
  const ShippedFit fit = FitShippedConstants(PlantedTables(), {}).value();
  const size_t blackwell = AxisOf("blackwell", "memory_fraction");
  EXPECT_EQ(fit.run_counts[blackwell], 0);
  EXPECT_NEAR(fit.data_shares[blackwell], 0, 1e-12);
  EXPECT_THAT(fit.values[blackwell],
              RelativelyNear(fit.values[AxisOf("generic", "memory_fraction")], 1e-6));
  const size_t expert = AxisOf("work", "all_to_all_exposed");
  EXPECT_THAT(fit.values[expert], RelativelyNear(ShippedAxes()[expert].centre, 1e-6));
}

TEST(ShippedFitTest, AStrongPullLeavesWhatWasBelieved) {
  ShippedFitOptions options;
  options.pull = 1e6;
  const ShippedFit fit = FitShippedConstants(PlantedTables(), options).value();
  const size_t axis = AxisOf("megatron", "layer_launch_seconds");
  EXPECT_THAT(fit.values[axis], RelativelyNear(ShippedAxes()[axis].centre, 1e-3));
}

TEST(ShippedFitTest, IsTheSameWhateverTheOrderOfTables) {
  std::vector<RunGroup> tables = PlantedTables();
  const ShippedFit fit = FitShippedConstants(tables, {}).value();
  std::swap(tables.front(), tables.back());
  const ShippedFit swapped = FitShippedConstants(tables, {}).value();
  ASSERT_TRUE(fit.complete);
  for (size_t i = 0; i < fit.values.size(); ++i) {
    EXPECT_THAT(swapped.values[i], RelativelyNear(fit.values[i], 1e-6)) << ShippedAxes()[i].name;
  }
}

TEST(ShippedFitTest, TablesWithoutMeasuredStepsAreRefused) {
  EXPECT_THAT(FitShippedConstants({}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "no run has a measured step"));
}

TEST(ShippedAxesTest, WhatIsShippedLiesWithinTheBounds) {
  const std::vector<double> shipped = ShippedValues();
  const std::vector<ShippedAxis>& axes = ShippedAxes();
  for (size_t i = 0; i < axes.size(); ++i) {
    EXPECT_GE(shipped[i], axes[i].least * (1 - 1e-9)) << axes[i].owner << " " << axes[i].name;
    EXPECT_LE(shipped[i], axes[i].most * (1 + 1e-9)) << axes[i].owner << " " << axes[i].name;
    EXPECT_FALSE(axes[i].reason.empty()) << axes[i].name;
  }
}

TEST(ShippedAxesTest, EveryConstantOfProfilesHasOneAxisForEachProfile) {
  std::vector<std::string> known;
  for (const FrameworkProfile& profile : FrameworkProfiles()) known.push_back(profile.name);
  std::map<std::string, std::vector<std::string>> listed;
  for (const ShippedAxis& axis : ShippedAxes()) {
    std::vector<std::string>& profiles = listed[axis.of_profile != nullptr ? axis.name : ""];
    profiles.insert(profiles.end(), axis.profiles.begin(), axis.profiles.end());
  }
  // Axes of families and of the models have no profiles; only DeepSpeed's gathers reach less than
  // all NICs.
  EXPECT_THAT(listed.extract("").mapped(), ::testing::IsEmpty());
  EXPECT_THAT(listed.extract("gather_network_fraction").mapped(),
              ::testing::ElementsAre("deepspeed"));
  ASSERT_EQ(listed.size(), 4u);
  for (const auto& [name, profiles] : listed) {
    EXPECT_THAT(profiles, ::testing::UnorderedElementsAreArray(known)) << name;
  }
}

TEST(ShippedAxesTest, EveryProfileIsAtItsShippedValues) {
  for (const FrameworkProfile& profile : FrameworkProfiles()) {
    EXPECT_EQ(ProfileAt(ShippedValues(), profile), profile) << profile.name;
  }
}

TEST(LeftOutTest, EachRunIsJudgedOnceWhenTablesAreLeftOutOneByOne) {
  LeftOutOptions options;
  options.max_fitted_rows = 12;
  const LeftOutErrors errors = JudgeOnEachLeftOutTable(PlantedTables(), options).value();
  for (const TableAccuracy& table : errors.tables) EXPECT_EQ(table.time.size(), 18u);
  const std::vector<FamilyError> families = TimeErrorsOf(errors);
  ASSERT_EQ(families.size(), 2u);
  EXPECT_EQ(families[0].family, "ampere");
  EXPECT_EQ(families[0].error.row_count, 36);
  EXPECT_EQ(families[0].error.table_count, 2);
  EXPECT_LT(families[0].error.log_quantile_05, families[0].error.log_quantile_95);
}

}  // namespace
}  // namespace rhumb
