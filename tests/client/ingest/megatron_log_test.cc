// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/megatron_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::ingest {
namespace {

using ::testing::HasSubstr;
using testing_support::IsOk;
using testing_support::StatusIs;

// Forms as printed by Megatron-LM core 0.13 (training_log()); numbers are of no real run.
constexpr char kLine[] =
    " [2025-08-01 07:19:37] iteration        4/    5000 | consumed samples:          512 | elapsed "
    "time per iteration (ms): 2000.0 | throughput per GPU (TFLOP/s/GPU): 80.2 | learning rate: "
    "6.976744E-08 | global batch size:   128 | lm loss: 1.043863E+01 | loss scale: 1.0 | grad "
    "norm: "
    "26.203 | number of skipped iterations:   0 | number of nan iterations:   0 |";

LogFacts Length4096() { return {.sequence_length = 4096}; }

LineReading Read(MegatronLog& log, absl::string_view line) {
  const absl::StatusOr<LineReading> reading = log.Read(line);
  EXPECT_THAT(reading.status(), IsOk());
  return reading.value_or(LineReading());
}

TEST(MegatronLogTest, ATrainingLineIsASample) {
  MegatronLog log(Length4096());
  const LineReading reading = Read(log, kLine);
  ASSERT_EQ(reading.kind, LineKind::kTraining) << reading.reason;
  const v1::RunSample& sample = reading.sample;
  EXPECT_EQ(sample.step(), 4);
  EXPECT_EQ(sample.token_count(), 512 * 4096);
  EXPECT_DOUBLE_EQ(sample.loss_nats(), 10.43863);
  EXPECT_DOUBLE_EQ(sample.step_seconds(), 2);
  EXPECT_DOUBLE_EQ(sample.tokens_per_second(), 128 * 4096 / 2.0);
  EXPECT_DOUBLE_EQ(sample.learning_rate(), 6.976744e-08);
  EXPECT_DOUBLE_EQ(sample.gradient_norm(), 26.203);
  EXPECT_TRUE(sample.has_sample_time());
  EXPECT_FALSE(sample.loss_not_finite());
}

TEST(MegatronLogTest, ATargetIsToldByIterationsOfOneSize) {
  MegatronLog log(Length4096());
  Read(log, kLine);
  EXPECT_EQ(log.facts().target_token_count, 5000LL * 128 * 4096);
}

TEST(MegatronLogTest, ABatchThatGrewTellsNoTarget) {
  MegatronLog log(Length4096());
  Read(log,
       " iteration 100/ 5000 | consumed samples: 3200 | elapsed time per iteration (ms): 1.0 | "
       "global batch size: 64 | lm loss: 3.0E+00 |");
  EXPECT_EQ(log.facts().target_token_count, std::nullopt);
}

TEST(MegatronLogTest, TheLengthOfSequencesIsReadFromTheDumpOfArguments) {
  MegatronLog log(LogFacts{});
  Read(log, "  seq_length ...................................... 2048");
  Read(log, "  world_size ...................................... 64");
  EXPECT_EQ(Read(log, kLine).sample.token_count(), 512 * 2048);
  EXPECT_EQ(log.facts().gpu_count, 64);
}

TEST(MegatronLogTest, WhatIsGivenWinsOverTheLogAndTheLogOverWhatIsAssumed) {
  MegatronLog given({.sequence_length = 4096});
  Read(given, "  seq_length ...................................... 2048");
  EXPECT_EQ(given.facts().sequence_length, 4096);
  MegatronLog assumed({}, {.sequence_length = 4096});
  EXPECT_EQ(assumed.facts().sequence_length, 4096);
  Read(assumed, "  seq_length ...................................... 2048");
  EXPECT_EQ(assumed.facts().sequence_length, 2048);
}

TEST(MegatronLogTest, WithoutALengthTheFlagThatGivesItIsNamed) {
  MegatronLog log(LogFacts{});
  EXPECT_THAT(log.Read(kLine).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "--sequence-length must be given"));
}

TEST(MegatronLogTest, OldLinesThatCountIterationsAloneNeedTheTokensOfAStep) {
  constexpr char kOld[] =
      " iteration      100/  500000 | elapsed time per iteration (ms): 512.4 | learning rate "
      "1.500E-04 | lm loss 6.123456E+00 | loss scale 65536.0 |";
  MegatronLog without(LogFacts{});
  EXPECT_THAT(without.Read(kOld).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "--batch-tokens must be given"));
  MegatronLog with({.global_batch_tokens = 1000});
  EXPECT_EQ(Read(with, kOld).sample.token_count(), 100000);
}

TEST(MegatronLogTest, NanIterationsAreALossThatIsNotFinite) {
  MegatronLog log(Length4096());
  const LineReading reading = Read(
      log,
      " iteration 5/ 5000 | consumed samples: 640 | elapsed time per iteration (ms): 2.0 | global "
      "batch size: 128 | number of skipped iterations: 0 | number of nan iterations:   1 |");
  ASSERT_EQ(reading.kind, LineKind::kTraining);
  EXPECT_TRUE(reading.sample.loss_not_finite());
  EXPECT_FALSE(reading.sample.has_loss_nats());
}

TEST(MegatronLogTest, AValidationIsASampleOfItsOwnAtTheTokensOfItsIteration) {
  MegatronLog log(Length4096());
  Read(log, kLine);
  const LineReading reading = Read(
      log,
      " validation loss at iteration 4 | lm loss value: 2.724416E+00 | lm loss PPL: 1.5E+01 | ");
  ASSERT_EQ(reading.kind, LineKind::kValidation);
  EXPECT_DOUBLE_EQ(reading.sample.validation_loss_nats(), 2.724416);
  EXPECT_EQ(reading.sample.token_count(), 512 * 4096);
  EXPECT_FALSE(reading.sample.has_loss_nats());
}

TEST(MegatronLogTest, TheHighestMemoryOfTheRanksIsOfTheSamplesBehind) {
  MegatronLog log(Length4096());
  Read(log,
       "[Rank 4] (after 1 iterations) memory (MB) | allocated: 9334.4 | max allocated: 10606.5 | "
       "reserved: 10998.0 | max reserved: 10998.0");
  Read(log,
       "[Rank 0] (after 1 iterations) memory (MB) | allocated: 9334.4 | max allocated: 2048.0 | "
       "reserved: 10998.0 | max reserved: 10998.0");
  EXPECT_EQ(Read(log, kLine).sample.peak_memory_bytes(), 11121721344);  // 10606.5 x 2^20
}

TEST(MegatronLogTest, ALineTornApartIsUnreadableAndSaysWhy) {
  MegatronLog log(Length4096());
  const LineReading reading =
      Read(log, " iteration  | consumed samples: 640 | elapsed time per iteration (ms): 2.0 |");
  EXPECT_EQ(reading.kind, LineKind::kUnreadable);
  EXPECT_THAT(reading.reason, HasSubstr("iteration"));
}

TEST(MegatronLogTest, OtherLinesArePassedOver) {
  MegatronLog log(Length4096());
  EXPECT_EQ(Read(log, "saving checkpoint at iteration    1000 to /ckpt").kind, LineKind::kOther);
  EXPECT_EQ(Read(log, "").kind, LineKind::kOther);
}

}  // namespace
}  // namespace rhumb::ingest
