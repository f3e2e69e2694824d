// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/downstream.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

// Four answers to choose from: chance .25, ceiling 1.
TaskSigmoid Task() {
  return {.amplitude = -0.75,
          .steepness = 6,
          .midpoint_loss_nats = 0.9,
          .offset = 1,
          .residual_std = 0};
}

LossInterval Loss(double mean, double half_width) {
  return {.mean_nats = mean,
          .low_nats = mean - half_width,
          .high_nats = mean + half_width,
          .level = 0.9};
}

// -0.75 / (1 + e^(-6 (0.8 - 0.9))) + 1, computed apart.
TEST(DownstreamTest, TheSigmoidTurnsLossIntoAccuracy) {
  EXPECT_THAT(TaskMetric(Task(), 0.8), RelativelyNear(0.7342422296693465, 1e-14));
}

TEST(DownstreamTest, ChanceAndCeilingAreTheLimits) {
  EXPECT_EQ(TaskMetricAtEndlessLoss(Task()), 0.25);
  EXPECT_EQ(TaskMetricAtNoLoss(Task()), 1);
  EXPECT_THAT(TaskMetric(Task(), 50), RelativelyNear(0.25, 1e-12));
}

TEST(DownstreamTest, TheSlopeIsTheCentralDifference) {
  const double numeric = (TaskMetric(Task(), 0.8 + 1e-6) - TaskMetric(Task(), 0.8 - 1e-6)) / 2e-6;
  EXPECT_THAT(TaskMetricSlope(Task(), 0.8), RelativelyNear(numeric, 1e-8));
  EXPECT_LT(TaskMetricSlope(Task(), 0.8), 0);
}

TEST(DownstreamTest, TheInverseGivesTheLossBack) {
  EXPECT_THAT(LossForTaskMetric(Task(), TaskMetric(Task(), 0.83)),
              IsOkAndHolds(RelativelyNear(0.83, 1e-13)));
}

TEST(DownstreamTest, AMetricAtOrBelowChanceIsOutOfRange) {
  EXPECT_THAT(LossForTaskMetric(Task(), 0.25),
              StatusIs(absl::StatusCode::kOutOfRange, "chance level 0.25 and the ceiling 1"));
  EXPECT_THAT(LossForTaskMetric(Task(), 1.0),
              StatusIs(absl::StatusCode::kOutOfRange, "metric is 1"));
}

TEST(DownstreamTest, TheIntervalMapsTheEndsOfTheLoss) {
  const auto metric = PredictTaskMetric(Task(), Loss(0.8, 0.05));
  ASSERT_THAT(metric, IsOk());
  EXPECT_THAT(metric->low, RelativelyNear(TaskMetric(Task(), 0.85), 1e-13));
  EXPECT_THAT(metric->high, RelativelyNear(TaskMetric(Task(), 0.75), 1e-13));
  EXPECT_EQ(metric->chance, 0.25);
  EXPECT_EQ(metric->ceiling, 1);
}

// z(.95) = 1.6448536269514722.
TEST(DownstreamTest, TheResidualWidensTheIntervalInQuadrature) {
  TaskSigmoid task = Task();
  task.residual_std = 0.02;
  const auto metric = PredictTaskMetric(task, Loss(0.8, 0.05));
  const double alone = TaskMetric(task, 0.8) - TaskMetric(task, 0.85);
  EXPECT_THAT(metric->mean - metric->low,
              RelativelyNear(std::hypot(alone, 0.02 * 1.6448536269514722), 1e-12));
}

TEST(DownstreamTest, TheIntervalStaysBetweenChanceAndCeiling) {
  TaskSigmoid task = Task();
  task.residual_std = 0.5;
  const auto metric = PredictTaskMetric(task, Loss(0.8, 0.05));
  EXPECT_EQ(metric->low, 0.25);
  EXPECT_EQ(metric->high, 1);
}

TEST(DownstreamTest, AFlatOrInvertedSigmoidIsRefused) {
  TaskSigmoid task = Task();
  task.amplitude = 0;
  EXPECT_THAT(ValidateTaskSigmoid(task),
              StatusIs(absl::StatusCode::kInvalidArgument, "amplitude is 0"));
  task = Task();
  task.steepness = -1;
  EXPECT_THAT(PredictTaskMetric(task, Loss(0.8, 0.1)),
              StatusIs(absl::StatusCode::kInvalidArgument, "steepness is -1"));
  task = Task();
  task.offset = std::nan("");
  EXPECT_THAT(ValidateTaskSigmoid(task),
              StatusIs(absl::StatusCode::kInvalidArgument, "offset is nan"));
}

// Schaeffer et al. 2023: p = e^-1 a token at N = c, and p^5 for five of them.
TEST(DownstreamTest, ExactMatchIsThePowerOfTheTokenProbability) {
  const double loss = SchaefferTokenLoss(1e10, 1e10, -0.3);
  EXPECT_THAT(ExactMatchAccuracy(loss, 1), RelativelyNear(0.36787944117144233, 1e-14));
  EXPECT_THAT(ExactMatchAccuracy(loss, 5), RelativelyNear(0.006737946999085467, 1e-14));
}

TEST(DownstreamTest, TheLinearFirstStepFallsWithCompute) {
  const LinearTaskLoss line{.intercept = 5, .slope = -0.08};
  EXPECT_THAT(TaskLossOfFlops(line, std::exp(50.0)), RelativelyNear(1, 1e-12));
}

// Vectors gadre-*: error of 17 tasks at the loss of the same run.
TEST(DownstreamTest, GadresErrorIsReproduced) {
  EXPECT_THAT(GadreError(kGadreErrors[0], 2.9316409592381447),
              RelativelyNear(0.623201752881428, 1e-12));
  EXPECT_THAT(GadreError(kGadreErrors[2], 2.3952542496929174),
              RelativelyNear(0.45805563462043863, 1e-12));
}

}  // namespace
}  // namespace rhumb
