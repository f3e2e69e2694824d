// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/fold_errors.h"

#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/calibrate/constant_space.h"
#include "tests/planner/calibrate/run_fixtures.h"

namespace rhumb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing_support::HopperScaledBy;
using testing_support::ManyRuns;
using testing_support::RunOf;

TEST(FoldErrorsTest, EveryRunIsJudgedOnce) {
  const std::vector<FoldErrors> errors = JudgeByFolds({ManyRuns(HopperScaledBy(1))}, {}).value();
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_EQ(errors[0].family, "hopper");
  EXPECT_THAT(errors[0].runs, SizeIs(48));
  EXPECT_EQ(errors[0].table_count, 1);
  EXPECT_TRUE(errors[0].complete);
}

TEST(FoldErrorsTest, TheWidestUnitOfWhichThereAreThreeIsLeftOut) {
  const RunGroup one = ManyRuns(HopperScaledBy(1));
  EXPECT_EQ(JudgeByFolds({one}, {}).value()[0].unit, "runs");
  RunGroup models = one;
  for (size_t i = 0; i < models.runs.size(); ++i) {
    models.runs[i].shape.num_layers += static_cast<int64_t>(i % 3);
  }
  EXPECT_EQ(JudgeByFolds({models}, {}).value()[0].unit, "models");
  RunGroup parts[3];
  for (size_t i = 0; i < one.runs.size(); ++i) parts[i % 3].runs.push_back(one.runs[i]);
  EXPECT_EQ(JudgeByFolds({parts[0], parts[1], parts[2]}, {}).value()[0].unit, "tables");
}

// One run of five is nearly half again as long. Written down twenty times it is still one run of
// which the others know nothing.
TEST(FoldErrorsTest, CopiesOfARowDoNotVouchForIt) {
  RunGroup group = ManyRuns(HopperScaledBy(1));
  group.runs.resize(5);
  *group.runs[0].step_seconds *= 1.4;
  const FoldErrors once = JudgeByFolds({group}, {}).value()[0];
  group.runs.insert(group.runs.end(), 19, group.runs[0]);
  const FoldErrors copied = JudgeByFolds({group}, {}).value()[0];
  EXPECT_EQ(copied.configuration_count, 5);
  EXPECT_THAT(copied.runs, SizeIs(24));
  EXPECT_NEAR(copied.MeanAbs(), once.MeanAbs(), 1e-12);
  EXPECT_GT(copied.MeanAbs(), 0.05);
  const TimeError& shipped = TimeErrorOf("hopper");
  EXPECT_NEAR(ErrorOfFolds(copied, shipped, 3).log_quantile_95,
              ErrorOfFolds(once, shipped, 3).log_quantile_95, 0.02);
}

TEST(FoldErrorsTest, CopiesOfFewConfigurationsAreFewRuns) {
  RunGroup few = ManyRuns(HopperScaledBy(1));
  few.runs.resize(4);
  few.runs.insert(few.runs.end(), 20, few.runs[0]);
  EXPECT_THAT(JudgeByFolds({few}, {}).value()[0].runs, IsEmpty());
}

// What rows of one configuration scatter by is in the interval, though their mean is fitted.
TEST(FoldErrorsTest, ScatterOfOneConfigurationCounts) {
  RunGroup low = ManyRuns(HopperScaledBy(1)), high = low;
  for (MeasuredRun& run : low.runs) *run.step_seconds /= 1.1;
  for (MeasuredRun& run : high.runs) *run.step_seconds *= 1.1;
  const FoldErrors errors = JudgeByFolds({low, high}, {}).value()[0];
  EXPECT_NEAR(errors.MeanAbs(), std::log(1.1), 0.01);
  EXPECT_EQ(errors.configuration_count, 48);
}

TEST(FoldErrorsTest, FewRunsAreNotLeftOut) {
  RunGroup few = ManyRuns(HopperScaledBy(1));
  few.runs.resize(4);
  const std::vector<FoldErrors> errors = JudgeByFolds({few}, {}).value();
  ASSERT_THAT(errors, SizeIs(1));
  EXPECT_THAT(errors[0].runs, IsEmpty());
  EXPECT_EQ(errors[0].MeanAbs(), 0);
}

// Noise that no constant explains: what the fit itself says is too good.
TEST(FoldErrorsTest, LeftOutErrorIsAboveTheErrorOfTheFit) {
  RunGroup noisy = ManyRuns(HopperScaledBy(0.9));
  noisy.runs.resize(10);
  for (size_t i = 0; i < noisy.runs.size(); ++i) {
    *noisy.runs[i].step_seconds *= i % 2 == 0 ? 1.2 : 0.85;
  }
  const double fitted = Calibrate({noisy}, {}).value().families[0].error;
  EXPECT_GT(JudgeByFolds({noisy}, {}).value()[0].MeanAbs(), fitted);
}

TEST(FoldErrorsTest, TablesWeighTheSameWhateverTheirLength) {
  RunGroup shorter = ManyRuns(HopperScaledBy(1));
  shorter.runs.resize(8);
  for (MeasuredRun& run : shorter.runs) run.global_batch_size = 128;
  const FoldErrors errors = JudgeByFolds({ManyRuns(HopperScaledBy(1)), shorter}, {}).value()[0];
  double weight = 0, least = 1e9, most = 0;
  for (const LeftOutRun& run : errors.runs) {
    weight += run.weight;
    least = std::min(least, run.weight);
    most = std::max(most, run.weight);
  }
  EXPECT_NEAR(weight, 56, 1e-9);
  EXPECT_NEAR(most / least, 6, 1e-9);
}

TEST(FoldErrorsTest, StoppingSaysThatItIsNotComplete) {
  FoldOptions options;
  options.calibration.should_stop = [] { return true; };
  EXPECT_FALSE(JudgeByFolds({ManyRuns(HopperScaledBy(1))}, options).value()[0].complete);
}

TEST(ErrorOfFoldsTest, WithoutLeftOutRunsTheShippedErrorHolds) {
  const TimeError& shipped = TimeErrorOf("hopper");
  const TimeError error = ErrorOfFolds({}, shipped, 3);
  EXPECT_EQ(error.log_quantile_05, shipped.log_quantile_05);
  EXPECT_EQ(error.log_quantile_95, shipped.log_quantile_95);
  EXPECT_EQ(error.row_count, 0);
  EXPECT_THAT(error.source, HasSubstr("too few runs"));
}

TEST(ErrorOfFoldsTest, ManyLeftOutRunsReplaceTheShippedError) {
  FoldErrors folds = {.family = "hopper", .unit = "runs", .runs = {}, .table_count = 1};
  for (int i = 0; i < 1001; ++i) folds.runs.push_back({-0.01 + 0.00002 * i, 1});
  folds.configuration_count = 1001;
  const TimeError error = ErrorOfFolds(folds, TimeErrorOf("hopper"), 3);
  EXPECT_NEAR(error.log_bias, 0, 2e-4);
  EXPECT_NEAR(error.log_quantile_05, -0.009, 2e-4);
  EXPECT_NEAR(error.log_quantile_95, 0.009, 2e-4);
  EXPECT_NEAR(error.log_sigma, 0.0068, 2e-4);
  EXPECT_EQ(error.row_count, 1001);
}

// A plan whose interval excluded its own wall time would be killed at its time limit.
TEST(ErrorOfFoldsTest, ThePredictionLiesInTheInterval) {
  FoldErrors folds = {.family = "hopper", .unit = "runs", .runs = {}, .table_count = 1};
  folds.runs.assign(200, {-0.3, 1});
  const TimeError faster = ErrorOfFolds(folds, TimeErrorOf("hopper"), 3);
  EXPECT_NEAR(faster.log_quantile_05, -0.3, 1e-9);
  EXPECT_EQ(faster.log_quantile_95, 0);
  EXPECT_NEAR(folds.OneSidedMedian(), -0.3, 1e-9);
  folds.runs.assign(200, {0.3, 1});
  EXPECT_EQ(ErrorOfFolds(folds, TimeErrorOf("hopper"), 3).log_quantile_05, 0);
  folds.runs.insert(folds.runs.end(), 20, {-0.1, 1});
  EXPECT_EQ(folds.OneSidedMedian(), 0);
}

TEST(ErrorOfFoldsTest, FewLeftOutRunsHardlyMoveTheShippedInterval) {
  const TimeError& shipped = TimeErrorOf("hopper");
  FoldErrors folds = {.family = "hopper", .unit = "runs", .runs = {}, .table_count = 1};
  folds.runs.assign(5, {0, 1});
  const TimeError few = ErrorOfFolds(folds, shipped, 3);
  EXPECT_LT(few.log_quantile_05, shipped.log_quantile_05 / 3);
  EXPECT_GT(few.log_quantile_95, shipped.log_quantile_95 / 3);
  folds.runs.assign(100, {0, 1});
  const TimeError many = ErrorOfFolds(folds, shipped, 3);
  EXPECT_GT(many.log_quantile_05, few.log_quantile_05);
  EXPECT_LT(many.log_quantile_95, few.log_quantile_95);
}

TEST(ErrorOfFoldsTest, ShippedErrorAloneComesBack) {
  const TimeError& shipped = TimeErrorOf("ampere");
  FoldErrors folds = {.family = "ampere", .unit = "runs", .runs = {{0, 1e-9}}, .table_count = 1};
  const TimeError error = ErrorOfFolds(folds, shipped, 3);
  EXPECT_NEAR(error.log_quantile_05, shipped.log_quantile_05, 0.01);
  EXPECT_NEAR(error.log_quantile_95, shipped.log_quantile_95, 0.01);
}

}  // namespace
}  // namespace rhumb
