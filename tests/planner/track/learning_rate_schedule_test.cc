// SPDX-License-Identifier: Apache-2.0
#include "planner/track/learning_rate_schedule.h"

#include <gtest/gtest.h>

#include "tests/matchers.h"

namespace rhumb {
namespace {

using testing_support::IsOk;
using testing_support::StatusIs;

constexpr LearningRateSchedule kCosine = {
    .kind = ScheduleKind::kCosine, .warmup_fraction = 0.1, .floor_fraction = 0.1};
constexpr LearningRateSchedule kDecay = {
    .kind = ScheduleKind::kWarmupStableDecay, .warmup_fraction = 0.1, .decay_fraction = 0.2};

// Midpoint sums over a million slices: the closed areas are of the same rate.
double AreaBySlices(const LearningRateSchedule& schedule, double fraction) {
  constexpr int kSlices = 1000000;
  double sum = 0;
  for (int i = 0; i < kSlices; ++i) sum += RelativeRate(schedule, fraction * (i + 0.5) / kSlices);
  return sum * fraction / kSlices;
}

TEST(LearningRateScheduleTest, CosineIsHalfWayBetweenPeakAndFloorInTheMiddleOfItsDecay) {
  EXPECT_DOUBLE_EQ(RelativeRate(kCosine, 0.55), 0.55);
}

TEST(LearningRateScheduleTest, CosineEndsAtItsFloor) {
  EXPECT_DOUBLE_EQ(RelativeRate(kCosine, 1), 0.1);
}

TEST(LearningRateScheduleTest, WarmupIsALineFromZero) {
  EXPECT_DOUBLE_EQ(RelativeRate(kCosine, 0.025), 0.25);
}

TEST(LearningRateScheduleTest, StableRateHoldsUntilTheDecay) {
  EXPECT_DOUBLE_EQ(RelativeRate(kDecay, 0.8), 1);
  EXPECT_NEAR(RelativeRate(kDecay, 0.9), 0.5, 1e-12);
}

TEST(LearningRateScheduleTest, AreaOfACosineIsTheIntegralOfItsRate) {
  EXPECT_NEAR(RateArea(kCosine, 0.7), AreaBySlices(kCosine, 0.7), 1e-9);
}

TEST(LearningRateScheduleTest, AreaOfAStableRateWithDecayIsTheIntegralOfItsRate) {
  EXPECT_NEAR(RateArea(kDecay, 0.93), AreaBySlices(kDecay, 0.93), 1e-9);
}

TEST(LearningRateScheduleTest, NothingIsAnnealedInTheWarmup) {
  EXPECT_EQ(AnnealedShare(kCosine, 0.05), 0);
  EXPECT_DOUBLE_EQ(AnnealedShare(kCosine, 1), 0.9);
}

TEST(LearningRateScheduleTest, DecayThatReachesIntoTheWarmupIsRefused) {
  LearningRateSchedule schedule = kDecay;
  schedule.decay_fraction = 0.95;
  EXPECT_THAT(ValidateSchedule(schedule),
              StatusIs(absl::StatusCode::kInvalidArgument, "schedule.decay_fraction"));
}

TEST(LearningRateScheduleTest, WarmupOfTheWholeRunIsRefused) {
  LearningRateSchedule schedule = kCosine;
  schedule.warmup_fraction = 1;
  EXPECT_THAT(ValidateSchedule(schedule),
              StatusIs(absl::StatusCode::kInvalidArgument, "schedule.warmup_fraction"));
}

TEST(LearningRateScheduleTest, AllCandidatesAreValid) {
  for (const LearningRateSchedule& schedule : CandidateSchedules(0.5)) {
    EXPECT_THAT(ValidateSchedule(schedule), IsOk()) << NameOf(schedule.kind);
  }
}

}  // namespace
}  // namespace rhumb
