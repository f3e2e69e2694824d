// SPDX-License-Identifier: Apache-2.0
// Drift: what is found, what is not, and what is said of it.
#include "planner/track/drift.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/planner/track/drift_simulation.h"

namespace rhumb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DriftTest, FindsNothingInAPlainRun) {
  EXPECT_THAT(CodesOf(FindDrift(PlainSamples(2000), {})), IsEmpty());
}

TEST(DriftTest, OneBadLastSampleRaisesNothing) {
  std::vector<RunSample> samples = PlainSamples(500);
  samples.back().loss_nats = 50;
  samples.back().step_seconds = 1000;
  samples.back().peak_memory_bytes = 1'000'000'000'000;
  EXPECT_THAT(CodesOf(FindDrift(samples, {})), IsEmpty());
}

TEST(DriftTest, TwoBadSamplesInARowRaiseNothing) {
  std::vector<RunSample> samples = PlainSamples(500);
  for (const size_t i : {300, 301}) {
    samples[i].loss_nats = 50;
    samples[i].step_seconds = 1000;
  }
  EXPECT_THAT(CodesOf(FindDrift(samples, {})), IsEmpty());
}

TEST(DriftTest, FindsASlowDownAndWhereItBegan) {
  const std::vector<DriftEvent> events =
      FindDrift(PlainSamples(1000, {.at = 500, .slow_factor = 1.1}), {});
  ASSERT_THAT(CodesOf(events), ElementsAre("SLOWED_DOWN"));
  const DriftAlarm& alarm = events[0].alarm;
  EXPECT_NEAR(alarm.magnitude, 1.1, 0.005);
  EXPECT_EQ(alarm.magnitude_unit, "ratio");
  // A sample is ten steps, a block five samples.
  EXPECT_NEAR(static_cast<double>(alarm.since.step), 5010, 50);
  EXPECT_GE(alarm.statistic, alarm.threshold);
  EXPECT_THAT(alarm.text, HasSubstr("10% more"));
}

TEST(DriftTest, SaysWhenASlowDownIsOver) {
  std::vector<RunSample> samples = PlainSamples(1000);
  for (size_t i = 500; i < 600; ++i) samples[i].step_seconds = *samples[i].step_seconds * 1.3;
  const std::vector<DriftEvent> events = FindDrift(samples, {});
  ASSERT_THAT(CodesOf(events), ElementsAre("SLOWED_DOWN", "end of SLOWED_DOWN"));
  EXPECT_NEAR(static_cast<double>(events[1].cleared->step), 6000 + 300, 60);
}

TEST(DriftTest, IsSlowerBehindARestartThanBefore) {
  std::vector<RunSample> samples = PlainSamples(1000);
  for (size_t i = 500; i < samples.size(); ++i) {
    samples[i].attempt = 2;
    samples[i].step_seconds = *samples[i].step_seconds * 1.2;
  }
  EXPECT_THAT(CodesOf(FindDrift(samples, {})), ElementsAre("SLOWED_DOWN"));
}

TEST(DriftTest, FindsASlowDownBehindMeansOfOldSamples) {
  std::mt19937_64 random(2);
  SimulatedRun run = Plain(2000);
  run.step_noise = 0.02;
  const std::vector<RunSample> samples = Simulate(run, {.at = 1800, .slow_factor = 1.1}, random);
  DriftMonitor monitor({});
  std::vector<DriftEvent> events;
  for (const auto& [sample, count] : RolledUp(samples, 1500, 10)) {
    for (DriftEvent& event : monitor.Observe(sample, count)) events.push_back(std::move(event));
  }
  EXPECT_THAT(CodesOf(events), ElementsAre("SLOWED_DOWN"));
}

TEST(DriftTest, TellsTheEndOfAnAlarmThatItDidNotRaise) {
  const std::vector<RunSample> samples = PlainSamples(1000, {.at = 500, .slow_factor = 1.3});
  const std::vector<DriftEvent> raised = FindDrift(samples, {});
  ASSERT_THAT(CodesOf(raised), ElementsAre("SLOWED_DOWN"));
  DriftMonitor later({});
  later.Adopt(raised[0].alarm);
  std::vector<DriftEvent> events;
  for (const RunSample& sample : PlainSamples(1000)) {
    for (DriftEvent& event : later.Observe(sample)) events.push_back(std::move(event));
  }
  ASSERT_THAT(CodesOf(events), ElementsAre("end of SLOWED_DOWN"));
  EXPECT_EQ(events[0].alarm.text, raised[0].alarm.text);
}

TEST(DriftTest, FindsALossThatRises) {
  const std::vector<DriftEvent> events =
      FindDrift(PlainSamples(1000, {.at = 500, .loss_slope = 0.01}), {});
  ASSERT_THAT(CodesOf(events), ElementsAre("LOSS_ROSE"));
  EXPECT_EQ(events[0].alarm.magnitude_unit, "nats");
}

// What is told anew of an alarm, each with the raise of the first.
std::vector<DriftAlarm> Growth(const std::vector<DriftEvent>& events) {
  std::vector<DriftAlarm> told;
  for (const DriftEvent& event : events) {
    if (!event.cleared.has_value()) told.push_back(event.alarm);
  }
  return told;
}

TEST(DriftTest, AnAlarmThatGrowsIsToldAnewByHalfAsMuchAgain) {
  const std::vector<DriftAlarm> told =
      Growth(FindDrift(PlainSamples(1000, {.at = 800, .loss_slope = 0.01}), {}));
  // From some hundredths of a nat to 2: no more than ln(100) / ln(1.5) times.
  ASSERT_GT(told.size(), 4u);
  ASSERT_LT(told.size(), 12u);
  for (size_t i = 1; i < told.size(); ++i) {
    EXPECT_GE(told[i].magnitude, 1.5 * told[i - 1].magnitude);
    EXPECT_EQ(told[i].raised.step, told[0].raised.step);
    EXPECT_EQ(told[i].since.step, told[0].since.step);
    EXPECT_NE(told[i].text, told[i - 1].text);
  }
  EXPECT_GT(told.back().magnitude, 1.2);
}

TEST(DriftTest, AnAlarmThatDoesNotGrowIsToldOnce) {
  EXPECT_EQ(Growth(FindDrift(PlainSamples(1000, {.at = 500, .slow_factor = 1.3}), {})).size(), 1u);
}

TEST(DriftTest, ALeakIsToldAnewWithHowMuchItHasGrown) {
  const std::vector<DriftAlarm> told = Growth(
      FindDrift(PlainSamples(3000, {.at = 500, .leak_bytes = 4e6}), {.capacity_bytes = 80e9}));
  ASSERT_GT(told.size(), 2u);
  EXPECT_GT(told.back().magnitude, 10e9 / 1.6);
  EXPECT_THAT(told[0].text, HasSubstr(" MiB since"));
  EXPECT_THAT(told.back().text, HasSubstr(" GiB since"));
}

TEST(DriftTest, ADivergenceThatLastsIsToldAnew) {
  std::vector<RunSample> samples = PlainSamples(100);
  for (size_t i = 50; i < samples.size(); ++i) {
    samples[i].loss_nats.reset();
    samples[i].loss_not_finite = true;
  }
  const std::vector<DriftAlarm> told = Growth(FindDrift(samples, {}));
  ASSERT_GT(told.size(), 3u);
  ASSERT_LT(told.size(), 9u);
  EXPECT_GT(told.back().magnitude, 50 / 1.5);
  EXPECT_EQ(told.back().since.step, samples[50].step);
}

TEST(DriftTest, ALeakThatItDidNotRaiseGrowsFromWhatWasToldOfIt) {
  const std::vector<RunSample> samples = PlainSamples(2000, {.at = 500, .leak_bytes = 4e6});
  const DriftAlarm raised = FindDrift(samples, {.capacity_bytes = 80e9}).front().alarm;
  DriftMonitor later({.capacity_bytes = 80e9});
  std::vector<DriftEvent> events;
  bool is_adopted = false;
  for (size_t i = 300; i < samples.size(); ++i) {
    if (!is_adopted && samples[i].step >= raised.since.step) {
      later.Adopt(raised);
      is_adopted = true;
    }
    for (DriftEvent& event : later.Observe(samples[i])) events.push_back(std::move(event));
  }
  // 6 GB in 1,500 samples.
  for (const DriftEvent& event : events) EXPECT_LT(event.alarm.magnitude, 6.1e9);
  EXPECT_THAT(CodesOf(events), testing::Each("MEMORY_GROWS"));
  EXPECT_GE(Growth(events).size(), 2u);
}

TEST(DriftTest, SaysWhenASpikeIsOver) {
  const std::vector<DriftEvent> events =
      FindDrift(PlainSamples(1000, {.at = 500, .loss_jump = 0.5}), {});
  EXPECT_THAT(CodesOf(events), ElementsAre("LOSS_ROSE", "end of LOSS_ROSE"));
}

TEST(DriftTest, ThreeLossesThatAreNoNumbersInARowAreDivergence) {
  std::vector<RunSample> samples = PlainSamples(100);
  for (const size_t i : {10, 50, 51, 52, 53}) {
    samples[i].loss_nats.reset();
    samples[i].loss_not_finite = true;
  }
  const std::vector<DriftEvent> events = FindDrift(samples, {});
  ASSERT_THAT(CodesOf(events), ElementsAre("LOSS_NOT_FINITE", "end of LOSS_NOT_FINITE"));
  EXPECT_EQ(events[0].alarm.since.step, samples[50].step);
  EXPECT_EQ(events[0].alarm.raised.step, samples[52].step);
}

TEST(DriftTest, ARunThatComesBackFromDivergenceMayDivergeAgain) {
  std::vector<RunSample> samples = PlainSamples(200);
  for (const size_t i : {50, 51, 52, 150, 151, 152}) {
    samples[i].loss_nats.reset();
    samples[i].loss_not_finite = true;
  }
  EXPECT_THAT(CodesOf(FindDrift(samples, {})),
              ElementsAre("LOSS_NOT_FINITE", "end of LOSS_NOT_FINITE", "LOSS_NOT_FINITE",
                          "end of LOSS_NOT_FINITE"));
}

TEST(DriftTest, LossesThatAreNoNumbersNowAndThenAreDivergenceWhereTheyAreMany) {
  std::vector<RunSample> samples = PlainSamples(400);
  for (size_t i = 200; i < samples.size(); ++i) {
    if (i % 3 == 0) continue;
    samples[i].loss_nats.reset();
    samples[i].loss_not_finite = true;
  }
  const std::vector<DriftEvent> events = FindDrift(samples, {});
  ASSERT_THAT(CodesOf(events), ElementsAre("LOSS_NOT_FINITE"));
  EXPECT_THAT(events[0].alarm.text, HasSubstr("10 of twenty samples"));
  EXPECT_EQ(events[0].alarm.since.step, samples[200].step);
}

TEST(DriftTest, OneSampleOfFarTooManyStepsDoesNotHideTheRest) {
  std::vector<RunSample> samples = PlainSamples(1000, {.at = 600, .slow_factor = 1.3});
  samples[300].step = 100'000'000'000'000'000;
  EXPECT_THAT(CodesOf(FindDrift(samples, {})), ElementsAre("SLOWED_DOWN"));
}

TEST(DriftTest, TheHigherLossOfAnOlderCheckpointIsNoDrift) {
  SimulatedRun run = Plain(1000);
  run.restart_at = 200;
  run.restart_back = 190;
  std::mt19937_64 random(1);
  EXPECT_THAT(CodesOf(FindDrift(Simulate(run, {}, random), {})), IsEmpty());
}

TEST(DriftTest, FindsALeakAndWhenMemoryIsFull) {
  const std::vector<DriftEvent> events =
      FindDrift(PlainSamples(2000, {.at = 500, .leak_bytes = 4e6}), {.capacity_bytes = 80e9});
  ASSERT_THAT(CodesOf(events), ElementsAre("MEMORY_GROWS"));
  EXPECT_THAT(events[0].alarm.text, HasSubstr("is full after"));
}

TEST(DriftTest, APlanThatIsTooFastIsAGapAndNoDrift) {
  const std::vector<DriftEvent> events =
      FindDrift(PlainSamples(1000), {.planned_step_seconds = 1.85});
  ASSERT_THAT(CodesOf(events), ElementsAre("SLOWER_THAN_PLANNED"));
  EXPECT_NEAR(events[0].alarm.magnitude, 2 / 1.85, 0.005);
}

TEST(DriftTest, AGapIsThereSinceTheFirstSample) {
  const std::vector<RunSample> samples = PlainSamples(1000);
  const std::vector<DriftEvent> events = FindDrift(samples, {.planned_step_seconds = 1.85});
  ASSERT_THAT(CodesOf(events), ElementsAre("SLOWER_THAN_PLANNED"));
  EXPECT_EQ(events[0].alarm.since.step, samples[0].step);
  EXPECT_EQ(events[0].alarm.since.token_count, samples[0].token_count);
}

TEST(DriftTest, APlanThatIsNearlyRightHasNoGap) {
  EXPECT_THAT(CodesOf(FindDrift(PlainSamples(1000), {.planned_step_seconds = 1.95})), IsEmpty());
}

TEST(DriftTest, APlanThatIsTooSlowHasNoGap) {
  EXPECT_THAT(CodesOf(FindDrift(PlainSamples(1000), {.planned_step_seconds = 3})), IsEmpty());
}

TEST(DriftTest, LateNewsOfStepsThatAreOverChangeNothing) {
  std::vector<RunSample> samples = PlainSamples(500);
  RunSample late = samples[10];
  late.loss_nats = 90;
  for (int i = 0; i < 200; ++i) samples.push_back(late);
  EXPECT_THAT(CodesOf(FindDrift(samples, {})), IsEmpty());
}

TEST(DriftTest, ACopiedMonitorGoesOnAsTheOneItIsOf) {
  const std::vector<RunSample> samples = PlainSamples(1000, {.at = 500, .slow_factor = 1.1});
  DriftMonitor first{DriftOptions{}};
  std::vector<DriftEvent> expected, got;
  size_t i = 0;
  for (; i < 510; ++i) first.Observe(samples[i]);
  DriftMonitor second = first;
  for (; i < samples.size(); ++i) {
    for (DriftEvent& event : first.Observe(samples[i])) expected.push_back(event);
    for (DriftEvent& event : second.Observe(samples[i])) got.push_back(event);
  }
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(CodesOf(got), CodesOf(expected));
  EXPECT_LE(sizeof(DriftMonitor), 4096u);
}

}  // namespace
}  // namespace rhumb
