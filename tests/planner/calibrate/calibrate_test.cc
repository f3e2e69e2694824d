// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/calibrate.h"

#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/calibrate/constant_space.h"
#include "planner/calibrate/left_out.h"
#include "tests/matchers.h"
#include "tests/planner/calibrate/run_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::HopperScaledBy;
using ::rhumb::testing_support::ManyRuns;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::RunOf;
using ::rhumb::testing_support::StatusIs;

TimeConstants SlowHopper() {
  TimeConstants truth = TimeConstantsOf("hopper");
  truth.gemm_16bit_fraction *= 0.9;
  truth.cudnn_attention_fraction *= 0.8;
  return truth;
}

TEST(CalibrateTest, ManyRunsGiveBackTheConstantsThatMadeThem) {
  const TimeConstants truth = SlowHopper();
  const Calibration calibration = Calibrate({ManyRuns(truth)}, {}).value();
  ASSERT_EQ(calibration.families.size(), 1u);
  const FamilyCalibration& hopper = calibration.families[0];
  EXPECT_LT(hopper.error, 0.01);
  EXPECT_LT(hopper.error, hopper.default_error / 5);
  EXPECT_THAT(hopper.constants.gemm_16bit_fraction,
              RelativelyNear(truth.gemm_16bit_fraction, 0.03));
  EXPECT_THAT(hopper.constants.cudnn_attention_fraction,
              RelativelyNear(truth.cudnn_attention_fraction, 0.06));
  EXPECT_EQ(hopper.run_count, 48);
  EXPECT_TRUE(hopper.complete);
}

TEST(CalibrateTest, RunsThatTheDefaultsPredictChangeNothing) {
  const TimeConstants& defaults = TimeConstantsOf("hopper");
  const Calibration calibration = Calibrate({ManyRuns(defaults)}, {}).value();
  EXPECT_THAT(calibration.families[0].constants.gemm_16bit_fraction,
              RelativelyNear(defaults.gemm_16bit_fraction, 1e-9));
}

// A run of twice the time says little about which constant is to blame, and may be an accident.
TEST(CalibrateTest, OneRunMovesTheConstantsPartOfTheWay) {
  MeasuredRun run = RunOf(TimeConstantsOf("hopper"), 4096, 1, 1);
  const double predicted = *run.step_seconds;
  run.step_seconds = 2 * predicted;
  const Calibration calibration = Calibrate({{.name = "one", .runs = {run}}}, {}).value();
  const double after = PredictRun(run, calibration.families[0].constants).step_seconds;
  EXPECT_GT(after, 1.02 * predicted);
  EXPECT_LT(after, 1.6 * predicted);
}

// Dense models in 16 bit: nothing says how fast experts and fp8 are beyond what all rates share.
TEST(CalibrateTest, RatesThatNoRunDependsOnMoveAlike) {
  const TimeConstants& defaults = TimeConstantsOf("hopper");
  const std::vector<RunGroup> groups = {ManyRuns(HopperScaledBy(0.8))};
  const TimeConstants constants = Calibrate(groups, {}).value().families[0].constants;
  EXPECT_THAT(UnseenConstants(groups, constants),
              ::testing::UnorderedElementsAre("gemm_8bit_fraction", "flash_attention_fraction",
                                              "network_fraction", "expert_gemm_fraction"));
  const double shared = constants.gemm_8bit_fraction / defaults.gemm_8bit_fraction;
  EXPECT_LT(shared, 0.9);
  EXPECT_NEAR(constants.expert_gemm_fraction / defaults.expert_gemm_fraction, shared, 0.02);
}

// Half as fast is eleven spreads away. The defaults weigh as three runs, not more the farther off.
TEST(CalibrateTest, ManyRunsOfAMachineFarFromTheDefaultsAreFollowed) {
  const Calibration calibration = Calibrate({ManyRuns(HopperScaledBy(0.5))}, {}).value();
  EXPECT_GT(calibration.families[0].default_error, 0.5);
  EXPECT_LT(calibration.families[0].error, 0.03);
}

TEST(CalibrateTest, FamiliesWithoutRunsKeepTheirDefaults) {
  const CalibrationOptions options;
  const Calibration calibration = Calibrate({ManyRuns(SlowHopper())}, options).value();
  EXPECT_EQ(&ConstantsOf(calibration, options, "ampere"), &TimeConstantsOf("ampere"));
  EXPECT_EQ(&ConstantsOf(calibration, options, "hopper"), &calibration.families[0].constants);
}

TEST(CalibrateTest, SourceSaysFromHowManyRuns) {
  const Calibration calibration = Calibrate({ManyRuns(SlowHopper())}, {}).value();
  EXPECT_EQ(calibration.families[0].constants.source, "calibrated from 48 runs of 1 tables");
}

TEST(CalibrateTest, TablesWithoutMeasuredStepsAreRefused) {
  MeasuredRun run = RunOf(TimeConstantsOf("hopper"), 4096, 1, 1);
  run.step_seconds.reset();
  EXPECT_THAT(Calibrate({{.name = "none", .runs = {run}}}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "no run has a measured step"));
}

TEST(CalibrateTest, StopsWhenAskedTo) {
  CalibrationOptions options;
  options.should_stop = [] { return true; };
  const Calibration calibration = Calibrate({ManyRuns(SlowHopper())}, options).value();
  EXPECT_FALSE(calibration.families[0].complete);
  EXPECT_DOUBLE_EQ(calibration.families[0].error, calibration.families[0].default_error);
}

TEST(ConstantSpaceTest, PointsOutsideTheBoundsAreMovedToThem) {
  const TimeConstants& hopper = TimeConstantsOf("hopper");
  const std::vector<ConstantAxis> axes = AxesOf(hopper);
  std::vector<double> point = PointOf(axes, hopper);
  for (double& coordinate : point) coordinate += 100;
  const TimeConstants constants = ConstantsAt(axes, point, hopper);
  EXPECT_EQ(constants.gemm_16bit_fraction, 1);
  EXPECT_EQ(constants.memory_fraction, 1);
}

TEST(ConstantSpaceTest, FormatsThatTheFamilyLacksHaveNoAxis) {
  for (const ConstantAxis& axis : AxesOf(TimeConstantsOf("ampere"))) {
    EXPECT_NE(std::string(axis.name), "gemm_8bit_fraction");
  }
}

TEST(ConstantSpaceTest, ProcessorsMayFillSmallerTilesThanAnyGpu) {
  const TimeConstants& cpu = TimeConstantsOf("cpu");
  ASSERT_EQ(cpu.family, "cpu");
  for (const ConstantAxis& axis : AxesOf(cpu)) {
    EXPECT_GT(cpu.*axis.member, axis.least) << axis.name;
    EXPECT_LE(cpu.*axis.member, axis.most) << axis.name;
  }
}

TEST(LeftOutTest, EveryJudgedTableWasNotFittedOn) {
  std::vector<RunGroup> groups;
  for (const char* name : {"a", "b", "c"}) {
    groups.push_back(ManyRuns(SlowHopper()));
    groups.back().name = name;
  }
  LeftOutOptions options;
  options.split_count = 2;
  options.max_fitted_rows = 12;
  const LeftOutErrors errors = JudgeOnLeftOutTables(groups, options).value();
  EXPECT_EQ(errors.by_split.size(), 2u);
  EXPECT_LT(errors.mean_abs, 0.02);
  EXPECT_EQ(Pooled(errors.tables).time.size(), 2u * 48);
}

TEST(LeftOutTest, TwoTablesAreTooFew) {
  EXPECT_THAT(JudgeOnLeftOutTables({ManyRuns(SlowHopper()), ManyRuns(SlowHopper())}, {}),
              StatusIs(absl::StatusCode::kInvalidArgument, "at least three tables"));
}

TEST(LeftOutTest, AFewRunsImproveTheRestOfATable) {
  TimeConstants truth = TimeConstantsOf("hopper");
  for (const ConstantAxis& axis : AxesOf(truth)) {
    if (axis.is_rate) truth.*axis.member *= 0.9;
  }
  LeftOutOptions options;
  options.split_count = 2;
  const LeftOutErrors errors = JudgeAfterFewRuns({ManyRuns(truth)}, 3, 8, options).value();
  EXPECT_EQ(Pooled(errors.tables).time.size(), 2u * 45);
  EXPECT_LT(errors.mean_abs, 0.08);
}

}  // namespace
}  // namespace rhumb
