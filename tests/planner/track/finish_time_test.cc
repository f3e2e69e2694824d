// SPDX-License-Identifier: Apache-2.0
#include "planner/track/finish_time.h"

#include <gtest/gtest.h>

#include <cmath>

#include "planner/fit/random.h"

namespace rhumb {
namespace {

constexpr double kStart = 1.8e9;

RunSample Sample(int64_t attempt, int64_t step, double seconds) {
  RunSample sample;
  sample.attempt = attempt;
  sample.step = step;
  sample.token_count = step * 1000;
  sample.time_seconds = kStart + seconds;
  return sample;
}

// Steps 1 to `count`, ten seconds each.
std::vector<RunSample> Steady(int count) {
  std::vector<RunSample> samples;
  for (int i = 1; i <= count; ++i) samples.push_back(Sample(1, i, 10.0 * i));
  return samples;
}

TEST(FinishTimeTest, SteadyRunGoesOnAtItsPace) {
  const FinishForecast finish = ForecastFinish(Steady(50), 20000, 0.9);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 200, 1e-6);
  EXPECT_NEAR(finish.finish_seconds->expected, kStart + 700, 1e-6);
}

// 490 seconds from the first sample on, 200 more: 690 / 490.
TEST(FinishTimeTest, GpuHoursGrowWithTheTimeLeft) {
  const FinishForecast finish = ForecastFinish(Steady(50), 20000, 0.9);
  ASSERT_TRUE(finish.gpu_hours_factor.has_value());
  EXPECT_NEAR(finish.gpu_hours_factor->expected, 690.0 / 490, 1e-9);
}

// Half of the run took one gap of 300 seconds and ten steps anew (100 seconds): so will the rest.
TEST(FinishTimeTest, RestartsSeenSoFarComeAgain) {
  std::vector<RunSample> samples = Steady(60);
  for (int i = 51; i <= 100; ++i) samples.push_back(Sample(2, i, 600 + 300 + 10.0 * (i - 50)));
  const FinishForecast finish = ForecastFinish(samples, 100000, 0.9);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 1000 + 400, 20);
  EXPECT_GT(finish.seconds_left->high, 1000 + 800);
}

TEST(FinishTimeTest, PaceOfTheLatestAttemptCounts) {
  std::vector<RunSample> samples = Steady(50);
  for (int i = 51; i <= 80; ++i) samples.push_back(Sample(2, i, 500 + 20.0 * (i - 50)));
  const FinishForecast finish = ForecastFinish(samples, 10000, 0.9);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 200, 15);
}

// 200 steps of ten seconds, then 60 of twelve; every tenth has a pause of five.
TEST(FinishTimeTest, TheNewestPaceCountsBehindASlowDown) {
  std::vector<RunSample> samples;
  double seconds = 0;
  for (int i = 1; i <= 260; ++i) {
    seconds += i <= 200 ? 10 : 12;
    if (i % 10 == 0) seconds += 5;
    samples.push_back(Sample(1, i, seconds));
  }
  const FinishForecast finish = ForecastFinish(samples, 100000, 0.9);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 1250, 10);
}

// A pause every hundred steps lies within the means, and between the newest single samples.
TEST(FinishTimeTest, PausesBetweenSingleSamplesArePartOfThePace) {
  const auto time_of = [](int step) { return step + 50.0 * (step / 100); };
  std::vector<RunSample> means, newest;
  for (int i = 0; i <= 100; ++i) means.push_back(Sample(1, 100 * i, time_of(100 * i)));
  for (int i = 9800; i <= 10000; ++i) newest.push_back(Sample(1, i, time_of(i)));
  const double tokens = static_cast<double>(means.back().token_count);
  const FinishForecast finish = ForecastFinish(means, tokens, 0.9, newest);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 15000, 300);
}

// Means of twenty steps do not yet show the slow-down that the newest single ones do.
TEST(FinishTimeTest, TheNewestSingleSamplesSayThePace) {
  std::vector<RunSample> means;
  for (int i = 20; i <= 2000; i += 20) means.push_back(Sample(1, i, 10.0 * i));
  std::vector<RunSample> newest;
  for (int i = 2001; i <= 2060; ++i) newest.push_back(Sample(1, i, 20000 + 12.0 * (i - 2000)));
  const FinishForecast finish = ForecastFinish(means, 100000, 0.9, newest);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 1200, 5);
}

TEST(FinishTimeTest, AFreshPlanSaysThePaceUntilItIsMeasured) {
  std::vector<RunSample> samples = Steady(50);
  const PaceInForce pace = {
      .since_seconds = kStart + 501, .planned_seconds_per_token = 0.006, .planned_log_std = 0.1};
  FinishForecast finish = ForecastFinish(samples, 100000, 0.9, samples, pace);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 600, 1e-6);
  EXPECT_NEAR(finish.seconds_left->high, 600 * std::exp(0.1645), 0.1);
  EXPECT_NEAR(finish.finish_seconds->expected, kStart + 500 + 600, 1e-6);
  for (int i = 51; i <= 80; ++i) samples.push_back(Sample(2, i, 800 + 5.0 * (i - 50)));
  finish = ForecastFinish(samples, 100000, 0.9, samples, pace);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 500, 1e-6);
}

TEST(FinishTimeTest, OneStallDoesNotSlowThePace) {
  std::vector<RunSample> samples = Steady(100);
  for (size_t i = 50; i < samples.size(); ++i) samples[i].time_seconds += 500;
  const FinishForecast finish = ForecastFinish(samples, 1000, 0.9);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_NEAR(finish.seconds_left->expected, 10 + 500.0 / 99, 0.1);
}

TEST(FinishTimeTest, TooFewSamplesSayNothingAndWhy) {
  const FinishForecast finish = ForecastFinish(Steady(3), 1000, 0.9);
  EXPECT_FALSE(finish.seconds_left.has_value());
  EXPECT_EQ(finish.source, "2 times between samples of one attempt; 4 are needed");
}

TEST(FinishTimeTest, FinishedRunHasNoTimeLeft) {
  const FinishForecast finish = ForecastFinish(Steady(10), 0, 0.9);
  ASSERT_TRUE(finish.seconds_left.has_value());
  EXPECT_EQ(finish.seconds_left->high, 0);
}

// 400 runs with noisy steps, pace that drifts between hours, and restarts at random, judged at half
// of their tokens.
TEST(FinishTimeTest, IntervalsHoldOnSimulatedRuns) {
  Random random(4711);
  constexpr int kRuns = 400, kSteps = 600;
  int covered = 0;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<RunSample> half;
    const double noise = 0.02 + 0.1 * random.Uniform(), drift = 0.03 * random.Uniform();
    const double restart_share = 0.03 * random.Uniform();
    double seconds = 0, half_seconds = 0, hourly = 0;
    int64_t attempt = 1;
    int step = 0;
    while (step < kSteps) {
      if (step % 40 == 0) hourly = drift * random.Normal();
      ++step;
      seconds += 10 * std::exp(hourly + noise * random.Normal());
      if (step <= kSteps / 2) {
        half.push_back(Sample(attempt, step, seconds));
        half_seconds = seconds;
      }
      const bool restarts = random.Uniform() < restart_share && step != kSteps / 2;
      if (restarts) {
        seconds += 200 * random.Uniform();
        step = std::max(0, step - random.Below(6));
        ++attempt;
      }
    }
    const FinishForecast finish = ForecastFinish(half, 1000.0 * (kSteps - half.back().step), 0.9);
    ASSERT_TRUE(finish.seconds_left.has_value());
    const double left = seconds - half_seconds;
    covered += left >= finish.seconds_left->low && left <= finish.seconds_left->high ? 1 : 0;
  }
  RecordProperty("covered", covered);
  EXPECT_GE(covered, 0.85 * kRuns);
  EXPECT_LE(covered, 0.97 * kRuns);
}

}  // namespace
}  // namespace rhumb
