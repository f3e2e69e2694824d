// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/overheads.h"

#include <cmath>

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
          kRate * 1024 / 3600 * (kRestartSeconds + model.checkpoint_interval_seconds / 2), 1e-12));
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

TEST(OverheadsTest, NothingIsLeftToTrainWithinTheStartUp) {
  EXPECT_LT(Model(kRate).TrainSeconds(kStartupSeconds / 2), 0);
}

}  // namespace
}  // namespace rhumb
