// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/sample_times.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::ingest {
namespace {

v1::RunSample Step(int64_t step, double step_seconds) {
  v1::RunSample sample;
  sample.set_step(step);
  if (step_seconds > 0) sample.set_step_seconds(step_seconds);
  return sample;
}

TEST(SampleTimesTest, AreCountedBackFromTheEndByTheTimeOfSteps) {
  const std::vector<v1::RunSample> samples =
      WithTimes({Step(10, 2), Step(20, 2), Step(25, 4)}, absl::FromUnixSeconds(1000));
  EXPECT_EQ(samples[2].sample_time().seconds(), 1000);
  EXPECT_EQ(samples[1].sample_time().seconds(), 980);
  EXPECT_EQ(samples[0].sample_time().seconds(), 960);
}

TEST(SampleTimesTest, WhatHasATimeKeepsItAndTheOthersAreCountedFromIt) {
  std::vector<v1::RunSample> samples = {Step(10, 2), Step(20, 2), Step(30, 2)};
  samples[1].mutable_sample_time()->set_seconds(500);
  samples = WithTimes(samples, absl::FromUnixSeconds(1000));
  EXPECT_EQ(samples[0].sample_time().seconds(), 480);
  EXPECT_EQ(samples[1].sample_time().seconds(), 500);
  EXPECT_EQ(samples[2].sample_time().seconds(), 520);
}

TEST(SampleTimesTest, AValidationIsOfTheTimeOfTheStepBeforeIt) {
  std::vector<v1::RunSample> samples = {Step(10, 2), Step(10, 0), Step(20, 2)};
  samples[0].mutable_sample_time()->set_seconds(500);
  samples[2].mutable_sample_time()->set_seconds(530);
  samples = WithTimes(samples, absl::FromUnixSeconds(1000));
  EXPECT_EQ(samples[1].sample_time().seconds(), 500);
}

TEST(SampleTimesTest, WithoutTimesOfStepsAllAreOfTheEnd) {
  const std::vector<v1::RunSample> samples =
      WithTimes({Step(10, 0), Step(20, 0)}, absl::FromUnixSeconds(1000));
  EXPECT_EQ(samples[0].sample_time().seconds(), 1000);
}

TEST(SampleTimesTest, AttemptsWithoutTimesLieOneBehindTheOther) {
  const std::vector<AttemptSamples> attempts =
      WithTimes({{.attempt_id = "1", .samples = {Step(10, 2), Step(20, 2)}},
                 {.attempt_id = "2", .samples = {Step(11, 4), Step(12, 4)}}},
                absl::FromUnixSeconds(1000));
  EXPECT_EQ(attempts[1].samples[1].sample_time().seconds(), 1000);
  EXPECT_EQ(attempts[1].samples[0].sample_time().seconds(), 996);
  // Its one step took 4 s.
  EXPECT_EQ(attempts[0].samples[1].sample_time().seconds(), 992);
  EXPECT_EQ(attempts[0].samples[0].sample_time().seconds(), 972);
}

TEST(SampleTimesTest, ALogBeginsBeforeItsFirstSampleByTheStepsThatItStandsFor) {
  const auto begin = [](std::vector<v1::RunSample> samples) {
    return absl::ToUnixSeconds(BeginOf(WithTimes(std::move(samples), absl::FromUnixSeconds(1000))));
  };
  EXPECT_EQ(begin({Step(10, 2), Step(20, 2)}), 960);
  // Gone on with from step 500.
  EXPECT_EQ(begin({Step(510, 2), Step(520, 2)}), 960);
  EXPECT_EQ(begin({Step(1, 2), Step(20, 2)}), 960);
  EXPECT_EQ(begin({Step(5, 2)}), 998);
  EXPECT_EQ(begin({Step(0, 0), Step(1, 2)}), 998);
  EXPECT_EQ(begin({Step(5, 0)}), 1000);
}

}  // namespace
}  // namespace rhumb::ingest
