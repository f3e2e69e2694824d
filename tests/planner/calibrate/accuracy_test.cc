// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/accuracy.h"

#include "gtest/gtest.h"
#include "planner/cost/time_constants.h"

namespace rhumb {
namespace {

MeasuredRun RunOf(double step_seconds) {
  MeasuredRun run;
  run.row_id = "a";
  run.gpu.family = "hopper";
  run.step_seconds = step_seconds;
  return run;
}

TEST(SummarizeTest, MeansMediansAndWorstAreOfTheSignedFractions) {
  const ErrorSummary summary =
      Summarize({{"a", "", 1, 1.1}, {"b", "", 2, 1.6}, {"c", "", 10, 10.3}});
  EXPECT_EQ(summary.count, 3);
  EXPECT_NEAR(summary.mean_abs, (0.1 + 0.2 + 0.03) / 3, 1e-12);
  EXPECT_NEAR(summary.median_abs, 0.1, 1e-12);
  EXPECT_NEAR(summary.bias, (0.1 - 0.2 + 0.03) / 3, 1e-12);
  EXPECT_EQ(summary.worst.row_id, "b");
}

TEST(SummarizeTest, NoRowsHaveNoError) { EXPECT_EQ(Summarize({}).count, 0); }

TEST(AddRunTest, MeasuredPeakAtTheUpperEstimateIsCovered) {
  MeasuredRun run = RunOf(1);
  run.peak_bytes = 11;
  TableAccuracy table;
  AddRun(run, {.step_seconds = 1, .peak_bytes = 10, .p95_bytes = 11, .fits = true}, table);
  EXPECT_EQ(table.memory_under_p95, 1);
}

TEST(AddRunTest, RunOutOfMemoryThatIsPredictedNotToFitIsCaught) {
  MeasuredRun run;
  run.out_of_memory = true;
  TableAccuracy table;
  AddRun(run, {.fits = false}, table);
  EXPECT_EQ(table.out_of_memory_caught, 1);
  EXPECT_EQ(table.ran_count, 0);
}

TEST(AddRunTest, RunThatRanAndIsPredictedNotToFitIsCountedAgainstThePrediction) {
  TableAccuracy table;
  AddRun(RunOf(1), {.step_seconds = 1, .fits = false}, table);
  EXPECT_EQ(table.ran_called_unfit, 1);
}

TEST(AddRunTest, StepAtTheBiasOfItsFamilyIsInsideTheInterval) {
  TableAccuracy table;
  AddRun(RunOf(1), {.step_seconds = 1, .fits = true}, table);
  AddRun(RunOf(1), {.step_seconds = 2, .fits = true}, table);
  EXPECT_EQ(table.time_in_interval, 1);
}

TEST(PooledTest, EveryRowWeighsTheSame) {
  TableAccuracy one, two;
  AddRun(RunOf(1), {.step_seconds = 1, .fits = true}, one);
  AddRun(RunOf(1), {.step_seconds = 1.5, .fits = true}, two);
  AddRun(RunOf(1), {.step_seconds = 1.5, .fits = true}, two);
  AddUnexpressed("c", "no formula", two);
  const TableAccuracy all = Pooled({one, two});
  EXPECT_NEAR(Summarize(all.time).mean_abs, 1.0 / 3, 1e-12);
  EXPECT_EQ(all.row_count, 4);
  EXPECT_EQ(all.not_expressed.size(), 1u);
}

TEST(MeanOverTablesTest, EveryTableWeighsTheSameAndEmptyOnesDoNotCount) {
  TableAccuracy one, two;
  AddRun(RunOf(1), {.step_seconds = 1, .fits = true}, one);
  AddRun(RunOf(1), {.step_seconds = 1.5, .fits = true}, two);
  AddRun(RunOf(1), {.step_seconds = 1.5, .fits = true}, two);
  EXPECT_NEAR(MeanOverTables({one, two, {}}, &TableAccuracy::time), 0.25, 1e-12);
}

}  // namespace
}  // namespace rhumb
