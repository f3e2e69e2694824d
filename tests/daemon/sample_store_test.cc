// SPDX-License-Identifier: Apache-2.0
// Samples of runs on real SQLite files: what is stored once, and what is read back.
#include "daemon/store/sample_store.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/daemon/sample_fixture.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using ::testing::SizeIs;

using SampleStoreTest = SampleFixture;

TEST_F(SampleStoreTest, ASampleComesBackAsItWas) {
  StoredSample sample = At(7);
  sample.sample.loss_nats = 2.0 / 3;
  sample.sample.validation_loss_nats = 2.5;
  sample.sample.step_seconds = 0.1;
  sample.sample.tokens_per_second = 1e6;
  sample.sample.learning_rate = 3e-4;
  sample.sample.gradient_norm = 1.25;
  sample.sample.noise_scale_tokens = 1.5e6;
  sample.sample.peak_memory_bytes = int64_t{75} << 30;
  sample.sample.loss_not_finite = true;
  Append("a", {sample});
  const StoredSample read = OnlySample();
  EXPECT_EQ(read.sequence, 7);
  EXPECT_EQ(read.sample_count, 1);
  EXPECT_EQ(read.sample.attempt, 1);
  EXPECT_DOUBLE_EQ(read.sample.time_seconds, sample.sample.time_seconds);
  EXPECT_EQ(read.sample.step, sample.sample.step);
  EXPECT_EQ(read.sample.token_count, sample.sample.token_count);
  EXPECT_EQ(read.sample.loss_nats, 2.0 / 3);
  EXPECT_EQ(read.sample.validation_loss_nats, 2.5);
  EXPECT_EQ(read.sample.step_seconds, 0.1);
  EXPECT_EQ(read.sample.tokens_per_second, 1e6);
  EXPECT_EQ(read.sample.learning_rate, 3e-4);
  EXPECT_EQ(read.sample.gradient_norm, 1.25);
  EXPECT_EQ(read.sample.noise_scale_tokens, 1.5e6);
  EXPECT_EQ(read.sample.peak_memory_bytes, int64_t{75} << 30);
  EXPECT_TRUE(read.sample.loss_not_finite);
}

TEST_F(SampleStoreTest, WhatWasNotReportedStaysAbsent) {
  StoredSample sample = At(1);
  sample.sample.loss_nats.reset();
  Append("a", {At(2), sample});
  const RunSample read = All().front().sample;
  EXPECT_EQ(read.loss_nats, std::nullopt);
  EXPECT_EQ(read.validation_loss_nats, std::nullopt);
  EXPECT_EQ(read.peak_memory_bytes, std::nullopt);
}

TEST_F(SampleStoreTest, SamplesToldAgainAreStoredOnce) {
  EXPECT_EQ(Append("a", {At(1), At(2)}).stored_count, 2);
  const AppendAnswer again = Append("a", {At(1), At(2), At(3)});
  EXPECT_EQ(again.stored_count, 1);
  EXPECT_EQ(again.duplicate_count, 2);
  EXPECT_EQ(again.late_count, 0);
  EXPECT_EQ(again.last_sequence, 3);
  EXPECT_THAT(again.stored_indices, ElementsAre(2u));
  EXPECT_THAT(Sequences(), ElementsAre(1, 2, 3));
}

TEST_F(SampleStoreTest, OfTwoInOneCallTheFirstIsStored) {
  StoredSample other = At(1);
  other.sample.loss_nats = 9;
  const AppendAnswer answer = Append("a", {At(1), other});
  EXPECT_EQ(answer.stored_count, 1);
  EXPECT_EQ(answer.duplicate_count, 1);
  EXPECT_THAT(answer.stored_indices, ElementsAre(0u));
  EXPECT_EQ(OnlySample().sample.loss_nats, At(1).sample.loss_nats);
}

TEST_F(SampleStoreTest, SamplesComeInAnyOrder) {
  const AppendAnswer first = Append("a", {At(5), At(2)});
  EXPECT_EQ(first.last_sequence, 5);
  const AppendAnswer second = Append("a", {At(9), At(1), At(5), At(4)});
  EXPECT_EQ(second.stored_count, 3);
  EXPECT_EQ(second.duplicate_count, 1);
  EXPECT_EQ(second.last_sequence, 9);
  EXPECT_THAT(Sequences(), ElementsAre(1, 2, 4, 5, 9));
}

TEST_F(SampleStoreTest, AttemptsAreNumberedAsTheyAppear) {
  EXPECT_EQ(Append("job-9", {At(1)}).attempt, 1);
  EXPECT_EQ(Append("job-2", {At(1)}).attempt, 2);
  EXPECT_EQ(Append("job-9", {At(2)}).attempt, 1);
  EXPECT_EQ(Append("job-2", {At(1)}, kOther).attempt, 1);
  const auto attempts = *samples().Attempts(kRun);
  ASSERT_THAT(attempts, SizeIs(2));
  EXPECT_EQ(attempts[0].attempt_id, "job-9");
  EXPECT_EQ(attempts[1].attempt_id, "job-2");
}

TEST_F(SampleStoreTest, AnAttemptSaysWhatItsSamplesSay) {
  Append("a", {At(3), At(10), At(4)});
  const StoredAttempt attempt = samples().Attempts(kRun)->front();
  EXPECT_EQ(attempt.sample_count, 3);
  EXPECT_EQ(attempt.first_time_ns, TimeNsOf(3));
  EXPECT_EQ(attempt.last_time_ns, TimeNsOf(10));
  EXPECT_EQ(attempt.first_step, 30);
  EXPECT_EQ(attempt.last_step, 100);
  EXPECT_EQ(attempt.first_token_count, 3000);
  EXPECT_EQ(attempt.last_token_count, 10000);
  EXPECT_EQ(attempt.last_sequence, 10);
}

TEST_F(SampleStoreTest, OneSequenceInTwoAttemptsIsTwoSamples) {
  Append("a", {At(1)});
  EXPECT_EQ(Append("b", {At(1)}).stored_count, 1);
  EXPECT_THAT(All(), SizeIs(2));
}

TEST_F(SampleStoreTest, NoSamplesMakeNoAttempt) {
  EXPECT_EQ(Append("a", {}).attempt, 0);
  EXPECT_THAT(*samples().Attempts(kRun), IsEmpty());
}

TEST_F(SampleStoreTest, AnUnknownRunTakesNoSamples) {
  EXPECT_THAT(samples().Append({"runs/r-none", "a", {At(1)}}, kNow, Anybody),
              StatusIs(absl::StatusCode::kNotFound, "runs/r-none"));
}

TEST_F(SampleStoreTest, ARefusedCallStoresNothing) {
  const auto refuse = [](const StoredRun& run) {
    EXPECT_EQ(run.owner_uid, 1000);
    return absl::PermissionDeniedError("not yours");
  };
  EXPECT_THAT(samples().Append({kRun, "a", {At(1)}}, kNow, refuse),
              StatusIs(absl::StatusCode::kPermissionDenied, "not yours"));
  EXPECT_THAT(*samples().Attempts(kRun), IsEmpty());
}

TEST_F(SampleStoreTest, OneRefusedOfManyKeepsOutNoOther) {
  const auto answers = samples().AppendMany(
      {{kRun, "a", {At(1)}}, {"runs/r-none", "a", {At(1)}}, {kOther, "a", {At(1), At(2)}}}, kNow,
      Anybody);
  ASSERT_THAT(answers, IsOk());
  ASSERT_THAT(*answers, SizeIs(3));
  EXPECT_EQ((*answers)[0]->stored_count, 1);
  EXPECT_THAT((*answers)[1], StatusIs(absl::StatusCode::kNotFound, "runs/r-none"));
  EXPECT_EQ((*answers)[2]->stored_count, 2);
  EXPECT_THAT(All(kOther), SizeIs(2));
}

TEST_F(SampleStoreTest, SamplesAreThereAfterARestart) {
  Append("a", {At(1), At(2)});
  Append("b", {At(1)});
  Reopen();
  EXPECT_THAT(All(), SizeIs(3));
  EXPECT_EQ(Append("b", {At(1), At(2)}).duplicate_count, 1);
  EXPECT_EQ(Append("c", {At(1)}).attempt, 3);
}

TEST_F(SampleStoreTest, PagesMeetWithoutGapOrOverlap) {
  Append("a", {At(1), At(2), At(3)});
  Append("b", {At(1), At(2)});
  std::vector<int64_t> seen;
  SamplePosition after;
  while (true) {
    const auto page = *samples().Read(kRun, after, 2);
    for (const StoredSample& each : page) seen.push_back(each.sample.attempt * 10 + each.sequence);
    if (page.empty()) break;
    after = {page.back().sample.attempt, page.back().sequence};
  }
  EXPECT_THAT(seen, ElementsAre(11, 12, 13, 21, 22));
}

TEST_F(SampleStoreTest, TheRunIsTouchedAtMostOnceAMinute) {
  const int64_t before = (*store_->runs().Find(kRun))->update_time_ns;
  Append("a", {At(1)}, kRun, before + 59 * kSecond);
  EXPECT_EQ((*store_->runs().Find(kRun))->update_time_ns, before);
  Append("a", {At(2)}, kRun, before + 60 * kSecond);
  EXPECT_EQ((*store_->runs().Find(kRun))->update_time_ns, before + 60 * kSecond);
}

TEST_F(SampleStoreTest, KnownSamplesTouchNothing) {
  Append("a", {At(1)});
  const int64_t before = (*store_->runs().Find(kRun))->update_time_ns;
  Append("a", {At(1)}, kRun, before + 3600 * kSecond);
  EXPECT_EQ((*store_->runs().Find(kRun))->update_time_ns, before);
}

TEST_F(SampleStoreTest, TheLastSampleIsOfTheAttemptThatBeganLast) {
  EXPECT_FALSE(samples().LastSample(kRun)->has_value());
  Append("later", {At(100), At(101)});
  // Told after it ended, from what its process had kept.
  Append("earlier", {At(1), At(150)});
  EXPECT_THAT(*samples().LastSample(kRun),
              Optional(::testing::Field(&StoredSample::sequence, 101)));
}

TEST_F(SampleStoreTest, ASeriesHasMeansWithCountsInOrderOfTokens) {
  Append("a", Range(1, 100));
  const auto series = *samples().ReadSeries(kRun, 10);
  ASSERT_THAT(series, SizeIs(10));
  int64_t count = 0, tokens = 0;
  double sum = 0;
  for (const StoredSample& point : series) {
    EXPECT_EQ(point.sample_count, 10);
    EXPECT_GT(point.sample.token_count, tokens);
    tokens = point.sample.token_count;
    count += point.sample_count;
    sum += *point.sample.loss_nats * static_cast<double>(point.sample_count);
  }
  double expected = 0;
  for (const StoredSample& sample : Range(1, 100)) expected += *sample.sample.loss_nats;
  EXPECT_EQ(count, 100);
  EXPECT_NEAR(sum, expected, 1e-9);
}

TEST_F(SampleStoreTest, AShortSeriesIsTheSamplesThemselves) {
  Append("a", Range(1, 5));
  const auto series = *samples().ReadSeries(kRun, 1000);
  ASSERT_THAT(series, SizeIs(5));
  EXPECT_EQ(series[2].sequence, 3);
}

TEST_F(SampleStoreTest, WhereTokensFellBackTheLaterAttemptCounts) {
  Append("a", Range(1, 10));
  std::vector<StoredSample> resumed;
  for (int64_t i = 1; i <= 10; ++i) {
    StoredSample sample = At(5 + i);  // from the checkpoint after 5
    sample.sequence = i;
    sample.sample.time_seconds += 1000;
    sample.sample.loss_nats = 1;
    resumed.push_back(sample);
  }
  Append("b", resumed);
  const auto series = *samples().ReadSeries(kRun, 1000);
  ASSERT_THAT(series, SizeIs(15));
  for (size_t i = 0; i < series.size(); ++i) {
    EXPECT_EQ(series[i].sample.attempt, i < 5 ? 1 : 2) << i;
    EXPECT_EQ(series[i].sample.token_count, static_cast<int64_t>(i + 1) * 1000);
  }
}

TEST_F(SampleStoreTest, AnyOrderWithRepetitionsStoresEachOnce) {
  std::mt19937 random(7);
  std::vector<StoredSample> told = Range(1, 300);
  const std::vector<StoredSample> again = told;
  told.insert(told.end(), again.begin(), again.end());
  std::shuffle(told.begin(), told.end(), random);
  int64_t stored = 0, duplicates = 0;
  for (size_t i = 0; i < told.size();) {
    const size_t size = std::min<size_t>(1 + random() % 20, told.size() - i);
    const auto from = told.begin() + static_cast<std::ptrdiff_t>(i);
    const AppendAnswer answer = Append("a", {from, from + static_cast<std::ptrdiff_t>(size)});
    stored += answer.stored_count;
    duplicates += answer.duplicate_count;
    i += size;
  }
  EXPECT_EQ(stored, 300);
  EXPECT_EQ(duplicates, 300);
  EXPECT_THAT(All(), SizeIs(300));
  EXPECT_EQ(samples().Attempts(kRun)->front().sample_count, 300);
}

}  // namespace
}  // namespace rhumb::daemon
