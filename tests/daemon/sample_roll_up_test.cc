// SPDX-License-Identifier: Apache-2.0
// Merging samples as they age: what may change, which is their number, and what may not.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/daemon/sample_fixture.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr int64_t kDay = 86400;

class SampleRollUpTest : public SampleFixture {
 protected:
  // That many seconds after the first sample.
  RollUpAnswer RollUp(int64_t seconds, const RollUpPolicy& policy = {}) {
    const auto answer = samples().RollUp(policy, kStart + seconds * kSecond);
    EXPECT_THAT(answer, IsOk());
    return answer.ok() ? *answer : RollUpAnswer();
  }
};

// Of everything that is stored: what no roll-up may change.
struct Totals {
  int64_t sample_count = 0;
  double loss_sum = 0, step_sum = 0;
  std::optional<int64_t> peak;
};

Totals TotalsOf(const std::vector<StoredSample>& samples) {
  Totals totals;
  for (const StoredSample& each : samples) {
    const auto weight = static_cast<double>(each.sample_count);
    totals.sample_count += each.sample_count;
    totals.loss_sum += weight * each.sample.loss_nats.value_or(0);
    totals.step_sum += weight * each.sample.step_seconds.value_or(0);
    if (each.sample.peak_memory_bytes.has_value()) {
      totals.peak = std::max(totals.peak.value_or(0), *each.sample.peak_memory_bytes);
    }
  }
  return totals;
}

TEST_F(SampleRollUpTest, YoungSamplesStay) {
  Append("a", Range(0 + 1, 100));
  EXPECT_EQ(RollUp(3600).removed_count, 0);
  EXPECT_THAT(All(), SizeIs(100));
}

TEST_F(SampleRollUpTest, AfterAnHourTenSecondsAreOneMean) {
  Append("a", Range(1, 25));
  EXPECT_EQ(RollUp(3600 + 20).removed_count, 17);
  const auto all = All();
  EXPECT_THAT(Sequences(), ElementsAre(9, 19, 20, 21, 22, 23, 24, 25));
  EXPECT_EQ(all[0].sample_count, 9);
  EXPECT_EQ(all[1].sample_count, 10);
  EXPECT_EQ(all[2].sample_count, 1);
  // Time, step and tokens are those of the last; the loss is the mean.
  EXPECT_EQ(all[1].sample.step, 190);
  EXPECT_EQ(all[1].sample.token_count, 19000);
  double sum = 0;
  for (const StoredSample& each : Range(10, 19)) sum += *each.sample.loss_nats;
  EXPECT_NEAR(*all[1].sample.loss_nats, sum / 10, 1e-12);
}

TEST_F(SampleRollUpTest, AfterTwoDaysFiveMinutesAreOneMean) {
  Append("a", Range(1, 700));
  RollUp(3700);
  RollUp(2 * kDay + 600);
  EXPECT_THAT(Sequences(),
              ElementsAre(299, 599, 609, 619, 629, 639, 649, 659, 669, 679, 689, 699, 700));
  EXPECT_EQ(All()[1].sample_count, 300);
}

TEST_F(SampleRollUpTest, AfterNinetyDaysASummaryStays) {
  std::vector<StoredSample> sparse;
  for (int64_t i = 1; i <= 3000; ++i) {
    StoredSample sample = At(i);
    sample.sample.time_seconds += static_cast<double>(i) * 300;
    sparse.push_back(sample);
  }
  Append("a", sparse);
  const Totals before = TotalsOf(All());
  RollUp(200 * kDay);
  const auto all = All();
  EXPECT_LE(all.size(), 201u);
  EXPECT_GE(all.size(), 100u);
  EXPECT_EQ(TotalsOf(all).sample_count, 3000);
  EXPECT_NEAR(TotalsOf(all).loss_sum, before.loss_sum, 1e-7);
  // Spread evenly over the tokens: a point for 16384 of them, of 1000 each sample.
  for (size_t i = 1; i + 1 < all.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(all[i].sample_count), 16.5, 0.5) << i;
  }
}

TEST_F(SampleRollUpTest, ASecondRollUpChangesNothing) {
  Append("a", Range(1, 2000));
  for (const int64_t seconds : {int64_t{4100}, 2 * kDay + 900, 91 * kDay}) {
    RollUp(seconds);
    const auto once = All();
    EXPECT_EQ(RollUp(seconds).removed_count, 0);
    EXPECT_EQ(All().size(), once.size());
  }
}

TEST_F(SampleRollUpTest, ANothingToDoIsOneTransaction) {
  Append("a", Range(1, 100));
  RollUp(10 * kDay);
  EXPECT_EQ(RollUp(10 * kDay).transaction_count, 1);
}

TEST_F(SampleRollUpTest, PeakMemoryIsTheHighest) {
  std::vector<StoredSample> range = Range(1, 9);
  range[3].sample.peak_memory_bytes = 900;
  range[5].sample.peak_memory_bytes = 700;
  Append("a", range);
  RollUp(2 * 3600);
  EXPECT_EQ(OnlySample().sample.peak_memory_bytes, 900);
}

TEST_F(SampleRollUpTest, ALossThatWasNoNumberIsNotForgotten) {
  std::vector<StoredSample> range = Range(1, 9);
  range[3].sample.loss_nats.reset();
  range[3].sample.loss_not_finite = true;
  Append("a", range);
  RollUp(2 * 3600);
  EXPECT_TRUE(OnlySample().sample.loss_not_finite);
}

// A validation loss comes with few samples: its mean over all of them, whatever was merged first.
TEST_F(SampleRollUpTest, MeansOfWhatFewSamplesHaveAreOverThose) {
  std::vector<StoredSample> range = Range(1, 290);
  range[2].sample.validation_loss_nats = 3.0;
  range[3].sample.validation_loss_nats = 4.0;
  range[250].sample.validation_loss_nats = 8.0;
  Append("a", range);
  RollUp(2 * 3600);
  EXPECT_EQ(All()[0].sample.validation_loss_nats, 3.5);
  EXPECT_EQ(All()[1].sample.validation_loss_nats, std::nullopt);
  RollUp(3 * kDay);
  EXPECT_DOUBLE_EQ(OnlySample().sample.validation_loss_nats.value_or(0), 5.0);
  EXPECT_EQ(samples().ReadSeries(kRun, 1)->front().sample.validation_loss_nats, 5.0);
}

TEST_F(SampleRollUpTest, SamplesThatWereRolledUpAreLateWhenToldAgain) {
  Append("a", Range(1, 25));
  RollUp(3600 + 20);
  const AppendAnswer again = Append("a", Range(1, 26));
  EXPECT_EQ(again.late_count, 19);
  EXPECT_EQ(again.duplicate_count, 6);
  EXPECT_EQ(again.stored_count, 1);
  EXPECT_EQ(TotalsOf(All()).sample_count, 26);
}

// A process that could not reach the daemon tells later what it kept.
TEST_F(SampleRollUpTest, SamplesKeptElsewhereMeanwhileAreStoredAndRolledUp) {
  Append("a", Range(1, 20));
  Append("a", Range(101, 120));
  RollUp(2 * 3600);
  const AppendAnswer kept = Append("a", Range(21, 100));
  EXPECT_EQ(kept.stored_count, 80);
  EXPECT_EQ(kept.late_count, 0);
  EXPECT_EQ(TotalsOf(All()).sample_count, 120);
  EXPECT_GT(RollUp(2 * 3600).removed_count, 0);
  EXPECT_EQ(TotalsOf(All()).sample_count, 120);
  EXPECT_LE(All().size(), 17u);
  EXPECT_EQ(Append("a", Range(1, 120)).stored_count, 0);
}

TEST_F(SampleRollUpTest, ASampleOfATimeToComeAgesAsOthers) {
  std::vector<StoredSample> range = Range(1, 30);
  range[4].sample.time_seconds += 1e9;
  Append("a", range);
  EXPECT_GT(RollUp(2 * 3600).removed_count, 20);
  EXPECT_EQ(TotalsOf(All()).sample_count, 30);
}

TEST_F(SampleRollUpTest, AttemptsAreNotMixed) {
  Append("a", Range(1, 9));
  Append("b", Range(1, 9));
  RollUp(2 * 3600);
  const auto all = All();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].sample_count, 9);
  EXPECT_EQ(all[1].sample_count, 9);
}

TEST_F(SampleRollUpTest, SmallTransactionsComeToTheSame) {
  const RollUpPolicy small = {.max_rows = 7};
  Append("a", Range(1, 1000));
  Append("b", Range(500, 1500), kOther);
  const RollUpAnswer answer = RollUp(3 * kDay, small);
  EXPECT_GT(answer.transaction_count, 100);
  EXPECT_THAT(Sequences(), ElementsAre(299, 599, 899, 1000));
  EXPECT_THAT(All(kOther), SizeIs(5));
  EXPECT_EQ(TotalsOf(All(kOther)).sample_count, 1001);
}

TEST_F(SampleRollUpTest, ARollUpThatWasStoppedGoesOn) {
  Append("a", Range(1, 1000));
  int asked = 0;
  const auto stopped =
      samples().RollUp({.max_rows = 50}, kStart + 3 * kDay * kSecond, [&] { return ++asked > 3; });
  ASSERT_THAT(stopped, IsOk());
  EXPECT_EQ(stopped->transaction_count, 3);
  Reopen();
  RollUp(3 * kDay);
  EXPECT_THAT(Sequences(), ElementsAre(299, 599, 899, 1000));
}

TEST_F(SampleRollUpTest, AgesThatDoNotGrowAreRefused) {
  EXPECT_THAT(samples().RollUp({.raw_seconds = 2 * kDay}, kNow),
              StatusIs(absl::StatusCode::kInvalidArgument, "raw_seconds 172800"));
}

// A sample between two that have become one is lost: nobody could tell whether it was among them.
TEST_F(SampleRollUpTest, ASampleAmongRolledUpOnesIsLate) {
  Append("a", {At(1), At(9)});
  RollUp(2 * 3600);
  const AppendAnswer answer = Append("a", {At(5)});
  EXPECT_EQ(answer.late_count, 1);
  EXPECT_EQ(answer.stored_count, 0);
  EXPECT_EQ(OnlySample().sample_count, 2);
}

// Almost any order, any times, repetitions, any moments of rolling up: what was said to be stored
// is there, once.
TEST_F(SampleRollUpTest, CountsAndMeansStayWhateverHappens) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> value(0.5, 10);
  std::vector<StoredSample> told = Range(1, 4000);
  for (StoredSample& each : told) {
    each.sample.time_seconds += 60.0 * static_cast<double>(each.sequence) + value(random) * 20;
    each.sample.loss_nats = value(random);
    each.sample.step_seconds = value(random);
    if (random() % 3 == 0) each.sample.peak_memory_bytes = static_cast<int64_t>(random());
  }
  // Mostly in order; some come very late.
  for (int i = 0; i < 300; ++i) {
    std::swap(told[random() % told.size()], told[random() % told.size()]);
  }
  std::vector<StoredSample> stored;
  int64_t seconds = 0;
  for (size_t i = 0; i < told.size();) {
    const size_t size = std::min<size_t>(1 + random() % 200, told.size() - i);
    const auto from = told.begin() + static_cast<std::ptrdiff_t>(i);
    std::vector<StoredSample> batch(from, from + static_cast<std::ptrdiff_t>(size));
    if (i > 300) batch.insert(batch.end(), told.begin(), told.begin() + 100);  // told again
    const AppendAnswer answer = Append("a", batch, kRun, kStart + seconds * kSecond);
    EXPECT_EQ(answer.stored_count + answer.duplicate_count + answer.late_count,
              static_cast<int64_t>(batch.size()));
    for (const size_t index : answer.stored_indices) stored.push_back(batch[index]);
    i += size;
    seconds += static_cast<int64_t>(61 * size);
    RollUp(seconds, {.max_rows = static_cast<int64_t>(2 + random() % 300)});
  }
  const Totals expected = TotalsOf(stored);
  EXPECT_GT(stored.size(), 3900u);
  for (const int64_t later : {int64_t{0}, kDay, 3 * kDay, 95 * kDay}) {
    RollUp(seconds + later);
    const Totals totals = TotalsOf(All());
    EXPECT_EQ(totals.sample_count, expected.sample_count);
    EXPECT_NEAR(totals.loss_sum, expected.loss_sum, 1e-9 * expected.loss_sum);
    EXPECT_NEAR(totals.step_sum, expected.step_sum, 1e-9 * expected.step_sum);
    EXPECT_EQ(totals.peak, expected.peak);
    EXPECT_EQ(samples().Attempts(kRun)->front().sample_count, expected.sample_count);
  }
  EXPECT_LE(All().size(), 201u);
}

}  // namespace
}  // namespace rhumb::daemon
