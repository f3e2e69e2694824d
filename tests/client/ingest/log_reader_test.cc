// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/log_reader.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing_support::IsOk;

constexpr char kLog[] =
    "tokens per iteration will be: 1000\n"
    "iter 0: loss 10.0, time 5.00ms, mfu -100.00%\n"
    "iter 10: loss 9.0, time 5.00ms, mfu 1.00%\n"
    "step 11: train loss 8.9, val loss 9.1\n"
    "iter 20: loss 8.0, time 5.00ms, mfu 1.00%\n"
    "iter 11: loss 8.9, time 5.00ms, mfu 1.00%\n"
    "iter 21: loss 7.9, time 5.00ms, mfu 1.00%\n";

LogReader ReaderOf(absl::string_view text) {
  LogReader reader(LogFormat::kNanoGpt, LogFacts{});
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    EXPECT_THAT(reader.Feed(line), IsOk());
  }
  return reader;
}

std::vector<int64_t> Sequences(const AttemptSamples& attempt) {
  std::vector<int64_t> sequences;
  for (const v1::RunSample& sample : attempt.samples) sequences.push_back(sample.sequence());
  return sequences;
}

TEST(LogReaderTest, AnAttemptEndsWhereStepsFallBack) {
  LogReader reader = ReaderOf(kLog);
  const std::vector<AttemptSamples> attempts = reader.Take();
  ASSERT_THAT(attempts, SizeIs(2));
  EXPECT_THAT(Sequences(attempts[0]), ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(Sequences(attempts[1]), ElementsAre(6, 7));
  EXPECT_EQ(attempts[0].attempt_id, absl::StrCat("nanogpt-", reader.fingerprint(), "-1"));
  EXPECT_EQ(attempts[1].attempt_id, absl::StrCat("nanogpt-", reader.fingerprint(), "-2"));
}

TEST(LogReaderTest, ALogThatHasGrownGivesTheSameSamplesAgain) {
  LogReader whole = ReaderOf(kLog);
  LogReader part = ReaderOf(absl::string_view(kLog).substr(0, 170));
  const std::vector<AttemptSamples> of_whole = whole.Take(), of_part = part.Take();
  ASSERT_THAT(of_part, SizeIs(1));
  EXPECT_EQ(of_part[0].attempt_id, of_whole[0].attempt_id);
  ASSERT_LE(of_part[0].samples.size(), of_whole[0].samples.size());
  EXPECT_EQ(of_part[0].samples[1].sequence(), of_whole[0].samples[1].sequence());
}

TEST(LogReaderTest, AnotherLogHasAnotherId) {
  LogReader one = ReaderOf(kLog);
  LogReader other = ReaderOf(absl::StrCat("resumed from a checkpoint\n", kLog));
  EXPECT_NE(one.fingerprint(), other.fingerprint());
}

TEST(LogReaderTest, WhatIsTakenIsNotTakenAgain) {
  LogReader reader = ReaderOf(kLog);
  EXPECT_EQ(reader.pending_count(), 6);
  reader.Take();
  EXPECT_EQ(reader.pending_count(), 0);
  EXPECT_THAT(reader.Take(), SizeIs(0));
  ASSERT_THAT(reader.Feed("iter 31: loss 7.5, time 5.00ms, mfu 1.00%"), IsOk());
  const std::vector<AttemptSamples> more = reader.Take();
  ASSERT_THAT(more, SizeIs(1));
  EXPECT_EQ(more[0].attempt_id, absl::StrCat("nanogpt-", reader.fingerprint(), "-2"));
}

TEST(LogReaderTest, UnreadableLinesAreNumberedAndBeyondSomeOnlyCounted) {
  LogReader reader(LogFormat::kNanoGpt, {.global_batch_tokens = 10});
  for (int i = 0; i < kDescribedLines + 5; ++i) {
    ASSERT_THAT(reader.Feed("iter 7: loss ?"), IsOk());
  }
  EXPECT_EQ(reader.unreadable_count(), kDescribedLines + 5);
  ASSERT_THAT(reader.unreadable(), SizeIs(kDescribedLines));
  EXPECT_EQ(reader.unreadable()[1].line, 2);
}

TEST(LogReaderTest, AnErrorNamesTheLine) {
  LogReader reader(LogFormat::kNanoGpt, LogFacts{});
  ASSERT_THAT(reader.Feed("found vocab_size = 65"), IsOk());
  EXPECT_THAT(std::string(reader.Feed("iter 0: loss 10.0, time 5.00ms, mfu 1.00%").message()),
              StartsWith("line 2: --batch-tokens"));
}

TEST(LogReaderTest, WithoutStepsTokensTellAttemptsApart) {
  LogReader reader(LogFormat::kCsv, LogFacts{});
  for (const char* line : {"tokens,loss", "1000,5", "2000,4", "1500,4.5"}) {
    ASSERT_THAT(reader.Feed(line), IsOk());
  }
  EXPECT_THAT(reader.Take(), SizeIs(2));
}

}  // namespace
}  // namespace rhumb::ingest
