// SPDX-License-Identifier: Apache-2.0
// Drift: what is found, what is not, how often and how fast.
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

constexpr int kRunCount = 1000;

// A run without any noise.
SimulatedRun Plain(int64_t sample_count) {
  SimulatedRun run;
  run.sample_count = sample_count;
  run.loss_noise = run.step_noise = 1e-4;
  run.outlier_share = run.straggler_share = 0;
  run.pause_period = 1 << 30;
  return run;
}

std::vector<RunSample> PlainSamples(int64_t sample_count, const Fault& fault = {}) {
  std::mt19937_64 random(1);
  return Simulate(Plain(sample_count), fault, random);
}

// Of alarms that are raised or end.
std::vector<std::string> CodesOf(const std::vector<DriftEvent>& events) {
  std::vector<std::string> codes;
  for (const DriftEvent& event : events) {
    if (event.grown) continue;
    codes.push_back(event.cleared.has_value() ? "end of " + event.alarm.code : event.alarm.code);
  }
  return codes;
}

// As the store rolls samples up: the mean of `count` of one attempt, at the place of the last.
std::vector<std::pair<RunSample, int64_t>> RolledUp(const std::vector<RunSample>& samples,
                                                    size_t until, int64_t count) {
  std::vector<std::pair<RunSample, int64_t>> rolled;
  for (size_t i = 0; i < samples.size(); ++i) {
    const bool joins = !rolled.empty() && i < until && rolled.back().second < count &&
                       rolled.back().first.attempt == samples[i].attempt;
    if (!joins) {
      rolled.emplace_back(samples[i], 1);
      continue;
    }
    auto& [mean, size] = rolled.back();
    const double share = 1.0 / static_cast<double>(size + 1);
    RunSample next = samples[i];
    next.loss_nats = *mean.loss_nats + share * (*next.loss_nats - *mean.loss_nats);
    next.step_seconds = *mean.step_seconds + share * (*next.step_seconds - *mean.step_seconds);
    next.peak_memory_bytes = std::max(*mean.peak_memory_bytes, *next.peak_memory_bytes);
    mean = next;
    ++size;
  }
  return rolled;
}

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
  for (size_t i = 1000; i < samples.size(); ++i) {
    if (i == 1100) {
      events.clear();
      later.Adopt(raised);
    }
    for (DriftEvent& event : later.Observe(samples[i])) events.push_back(std::move(event));
  }
  // 3.6 GB in 900 samples, and what was told.
  for (const DriftEvent& event : events) EXPECT_LT(event.alarm.magnitude, 3.7e9 + raised.magnitude);
  EXPECT_GE(Growth(events).size(), 1u);
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

// Alarms on kRunCount healthy runs of many kinds of noise. At the stated rate of 1% each, 10 runs
// are expected at most; more than 19 would be seen with a probability of 0.3%.
TEST(DriftSimulationTest, HealthyRunsKeepTheStatedRate) {
  std::mt19937_64 random(20261128);
  int alarmed = 0;
  std::string which;
  for (int i = 0; i < kRunCount; ++i) {
    const SimulatedRun run = DrawRun(random);
    const std::vector<DriftEvent> events =
        FindDrift(Simulate(run, {}, random), {.capacity_bytes = 80e9});
    if (events.empty()) continue;
    ++alarmed;
    which += " " + events[0].alarm.code;
  }
  std::printf("false alarms: %d of %d runs%s\n", alarmed, kRunCount, which.c_str());
  EXPECT_LE(alarmed, 19) << which;
}

// A daemon that begins anew has old samples as means alone, which scatter less: by their deviations
// the samples since would be unusual.
TEST(DriftSimulationTest, HealthyRunsKeepTheStatedRateBehindARollUp) {
  std::mt19937_64 random(20261129);
  int alarmed = 0;
  for (int i = 0; i < 200; ++i) {
    SimulatedRun run = DrawRun(random);
    run.sample_count = 20000;
    run.step_noise = 0.05;
    run.straggler_share = 0;
    run.pause_period = 1 << 30;
    const std::vector<RunSample> samples = Simulate(run, {}, random);
    DriftMonitor monitor({.capacity_bytes = 80e9});
    bool any = false;
    for (const auto& [sample, count] : RolledUp(samples, samples.size() / 2, 50)) {
      any = !monitor.Observe(sample, count).empty() || any;
    }
    alarmed += any;
  }
  std::printf("false alarms: %d of 200 runs\n", alarmed);
  EXPECT_LE(alarmed, 7);
}

// Alarms of the loss on healthy runs whose loss `disturb` has changed.
int LossAlarms(int run_count, double loss_memory,
               const std::function<void(std::vector<RunSample>&)>& disturb) {
  std::mt19937_64 random(4);
  int alarmed = 0;
  for (int i = 0; i < run_count; ++i) {
    SimulatedRun run = DrawRun(random);
    if (loss_memory > 0) run.loss_memory = loss_memory;
    std::vector<RunSample> samples = Simulate(run, {}, random);
    disturb(samples);
    const std::vector<DriftEvent> events = FindDrift(samples, {});
    alarmed += std::any_of(events.begin(), events.end(), [](const DriftEvent& event) {
      return event.alarm.kind == DriftKind::kLoss;
    });
  }
  std::printf("false alarms of the loss: %d of %d runs\n", alarmed, run_count);
  return alarmed;
}

// At 1% each, 2 of 200 runs are expected; more than 7 would be seen with a probability of 0.1%.
TEST(DriftSimulationTest, ALossThatIsSlowToForgetItsNoiseKeepsTheRate) {
  EXPECT_LE(LossAlarms(200, 0.9, [](std::vector<RunSample>&) {}), 7);
}

// 0.95 is where the stated rate ends: more than 12 of 500 would be seen with a probability of 0.2%.
TEST(DriftSimulationTest, ALossThatForgetsEvenSlowerNearlyKeepsTheRate) {
  EXPECT_LE(LossAlarms(500, 0.95, [](std::vector<RunSample>&) {}), 12);
}

TEST(DriftSimulationTest, DataThatIsOnePercentHarderForAWhileKeepsTheRate) {
  EXPECT_LE(LossAlarms(200, 0,
                       [](std::vector<RunSample>& samples) {
                         for (size_t i = 0; i < samples.size(); ++i) {
                           if (i / 500 % 2 == 1) *samples[i].loss_nats *= 1.01;
                         }
                       }),
            7);
}

// How many runs with the fault raise `code` behind it, and after how many samples.
struct Power {
  double share = 0;
  double median_delay = 0, p95_delay = 0;
};

// In the middle of runs of 1,500 samples and more; with `at`, behind so many of `sample_count`.
Power PowerOf(const std::string& name, const std::string& code, const Fault& fault, int64_t at = 0,
              int64_t sample_count = 0) {
  std::mt19937_64 random(7);
  std::vector<double> delays;
  constexpr int kFaultyRuns = 300;
  int count = 0;
  while (count < kFaultyRuns) {
    SimulatedRun run = DrawRun(random);
    run.sample_count = at > 0 ? sample_count : std::max<int64_t>(run.sample_count, 1500);
    run.restart_at = 0;
    Fault placed = fault;
    placed.at = at > 0 ? at : run.sample_count / 2;
    const std::vector<RunSample> samples = Simulate(run, placed, random);
    ++count;
    for (const DriftEvent& event : FindDrift(samples, {.capacity_bytes = 80e9})) {
      const int64_t delay = event.alarm.raised.step / 10 - placed.at;
      if (event.alarm.code != code || delay < 0 || event.cleared.has_value()) continue;
      delays.push_back(static_cast<double>(delay));
      break;
    }
  }
  Power power;
  power.share = static_cast<double>(delays.size()) / kFaultyRuns;
  if (!delays.empty()) {
    std::sort(delays.begin(), delays.end());
    power.median_delay = delays[delays.size() / 2];
    power.p95_delay = delays[delays.size() * 95 / 100];
  }
  std::printf("%s: found in %.1f%%, after %.0f samples (95%%: %.0f)\n", name.c_str(),
              100 * power.share, power.median_delay, power.p95_delay);
  return power;
}

TEST(DriftSimulationTest, FindsASlowDownOfTenPercent) {
  EXPECT_GE(PowerOf("10% slower", "SLOWED_DOWN", {.slow_factor = 1.1}).share, 0.95);
}

TEST(DriftSimulationTest, FindsASpikeOfHalfANatOverTwentySamples) {
  EXPECT_GE(PowerOf("+0.5 nats for 20 samples", "LOSS_ROSE", {.loss_jump = 0.5}).share, 0.95);
}

// Slower rises, within noise of up to 3% a sample, look like a loss that wanders for as long as the
// blocks behind them rise too: of 0.002 nats a sample two thirds are found.
TEST(DriftSimulationTest, FindsADivergence) {
  EXPECT_GE(PowerOf("+0.01 nats a sample", "LOSS_ROSE", {.loss_slope = 0.01}).share, 0.95);
}

// Where the loss has only just come down from its first values.
TEST(DriftSimulationTest, FindsADivergenceEarlyInTheRun) {
  EXPECT_GE(
      PowerOf("+0.02 nats a sample, early", "LOSS_ROSE", {.loss_slope = 0.02}, 150, 400).share,
      0.9);
}

TEST(DriftSimulationTest, FindsADivergenceLateInTheRun) {
  EXPECT_GE(
      PowerOf("+0.01 nats a sample, late", "LOSS_ROSE", {.loss_slope = 0.01}, 4500, 5000).share,
      0.95);
}

// 237 samples: 11 nats to 2.6 over 150 of them, then 0.02 nats more a sample. A deviation of all
// that came before would be that of the fall.
TEST(DriftSimulationTest, FindsARiseBehindTheFallOfTheFirstLosses) {
  constexpr double kTurn = 150;
  const std::vector<std::function<double(double)>> falls = {
      [](double share) { return std::exp(-5 * share); }, [](double share) { return 1 - share; },
      [](double share) { return (1 - share) * (1 - share); },
      [](double share) {
        const double end = 1 / std::sqrt(1 + kTurn);
        return (1 / std::sqrt(1 + kTurn * share) - end) / (1 - end);
      }};
  for (size_t shape = 0; shape < falls.size(); ++shape) {
    double delays = 0;
    for (int seed = 1; seed <= 20; ++seed) {
      std::mt19937_64 random(seed);
      std::normal_distribution<double> noise(0, 0.02);
      std::vector<RunSample> samples = PlainSamples(237);
      for (size_t i = 0; i < samples.size(); ++i) {
        const double at = static_cast<double>(i);
        samples[i].loss_nats = 2.6 + 8.4 * falls[shape](std::min(1.0, at / kTurn)) +
                               0.02 * std::max(0.0, at - kTurn) + noise(random);
      }
      const std::vector<DriftEvent> events = FindDrift(samples, {});
      ASSERT_THAT(CodesOf(events), ElementsAre("LOSS_ROSE")) << shape << ", seed " << seed;
      delays += static_cast<double>(events[0].alarm.raised.step) / 10 - kTurn;
    }
    std::printf("rise behind fall %zu: found in 20 of 20, after %.0f samples\n", shape,
                delays / 20);
  }
}

TEST(DriftSimulationTest, FindsALeakOfHalfAPercentInHundredSamples) {
  EXPECT_GE(PowerOf("0.5% of memory in 100 samples", "MEMORY_GROWS", {.leak_bytes = 4e6}).share,
            0.95);
}

}  // namespace
}  // namespace rhumb
