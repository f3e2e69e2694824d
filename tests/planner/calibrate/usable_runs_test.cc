// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/usable_runs.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/calibrate/constant_space.h"
#include "tests/matchers.h"
#include "tests/planner/calibrate/run_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_support::HopperScaledBy;
using testing_support::ManyRuns;
using testing_support::RunOf;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(UsableRunsTest, MeasuredStepIsUsable) {
  const MeasuredRun run = RunOf(HopperScaledBy(0.5), 4096, 1, 1);
  EXPECT_THAT(WhyUnusable(run, PredictRun(run).step_seconds), IsEmpty());
}

TEST(UsableRunsTest, RunsWithoutAStepSayWhy) {
  MeasuredRun run = RunOf(HopperScaledBy(1), 4096, 1, 1);
  run.step_seconds.reset();
  EXPECT_EQ(WhyUnusable(run, 1), "no measured step");
  run.out_of_memory = true;
  EXPECT_EQ(WhyUnusable(run, 1), "ran out of memory: no step was measured");
}

TEST(UsableRunsTest, MillisecondsAreNoSlowMachine) {
  MeasuredRun run = RunOf(HopperScaledBy(1), 4096, 1, 1);
  const double predicted = *run.step_seconds;
  *run.step_seconds *= 1000;
  EXPECT_THAT(WhyUnusable(run, predicted), HasSubstr("a unit or a column is wrong"));
  *run.step_seconds *= 1e-6;
  EXPECT_THAT(WhyUnusable(run, predicted), HasSubstr("a unit or a column is wrong"));
}

TEST(UsableRunsTest, ConstantsThatExplainTheirRunsPass) {
  const std::vector<RunGroup> groups = {ManyRuns(HopperScaledBy(0.8))};
  EXPECT_THAT(CheckFits(Calibrate(groups, {}).value().families[0], groups), IsOk());
}

TEST(UsableRunsTest, RowsThatNoConstantsExplainAreNamed) {
  RunGroup noise = ManyRuns(HopperScaledBy(1));
  for (size_t i = 0; i < noise.runs.size(); ++i) {
    *noise.runs[i].step_seconds *= i % 2 == 0 ? 5 : 0.2;
  }
  const std::vector<RunGroup> groups = {noise};
  EXPECT_THAT(CheckFits(Calibrate(groups, {}).value().families[0], groups),
              StatusIs(kInvalid, "no constants of hopper explain these runs"));
}

// Four fifths of the step that a machine at its data sheet takes. Few runs move constants part of
// the way, and are refused like many.
TEST(UsableRunsTest, RunsFasterThanTheDataSheetAreRefused) {
  RunGroup group = ManyRuns(FastestOf(TimeConstantsOf("hopper")));
  for (MeasuredRun& run : group.runs) *run.step_seconds *= 0.8;
  RunGroup few = group;
  few.runs.resize(3);
  for (const RunGroup& runs : {group, few}) {
    EXPECT_THAT(CheckFits(Calibrate({runs}, {}).value().families[0], {runs}),
                StatusIs(kInvalid, "these runs are faster than hopper can be"));
  }
}

TEST(UsableRunsTest, RunsAtTheDataSheetPass) {
  const std::vector<RunGroup> groups = {ManyRuns(FastestOf(TimeConstantsOf("hopper")))};
  EXPECT_THAT(CheckFits(Calibrate(groups, {}).value().families[0], groups), IsOk());
}

TEST(UsableRunsTest, FewRunsOfAVerySlowMachineAreNotCalledContradictory) {
  RunGroup few = ManyRuns(HopperScaledBy(0.4));
  few.runs.resize(3);
  const std::vector<RunGroup> groups = {few};
  EXPECT_THAT(CheckFits(Calibrate(groups, {}).value().families[0], groups),
              StatusIs(kInvalid, "every step longer than predicted"));
}

}  // namespace
}  // namespace rhumb
