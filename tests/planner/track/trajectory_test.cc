// SPDX-License-Identifier: Apache-2.0
#include "planner/track/trajectory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/matchers.h"

namespace rhumb {
namespace {

using testing_support::IsOk;
using testing_support::StatusIs;

double Finished(double token_count) { return 1.8 + 400 * std::pow(token_count, -0.3); }

TrajectoryQuestion Question(const LearningRateSchedule& schedule) {
  return {.finished_loss_nats = Finished,
          .total_token_count = 1e11,
          .schedule = schedule,
          .final_log_std = 0.01};
}

constexpr LearningRateSchedule kCosine = {
    .kind = ScheduleKind::kCosine, .warmup_fraction = 0.01, .floor_fraction = 0.1};

TEST(TrajectoryTest, EndsAtTheLaw) {
  const auto point = ExpectedLossAt(Question(kCosine), 1e11);
  ASSERT_THAT(point, IsOk());
  EXPECT_DOUBLE_EQ(point->loss_nats, Finished(1e11));
}

// 1.644854 is the normal quantile of 95%.
TEST(TrajectoryTest, BandAtTheEndIsTheLawsOwn) {
  const auto point = ExpectedLossAt(Question(kCosine), 1e11);
  ASSERT_THAT(point, IsOk());
  EXPECT_NEAR(point->high_nats - point->loss_nats, 1.644854 * 0.01 * Finished(1e11), 1e-6);
}

TEST(TrajectoryTest, ConstantRateFollowsTheLawItself) {
  const auto point = ExpectedLossAt(Question({.kind = ScheduleKind::kConstant}), 3e10);
  ASSERT_THAT(point, IsOk());
  EXPECT_NEAR(point->loss_nats, Finished(3e10), 1e-12);
}

TEST(TrajectoryTest, LossBeforeTheDecayLiesAboveThatOfAFinishedRun) {
  const LearningRateSchedule schedule = {.kind = ScheduleKind::kWarmupStableDecay,
                                         .decay_fraction = 0.2};
  const auto point = ExpectedLossAt(Question(schedule), 8e10);
  ASSERT_THAT(point, IsOk());
  EXPECT_GT(point->loss_nats, Finished(8e10) + 0.05);
}

TEST(TrajectoryTest, UnknownScheduleHasTheWiderBand) {
  const auto known = ExpectedLossAt(Question(kCosine), 5e10);
  const auto unknown = ExpectedLossAt(Question({.warmup_fraction = 0.01}), 5e10);
  ASSERT_THAT(known, IsOk());
  ASSERT_THAT(unknown, IsOk());
  EXPECT_LE(unknown->low_nats, known->low_nats);
  EXPECT_GE(unknown->high_nats, known->high_nats);
}

TEST(TrajectoryTest, FirstTwentiethIsEarly) {
  const auto point = ExpectedLossAt(Question(kCosine), 4e9);
  ASSERT_THAT(point, IsOk());
  EXPECT_TRUE(point->is_early);
}

TEST(TrajectoryTest, TokensBeyondTheEndAreRefused) {
  EXPECT_THAT(ExpectedLossAt(Question(kCosine), 1.1e11),
              StatusIs(absl::StatusCode::kInvalidArgument, "token_count"));
}

TEST(TrajectoryTest, RunWithoutTokensIsRefused) {
  TrajectoryQuestion question = Question(kCosine);
  question.total_token_count = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(ExpectedLossAt(question, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, "total_token_count"));
}

}  // namespace
}  // namespace rhumb
