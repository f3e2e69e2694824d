// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/measured_run.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/units.h"
#include "tests/matchers.h"
#include "tests/planner/cost/cost_fixtures.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::RelativelyNear;
using ::testing::HasSubstr;

// Llama 3.1 8B on one node of H100; tests change single fields.
MeasuredRun KnownRun() {
  MeasuredRun run;
  run.shape = testing_support::Llama8B();
  run.gpu = FindGpu("H100-SXM5-80GB").value();
  run.profile = FindFrameworkProfile("megatron").value();
  run.layout.tensor_parallel_size = 2;
  run.layout.data_parallel_size = 4;
  run.layout.zero_stage = 1;
  run.layout.sequence_parallel = false;
  run.global_batch_size = 32;
  return run;
}

double StepSeconds(const MeasuredRun& run) { return PredictRun(run).step_seconds; }

TEST(PredictRunTest, IsWhatTheCostModelSaysWhereEverythingIsKnown) {
  const MeasuredRun run = KnownRun();
  const CostModel model(run.shape, run.gpu, run.fabric, run.profile);
  const RunPrediction prediction = PredictRun(run);
  EXPECT_DOUBLE_EQ(prediction.step_seconds, model.Step(run.layout).StepSeconds(8));
  EXPECT_DOUBLE_EQ(prediction.peak_bytes, model.Memory(run.layout, 8, false).peak_bytes);
  EXPECT_DOUBLE_EQ(prediction.p95_bytes, model.Memory(run.layout, 8, false).p95_bytes);
}

TEST(PredictRunTest, NothingMeasuredEnters) {
  MeasuredRun run = KnownRun();
  const double step = StepSeconds(run);
  run.step_seconds = 1e3;
  run.peak_bytes = 1e3;
  EXPECT_DOUBLE_EQ(StepSeconds(run), step);
}

TEST(PredictRunTest, EverySecondLayerRecomputedLiesHalfWay) {
  MeasuredRun run = KnownRun();
  const double none = StepSeconds(run);
  run.layout.recompute = Recompute::kFull;
  const double full = StepSeconds(run);
  run.full_recompute_share = 0.5;
  EXPECT_THAT(StepSeconds(run), RelativelyNear((none + full) / 2, 1e-9));
}

TEST(PredictRunTest, UnprintedMicroBatchTakesTheFastestThatFits) {
  MeasuredRun run = KnownRun();
  const double of_one = StepSeconds(run);
  run.micro_batch_unknown = true;
  const RunPrediction best = PredictRun(run);
  EXPECT_THAT(best.note, HasSubstr("micro-batch "));
  EXPECT_LE(best.step_seconds, of_one);
  EXPECT_TRUE(best.fits);
  EXPECT_EQ(run.global_batch_size % (best.layout.micro_batch_size * run.layout.data_parallel_size),
            0);
}

TEST(PredictRunTest, UnprintedRecomputeIsNoneWhereEverythingFits) {
  MeasuredRun run = KnownRun();
  run.shape.sequence_length = 2048;
  const double none = StepSeconds(run);
  run.recompute_unknown = true;
  EXPECT_DOUBLE_EQ(StepSeconds(run), none);
}

TEST(PredictRunTest, UnprintedRecomputeIsPartlyFullWhereOnlyThatFits) {
  MeasuredRun run = KnownRun();
  run.layout.micro_batch_size = 4;
  const RunPrediction none = PredictRun(run);
  ASSERT_FALSE(none.fits);
  run.layout.recompute = Recompute::kFull;
  const RunPrediction full = PredictRun(run);
  ASSERT_TRUE(full.fits);
  run.recompute_unknown = true;
  const RunPrediction unknown = PredictRun(run);
  EXPECT_GT(unknown.step_seconds, none.step_seconds);
  EXPECT_LT(unknown.step_seconds, full.step_seconds);
  EXPECT_TRUE(unknown.fits);
}

TEST(PredictRunTest, PeakIsWhatTheCounterOfTheRunShows) {
  MeasuredRun run = KnownRun();
  run.profile.counter = MemoryCounter::kAllocated;
  const double allocated = PredictRun(run).peak_bytes;
  run.profile.counter = MemoryCounter::kNvidiaSmi;
  EXPECT_GT(PredictRun(run).peak_bytes, allocated + run.profile.context_bytes);
}

TEST(PredictRunTest, WhetherItFitsDoesNotDependOnTheCounter) {
  MeasuredRun run = KnownRun();
  run.layout.micro_batch_size = 4;
  run.profile.counter = MemoryCounter::kAllocated;
  const RunPrediction prediction = PredictRun(run);
  run.profile.counter = MemoryCounter::kNvidiaSmi;
  EXPECT_EQ(PredictRun(run).fits, prediction.fits);
}

TEST(PredictRunTest, CounterOfTheLastRankShowsTheLastStage) {
  MeasuredRun run = KnownRun();
  run.layout.pipeline_parallel_size = 4;
  run.layout.data_parallel_size = 1;
  const double fullest = PredictRun(run).peak_bytes;
  run.peak_of_last_stage = true;
  EXPECT_LT(PredictRun(run).peak_bytes, fullest);
}

// 112 layers on 16 stages: 7 chunks of one layer.
TEST(PredictRunTest, UnprintedInterleavingTakesAnyNumberThatTheLayersAllow) {
  MeasuredRun run = KnownRun();
  run.shape.num_layers = 112;
  run.layout.pipeline_parallel_size = 16;
  run.layout.data_parallel_size = 1;
  run.layout.tensor_parallel_size = 8;
  run.virtual_stages_unknown = true;
  const RunPrediction best = PredictRun(run);
  EXPECT_EQ(best.layout.virtual_pipeline_stages, 7);
  EXPECT_THAT(best.note, HasSubstr("7 virtual stages taken"));
}

}  // namespace
}  // namespace rhumb
