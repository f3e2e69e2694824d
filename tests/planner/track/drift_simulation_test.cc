// SPDX-License-Identifier: Apache-2.0
// How often drift is found where there is none, and how fast where there is.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/track/drift.h"
#include "tests/planner/track/drift_simulation.h"

namespace rhumb {
namespace {

using ::testing::ElementsAre;

constexpr int kRunCount = 1000;

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
