// SPDX-License-Identifier: Apache-2.0
// What samples say of a run as a whole, and beside the plan.
#include "planner/track/progress_report.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb {
namespace {

using ::testing::IsEmpty;

RunSample SampleOf(int64_t attempt, int64_t step, double time_seconds) {
  RunSample sample;
  sample.attempt = attempt;
  sample.step = step;
  sample.token_count = step * 1000;
  sample.time_seconds = time_seconds;
  return sample;
}

const RunComparison& Of(const std::vector<RunComparison>& all, const std::string& quantity) {
  const auto found = std::find_if(
      all.begin(), all.end(), [&](const RunComparison& each) { return each.quantity == quantity; });
  static const RunComparison none;
  if (found != all.end()) return *found;
  ADD_FAILURE() << "no " << quantity;
  return none;
}

TEST(MeasureTest, SaysNothingOfNoSamples) {
  const MeasuredProgress measured = Measure({});
  EXPECT_EQ(measured.step, 0);
  EXPECT_FALSE(measured.step_seconds.value.has_value());
  EXPECT_FALSE(measured.loss_nats.value.has_value());
}

TEST(MeasureTest, LeavesOutTheStepThatCompiles) {
  std::vector<RunSample> samples;
  for (int i = 1; i <= 4; ++i) samples.push_back(SampleOf(1, i, i));
  samples[0].step_seconds = 60;
  for (int i = 1; i <= 3; ++i) samples[i].step_seconds = i;  // 1, 2, 3
  EXPECT_EQ(Measure(samples).step_seconds.value, 2);
}

TEST(MeasureTest, LeavesOutTheFirstStepOfEveryAttempt) {
  std::vector<RunSample> samples = {SampleOf(1, 1, 1), SampleOf(1, 2, 2), SampleOf(2, 2, 3),
                                    SampleOf(2, 3, 4)};
  samples[0].step_seconds = samples[2].step_seconds = 60;
  samples[1].step_seconds = samples[3].step_seconds = 1;
  EXPECT_EQ(Measure(samples).step_seconds.value, 1);
}

TEST(MeasureTest, ALossThatIsNoNumberAnyMoreIsNotMeasured) {
  std::vector<RunSample> samples;
  for (int i = 1; i <= 20; ++i) {
    samples.push_back(SampleOf(1, i, i));
    if (i <= 17) samples.back().loss_nats = 2.5;
    samples.back().loss_not_finite = i > 17 || i == 3;
  }
  const MeasuredProgress measured = Measure(samples);
  EXPECT_FALSE(measured.loss_nats.value.has_value());
  EXPECT_EQ(measured.loss_nats.source, "the loss of the newest 3 samples is NaN or infinite");
  EXPECT_EQ(measured.loss_token_count, 0);
  // Two may be overflows.
  samples.pop_back();
  EXPECT_EQ(Measure(samples).loss_nats.value, 2.5);
  // Means over many samples are finite for long.
  std::vector<RunSample> newest;
  for (int i = 20; i <= 24; ++i) {
    newest.push_back(SampleOf(1, i, i));
    newest.back().loss_not_finite = true;
  }
  EXPECT_FALSE(Measure(samples, newest).loss_nats.value.has_value());
}

TEST(MeasureTest, SaysWhereTheNewestStepsTakeAnotherTimeThanAll) {
  std::vector<RunSample> samples;
  for (int i = 1; i <= 201; ++i) {
    samples.push_back(SampleOf(1, i, i));
    samples.back().step_seconds = i <= 140 ? 1 : 1.2;
  }
  const Measured step = Measure(samples).step_seconds;
  EXPECT_EQ(step.value, 1);
  EXPECT_EQ(step.source, "median of 200 samples; of the newest 50 it is 1.2 s");
}

TEST(MeasureTest, TakesTheOnlySampleThereIs) {
  std::vector<RunSample> samples = {SampleOf(1, 1, 1)};
  samples[0].step_seconds = 7;
  EXPECT_EQ(Measure(samples).step_seconds.value, 7);
}

TEST(MeasureTest, TimesStepsByTheClockWhereNobodySaysHowLongTheyTook) {
  const MeasuredProgress measured = Measure(
      {SampleOf(1, 10, 100), SampleOf(1, 20, 120), SampleOf(2, 20, 500), SampleOf(2, 30, 520)});
  EXPECT_EQ(measured.step_seconds.value, 2);
  EXPECT_THAT(measured.step_seconds.source, ::testing::HasSubstr("time between"));
  EXPECT_EQ(measured.tokens_per_second.value, 500);
}

TEST(MeasureTest, OneBadLastLossChangesLittle) {
  std::vector<RunSample> samples;
  for (int i = 1; i <= 9; ++i) {
    samples.push_back(SampleOf(1, i, i));
    samples.back().loss_nats = 3;
  }
  samples.back().loss_nats = 30;
  const MeasuredProgress measured = Measure(samples);
  EXPECT_EQ(measured.loss_nats.value, 3);
  EXPECT_EQ(measured.loss_token_count, 7000);
}

TEST(MeasureTest, MemoryIsTheHighest) {
  std::vector<RunSample> samples = {SampleOf(1, 1, 1), SampleOf(1, 2, 2), SampleOf(1, 3, 3)};
  samples[0].peak_memory_bytes = 10;
  samples[1].peak_memory_bytes = 30;
  samples[2].peak_memory_bytes = 20;
  EXPECT_EQ(Measure(samples).peak_memory_bytes.value, 30);
}

TEST(CompareProgressTest, ShowsNothingOfWhichNothingIsKnown) {
  EXPECT_THAT(CompareProgress({}, {}), IsEmpty());
}

TEST(CompareProgressTest, GivesTheRatioOfActualToPlanned) {
  MeasuredProgress measured;
  measured.step_seconds = {3, "median"};
  const std::vector<RunComparison> all = CompareProgress({.step_seconds = 2}, measured);
  EXPECT_EQ(Of(all, "step_seconds").ratio, 1.5);
  EXPECT_EQ(Of(all, "step_seconds").source, "median");
}

TEST(CompareProgressTest, ScalesMfuByTokensPerSecond) {
  MeasuredProgress measured;
  measured.tokens_per_second = {800, "median"};
  const std::vector<RunComparison> all =
      CompareProgress({.tokens_per_second = 1000, .mfu = 0.5}, measured);
  EXPECT_DOUBLE_EQ(Of(all, "mfu").actual.value_or(0), 0.4);
}

TEST(CompareProgressTest, ComparesTheNoiseScaleWithTheCriticalBatch) {
  MeasuredProgress measured;
  measured.noise_scale_tokens = {2e6, "median"};
  const std::vector<RunComparison> all = CompareProgress({.critical_batch_tokens = 4e6}, measured);
  EXPECT_EQ(Of(all, "noise_scale_tokens").ratio, 0.5);
}

TEST(CompareProgressTest, ACriticalBatchAloneComparesWithNothing) {
  EXPECT_THAT(CompareProgress({.critical_batch_tokens = 4e6}, {}), IsEmpty());
}

TEST(CompareProgressTest, ShowsWhatWasMeasuredWithoutAPlan) {
  MeasuredProgress measured;
  measured.loss_nats = {3, "median"};
  const RunComparison loss = Of(CompareProgress({}, measured), "loss_nats");
  EXPECT_EQ(loss.actual, 3);
  EXPECT_FALSE(loss.planned.has_value());
}

}  // namespace
}  // namespace rhumb
