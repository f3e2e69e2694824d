// SPDX-License-Identifier: Apache-2.0
#include "planner/track/loss_points.h"

#include <gtest/gtest.h>

#include <cmath>

#include "planner/fit/random.h"

namespace rhumb {
namespace {

RunSample Sample(int64_t attempt, int64_t step, double loss) {
  RunSample sample;
  sample.attempt = attempt;
  sample.step = step;
  sample.token_count = step * 1000;
  sample.loss_nats = loss;
  return sample;
}

// A flat curve with noise of correlation `rho` and deviation 0.02.
std::vector<RunSample> Noisy(int count, double rho) {
  Random random(7);
  std::vector<RunSample> samples;
  double wave = 0;
  for (int i = 1; i <= count; ++i) {
    wave = rho * wave + 0.02 * std::sqrt(1 - rho * rho) * random.Normal();
    samples.push_back(Sample(1, i, 3 + wave));
  }
  return samples;
}

TEST(LossPointsTest, LaterAttemptSupersedesWhatItDoesAnew) {
  const std::vector<RunSample> lasting = LastingSamples(
      {Sample(1, 10, 4), Sample(1, 20, 3.5), Sample(1, 30, 3.3), Sample(2, 20, 3.6)});
  ASSERT_EQ(lasting.size(), 2u);
  EXPECT_EQ(lasting.back().loss_nats, 3.6);
}

TEST(LossPointsTest, SpikeIsLeftOut) {
  std::vector<RunSample> samples = Noisy(100, 0);
  samples[50].loss_nats = 8;
  EXPECT_GE(ReduceLosses(samples, 0, 20).spike_count, 1);
  for (const LossPoint& point : ReduceLosses(samples, 0, 20).points) {
    EXPECT_NEAR(point.loss_nats, 3, 0.1);
  }
}

TEST(LossPointsTest, NoiseIsMeasured) {
  const LossPoints reduced = ReduceLosses(Noisy(2000, 0), 0, 20);
  EXPECT_TRUE(reduced.noise_is_measured);
  EXPECT_NEAR(reduced.sample_std_nats, 0.02, 0.002);
}

TEST(LossPointsTest, CorrelatedNoiseMakesPointsLessCertain) {
  const LossPoints reduced = ReduceLosses(Noisy(2000, 0.7), 0, 20);
  EXPECT_NEAR(reduced.correlation, 0.7, 0.08);
  const LossPoints plain = ReduceLosses(Noisy(2000, 0), 0, 20);
  EXPECT_GT(reduced.points.back().std_nats, 1.8 * plain.points.back().std_nats);
}

TEST(LossPointsTest, ValidationLossStandsInWhereNoTrainingLossIs) {
  RunSample sample = Sample(1, 10, 0);
  sample.loss_nats.reset();
  sample.validation_loss_nats = 3.1;
  const LossPoints reduced = ReduceLosses({sample}, 0, 20);
  ASSERT_EQ(reduced.points.size(), 1u);
  EXPECT_TRUE(reduced.is_validation);
}

TEST(LossPointsTest, LossThatIsNoNumberIsNotUsed) {
  EXPECT_TRUE(ReduceLosses({Sample(1, 10, std::nan(""))}, 0, 20).points.empty());
}

}  // namespace
}  // namespace rhumb
