// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/overheads.h"

#include <cmath>
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using testing_support::RelativelyNear;

// A 70B model on 128 nodes of 8: a checkpoint of 980 GB written at 256 GB/s takes 3.828125 s.
constexpr double kParams = 70e9;
constexpr double kWriteSeconds = 3.828125;
constexpr double kRate = 2e-5;  // failures per GPU-hour
OverheadModel Model(double failures_per_gpu_hour) {
  return MakeOverheadModel(kParams, 1024, 128, failures_per_gpu_hour);
}

// Young 1974, doi:10.1145/361147.361115: T = sqrt(2 w M). Here M = 3600 / (2e-5 * 1024) s.
TEST(OverheadsTest, CheckpointIntervalIsYoungs) {
  const double mean_seconds_between_failures = 3600 / (kRate * 1024);
  EXPECT_THAT(Model(kRate).checkpoint_interval_seconds,
              RelativelyNear(std::sqrt(2 * kWriteSeconds * mean_seconds_between_failures), 1e-12));
}

// First-order cost per second of training: w / T for writing, T / (2 M) for repeating. Young's T is
// where no other T costs less.
TEST(OverheadsTest, NoOtherIntervalCostsLess) {
  const double interval = Model(kRate).checkpoint_interval_seconds;
  const double m = 3600 / (kRate * 1024);
  const auto cost = [&](double t) { return kWriteSeconds / t + t / (2 * m); };
  EXPECT_LT(cost(interval), cost(1.01 * interval));
  EXPECT_LT(cost(interval), cost(0.99 * interval));
}

TEST(OverheadsTest, WritingTakesItsShareOfTheInterval) {
  const OverheadModel model = Model(kRate);
  EXPECT_THAT(model.checkpoint_fraction,
              RelativelyNear(kWriteSeconds / model.checkpoint_interval_seconds, 1e-12));
}

TEST(OverheadsTest, AFailureCostsARestartAndHalfAnInterval) {
  const OverheadModel model = Model(kRate);
  EXPECT_THAT(
      model.failure_fraction,
      RelativelyNear(
          kRate * 1024 / 3600 * (kStartupSeconds + model.checkpoint_interval_seconds / 2), 1e-12));
}

TEST(OverheadsTest, WithoutFailuresCheckpointsComeAtTheLongestInterval) {
  const OverheadModel model = Model(0);
  EXPECT_EQ(model.checkpoint_interval_seconds, kMaxCheckpointIntervalSeconds);
  EXPECT_EQ(model.failure_fraction, 0);
}

TEST(OverheadsTest, IntervalIsNeverShorterThanTheWriteItself) {
  // A trillion parameters on one node: 7,000 s to write, and failures every few seconds.
  const OverheadModel model = MakeOverheadModel(1e12, 100000, 1, 1);
  EXPECT_EQ(model.checkpoint_interval_seconds, 7000);
  EXPECT_EQ(model.checkpoint_fraction, 1);
}

TEST(OverheadsTest, ARestartTakesAsLongAsAStart) {
  const OverheadModel model = MakeOverheadModel(kParams, 1024, 128, kRate, 60);
  EXPECT_EQ(model.startup_seconds, 60);
  EXPECT_THAT(
      model.failure_fraction,
      RelativelyNear(kRate * 1024 / 3600 * (60 + model.checkpoint_interval_seconds / 2), 1e-12));
}

TEST(OverheadsTest, ItemsSumToTheWallTimeBeyondTraining) {
  const OverheadModel model = Model(kRate);
  double sum = 0;
  for (const Overhead& item : ItemiseOverheads(model, 1e6)) sum += item.seconds;
  EXPECT_THAT(1e6 + sum, RelativelyNear(model.WallSeconds(1e6), 1e-12));
}

TEST(OverheadsTest, TrainSecondsInvertWallSeconds) {
  const OverheadModel model = Model(kRate);
  EXPECT_THAT(model.TrainSeconds(model.WallSeconds(1e6)), RelativelyNear(1e6, 1e-12));
}

// ---- chains of jobs: no more than a day each, so that a change costs 600 s and a checkpoint.

constexpr double kDay = 86400;
constexpr double kChange = kStartupSeconds + kWriteSeconds;
OverheadModel InDays(std::optional<int64_t> max_job_count = std::nullopt) {
  return InJobs(Model(kRate), kDay, max_job_count);
}
// Train time that one job of `wall_seconds` has.
double TrainIn(double wall_seconds) { return Model(kRate).TrainSeconds(wall_seconds); }

TEST(OverheadsTest, ARunWithinTheLimitIsOneJobAsWithoutOne) {
  EXPECT_EQ(InDays().JobCount(TrainIn(kDay)), 1);
  EXPECT_EQ(InDays().WallSeconds(TrainIn(kDay / 2)), Model(kRate).WallSeconds(TrainIn(kDay / 2)));
}

TEST(OverheadsTest, EveryFurtherJobCostsARestartAndACheckpoint) {
  EXPECT_EQ(InDays().JobCount(TrainIn(2.5 * kDay)), 3);
  EXPECT_THAT(InDays().WallSeconds(TrainIn(2.5 * kDay)),
              RelativelyNear(2.5 * kDay + 2 * kChange, 1e-12));
}

// Three days' worth in one job do not fit three jobs once their changes count.
TEST(OverheadsTest, ChangesOfJobsMayThemselvesTakeAnotherJob) {
  EXPECT_EQ(InDays().JobCount(TrainIn(3 * kDay - kChange)), 4);
  EXPECT_EQ(InDays().JobCount(TrainIn(3 * kDay - 2 * kChange)), 3);
}

TEST(OverheadsTest, ALittleMoreThanWholeJobsTakesOneMore) {
  const double full = TrainIn(2 * kDay - kChange);
  EXPECT_THAT(InDays().WallSeconds(full), RelativelyNear(2 * kDay, 1e-12));
  EXPECT_THAT(InDays().WallSeconds(full + 1), RelativelyNear(2 * kDay + kChange, 1e-4));
  EXPECT_GT(InDays().WallSeconds(full + 1), 2 * kDay + kChange);
}

TEST(OverheadsTest, TrainSecondsInvertWallSecondsOfChains) {
  for (double wall = 0.1 * kDay; wall < 9 * kDay; wall += 0.0617 * kDay) {
    const double train = InDays().TrainSeconds(wall);
    const double used = InDays().WallSeconds(train);
    EXPECT_THAT(used, RelativelyNear(InDays().UsedSeconds(wall), 1e-9)) << wall;
    EXPECT_LE(used, wall * (1 + 1e-9)) << wall;
    // And nothing longer fits.
    EXPECT_GT(InDays().WallSeconds(train + 1), wall) << wall;
  }
}

TEST(OverheadsTest, TimeForARestartAloneIsNotUsed) {
  EXPECT_THAT(InDays().UsedSeconds(2 * kDay + kChange), RelativelyNear(2 * kDay, 1e-12));
  EXPECT_EQ(InDays().UsedSeconds(2 * kDay + kChange + 1), 2 * kDay + kChange + 1);
  EXPECT_THAT(InDays().TrainSeconds(2 * kDay + kChange / 2),
              RelativelyNear(InDays().TrainSeconds(2 * kDay), 1e-12));
}

TEST(OverheadsTest, ManyFullJobsAreNotOneMoreByRounding) {
  for (int64_t jobs = 1; jobs <= 2000; ++jobs) {
    const double wall = static_cast<double>(jobs) * kDay;
    EXPECT_EQ(InDays().JobCount(InDays().TrainSeconds(wall)), jobs);
  }
}

TEST(OverheadsTest, MoreThanTheMostJobsTakeLongerThanTheyMay) {
  const OverheadModel three = InDays(3);
  EXPECT_EQ(three.LongestWallSeconds(), 3 * kDay);
  EXPECT_GT(three.WallSeconds(three.TrainSeconds(3 * kDay) + 1), 3 * kDay + kChange);
}

TEST(OverheadsTest, OneJobMayTakeTheLimitAndNoLonger) {
  EXPECT_EQ(InDays(1).LongestWallSeconds(), kDay);
  EXPECT_EQ(InDays(1).TrainSeconds(kDay), TrainIn(kDay));
  EXPECT_EQ(InDays(1).JobCount(TrainIn(2 * kDay)), 1);
}

TEST(OverheadsTest, JobsThatWouldOnlyStartAndSaveAreNoChain) {
  const OverheadModel model = InJobs(Model(kRate), kChange, std::nullopt);
  EXPECT_EQ(model.max_job_count, 1);
  EXPECT_EQ(model.LongestWallSeconds(), kChange);
  EXPECT_EQ(InJobs(Model(kRate), kChange + 1, std::nullopt).max_job_count, kMostJobCount);
}

TEST(OverheadsTest, ItemsOfAChainSumToItsWallTime) {
  const OverheadModel model = InDays();
  double sum = 0;
  for (const Overhead& item : ItemiseOverheads(model, 1e6)) sum += item.seconds;
  EXPECT_EQ(ItemiseOverheads(model, 1e6).back().item, "job restarts");
  EXPECT_THAT(1e6 + sum, RelativelyNear(model.WallSeconds(1e6), 1e-12));
}

TEST(OverheadsTest, NothingIsLeftToTrainWithinTheStartUp) {
  EXPECT_LT(Model(kRate).TrainSeconds(kStartupSeconds / 2), 0);
}

}  // namespace
}  // namespace rhumb
