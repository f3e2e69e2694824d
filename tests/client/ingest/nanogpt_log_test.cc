// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/nanogpt_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::ingest {
namespace {

using testing_support::IsOk;
using testing_support::StatusIs;

LineReading Read(NanoGptLog& log, absl::string_view line) {
  const absl::StatusOr<LineReading> reading = log.Read(line);
  EXPECT_THAT(reading.status(), IsOk());
  return reading.value_or(LineReading());
}

TEST(NanoGptLogTest, AnIterationCountsTheStepThatItIs) {
  NanoGptLog log(LogFacts{});
  Read(log, "tokens per iteration will be: 491,520");
  const LineReading reading = Read(log, "iter 100: loss 6.9843, time 412.00ms, mfu 31.20%");
  ASSERT_EQ(reading.kind, LineKind::kTraining) << reading.reason;
  EXPECT_EQ(reading.sample.step(), 101);
  EXPECT_EQ(reading.sample.token_count(), 101 * 491520);
  EXPECT_DOUBLE_EQ(reading.sample.loss_nats(), 6.9843);
  EXPECT_DOUBLE_EQ(reading.sample.step_seconds(), 0.412);
  EXPECT_DOUBLE_EQ(reading.sample.tokens_per_second(), 491520 / 0.412);
}

TEST(NanoGptLogTest, AnEvaluationStandsBeforeItsStep) {
  NanoGptLog log({.global_batch_tokens = 1000});
  const LineReading reading = Read(log, "step 250: train loss 5.1234, val loss 5.2345");
  ASSERT_EQ(reading.kind, LineKind::kValidation);
  EXPECT_EQ(reading.sample.step(), 250);
  EXPECT_EQ(reading.sample.token_count(), 250000);
  EXPECT_DOUBLE_EQ(reading.sample.validation_loss_nats(), 5.2345);
  EXPECT_FALSE(reading.sample.has_loss_nats());
}

TEST(NanoGptLogTest, ALossOfNanIsNotFinite) {
  NanoGptLog log({.global_batch_tokens = 1000});
  const LineReading reading = Read(log, "iter 7: loss nan, time 412.00ms, mfu 31.20%");
  ASSERT_EQ(reading.kind, LineKind::kTraining);
  EXPECT_TRUE(reading.sample.loss_not_finite());
  EXPECT_FALSE(reading.sample.has_loss_nats());
}

TEST(NanoGptLogTest, WithoutTokensOfAStepTheFlagIsNamed) {
  NanoGptLog log(LogFacts{});
  EXPECT_THAT(log.Read("iter 7: loss 3.0, time 412.00ms, mfu 31.20%").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "--batch-tokens must be given"));
}

TEST(NanoGptLogTest, ALossThatIsNoNumberIsUnreadable) {
  NanoGptLog log({.global_batch_tokens = 1000});
  EXPECT_EQ(Read(log, "iter 7: loss , time 412.00ms").kind, LineKind::kUnreadable);
  EXPECT_EQ(Read(log, "saving checkpoint to out").kind, LineKind::kOther);
}

}  // namespace
}  // namespace rhumb::ingest
