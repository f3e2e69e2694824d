// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/csv_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::ingest {
namespace {

using ::testing::HasSubstr;
using testing_support::IsOk;
using testing_support::StatusIs;

LineReading Read(CsvLog& log, absl::string_view line) {
  const absl::StatusOr<LineReading> reading = log.Read(line);
  EXPECT_THAT(reading.status(), IsOk());
  return reading.value_or(LineReading());
}

TEST(CsvLogTest, ColumnsMayHaveShortNamesAndAnyOrder) {
  CsvLog log(LogFacts{});
  Read(log, "loss,step,tokens,lr,host");
  const LineReading reading = Read(log, "2.5,10,1.5M,3e-4,node7");
  ASSERT_EQ(reading.kind, LineKind::kTraining) << reading.reason;
  EXPECT_EQ(reading.sample.step(), 10);
  EXPECT_EQ(reading.sample.token_count(), 1500000);
  EXPECT_DOUBLE_EQ(reading.sample.loss_nats(), 2.5);
  EXPECT_DOUBLE_EQ(reading.sample.learning_rate(), 3e-4);
}

TEST(CsvLogTest, TokensMayBeCountedFromSteps) {
  CsvLog log({.global_batch_tokens = 524288});
  Read(log, "step,loss,step_seconds");
  const LineReading reading = Read(log, "3,2.5,0.5");
  EXPECT_EQ(reading.sample.token_count(), 3 * 524288);
  EXPECT_DOUBLE_EQ(reading.sample.tokens_per_second(), 1048576);
}

TEST(CsvLogTest, AHeaderWithoutTokensOrStepsIsRefused) {
  CsvLog log(LogFacts{});
  EXPECT_THAT(log.Read("time,loss").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "token_count"));
}

TEST(CsvLogTest, StepsAloneNeedTheTokensOfAStep) {
  CsvLog log(LogFacts{});
  EXPECT_THAT(log.Read("step,loss").status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "--batch-tokens"));
}

TEST(CsvLogTest, AWrongCellNamesItsColumn) {
  CsvLog log(LogFacts{});
  Read(log, "tokens,loss");
  const LineReading reading = Read(log, "1000,high");
  EXPECT_EQ(reading.kind, LineKind::kUnreadable);
  EXPECT_THAT(reading.reason, HasSubstr("column loss_nats: "));
  EXPECT_THAT(Read(log, "1000").reason, HasSubstr("has 1 cells, the first line has 2"));
  EXPECT_THAT(Read(log, "1.5,2").reason, HasSubstr("column token_count: must be a whole number"));
}

TEST(CsvLogTest, ALossOfNanIsNotFinite) {
  CsvLog log(LogFacts{});
  Read(log, "tokens,loss");
  const LineReading reading = Read(log, "1000,NaN");
  ASSERT_EQ(reading.kind, LineKind::kTraining);
  EXPECT_TRUE(reading.sample.loss_not_finite());
}

TEST(CsvLogTest, ARowOfAValidationAloneIsNoTraining) {
  CsvLog log(LogFacts{});
  Read(log, "tokens,loss,val_loss");
  EXPECT_EQ(Read(log, "1000,,2.5").kind, LineKind::kValidation);
}

TEST(CsvLogTest, WhereASampleWasStoredBeforeIsNotRead) {
  CsvLog log(LogFacts{});
  Read(log, "sequence,sample_time,step,token_count,loss_nats,attempt,sample_count,loss_not_finite");
  const LineReading reading = Read(log, "17,2027-03-01T12:00:00Z,4,4000,2.5,3,10,true");
  ASSERT_EQ(reading.kind, LineKind::kTraining) << reading.reason;
  EXPECT_EQ(reading.sample.sequence(), 0);
  EXPECT_EQ(reading.sample.attempt(), 0);
  EXPECT_EQ(reading.sample.sample_time().seconds(), 1803902400);
  EXPECT_TRUE(reading.sample.loss_not_finite());
}

}  // namespace
}  // namespace rhumb::ingest
