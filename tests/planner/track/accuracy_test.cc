// SPDX-License-Identifier: Apache-2.0
// Ratios, spreads and coverage of finished runs, against numbers worked out by hand.
#include "planner/track/accuracy.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

PlannedActual Row(const std::string& run, double planned, double actual,
                  const std::string& quantity = "step_seconds") {
  PlannedActual row;
  row.run = run;
  row.gpu_type = "H100";
  row.layout = "tp8 pp1 dp8";
  row.framework = "megatron";
  row.cluster = "north";
  row.quantity = quantity;
  row.planned = planned;
  row.actual = actual;
  return row;
}

// Ratios 0.5, 1, 2, 4, 8: evenly spaced in ln.
std::vector<PlannedActual> FiveRows() {
  return {Row("a", 2, 1), Row("b", 3, 3), Row("c", 1, 2), Row("d", 1, 4), Row("e", 0.5, 4)};
}

AccuracyGroup OnlyGroup(const std::vector<PlannedActual>& rows) {
  const auto groups = SummarizeAccuracy(rows, AccuracyKey::kAll);
  EXPECT_THAT(groups, IsOk());
  EXPECT_EQ(groups->size(), 1u);
  return groups->at(0);
}

std::vector<std::string> KeysOf(const std::vector<AccuracyGroup>& groups) {
  std::vector<std::string> keys;
  for (const AccuracyGroup& group : groups) keys.push_back(group.key);
  return keys;
}

TEST(TrackAccuracyTest, NoRunsHaveNoGroups) {
  EXPECT_THAT(SummarizeAccuracy({}, AccuracyKey::kAll), IsOkAndHolds(IsEmpty()));
}

TEST(TrackAccuracyTest, TheRatioIsActualByPlannedAndItsMedianThatOfTheRuns) {
  EXPECT_THAT(OnlyGroup(FiveRows()).median_ratio, DoubleNear(2, 1e-12));
}

TEST(TrackAccuracyTest, OfAnEvenNumberTheMedianIsTheGeometricMeanOfTheMiddleTwo) {
  EXPECT_THAT(OnlyGroup({Row("a", 1, 1), Row("b", 1, 4)}).median_ratio, DoubleNear(2, 1e-12));
}

// Order statistics are at places 0 to 4, so that the quantiles 0.16 and 0.84 lie at 0.64 and 3.36:
// log2 of the ratio is -1 + 0.64 and -1 + 3.36.
TEST(TrackAccuracyTest, TheSpreadHoldsTheMiddle68Percent) {
  const AccuracyGroup group = OnlyGroup(FiveRows());
  EXPECT_THAT(group.low_ratio, Optional(DoubleNear(std::exp2(-0.36), 1e-12)));
  EXPECT_THAT(group.high_ratio, Optional(DoubleNear(std::exp2(2.36), 1e-12)));
}

TEST(TrackAccuracyTest, TwoRunsHaveNoSpread) {
  EXPECT_EQ(OnlyGroup({Row("a", 1, 1), Row("b", 1, 4)}).low_ratio, std::nullopt);
}

// |planned / actual - 1| of the five: 1, 0, 0.5, 0.75, 0.875.
TEST(TrackAccuracyTest, TheErrorIsThatOfThePredictionAgainstWhatHappened) {
  EXPECT_THAT(OnlyGroup(FiveRows()).median_abs_error, DoubleNear(0.75, 1e-12));
}

TEST(TrackAccuracyTest, NineRunsAreFew) {
  std::vector<PlannedActual> rows;
  for (int i = 0; i < 9; ++i) rows.push_back(Row(std::to_string(i), 1, 1));
  EXPECT_TRUE(OnlyGroup(rows).few_runs);
}

TEST(TrackAccuracyTest, TenRunsAreNotFew) {
  std::vector<PlannedActual> rows;
  for (int i = 0; i < 10; ++i) rows.push_back(Row(std::to_string(i), 1, 1));
  EXPECT_FALSE(OnlyGroup(rows).few_runs);
}

// Wilson's interval of 8 of 10, as Newcombe's formula gives it. By hand: z = 1.959964, z^2 =
// 3.841459; middle (0.8 + 0.192073) / 1.384146 = 0.716740; half 1.959964 / 1.384146 * sqrt(0.016 +
// 0.00960365) = 0.226577.
TEST(TrackAccuracyTest, WilsonIntervalOfEightOfTen) {
  const ShareInterval interval = WilsonInterval(8, 10);
  EXPECT_NEAR(interval.low, 0.490163, 2e-6);
  EXPECT_NEAR(interval.high, 0.943317, 2e-6);
}

// z^2 / (n + z^2) = 3.841459 / 13.841459.
TEST(TrackAccuracyTest, WilsonIntervalOfNoneOfTenEndsAboveZero) {
  const ShareInterval interval = WilsonInterval(0, 10);
  EXPECT_EQ(interval.low, 0);
  EXPECT_NEAR(interval.high, 0.277533, 2e-6);
}

TEST(TrackAccuracyTest, WilsonIntervalOfAllEndsAtOne) { EXPECT_EQ(WilsonInterval(10, 10).high, 1); }

TEST(TrackAccuracyTest, CountsTheIntervalsThatHeldWithTheirEnds) {
  std::vector<PlannedActual> rows = {Row("a", 1, 2), Row("b", 1, 2), Row("c", 1, 2)};
  rows[0].interval = {.low = 0.5, .high = 2, .level = 0.9};
  rows[1].interval = {.low = 0.5, .high = 1.5, .level = 0.9};
  const AccuracyGroup group = OnlyGroup(rows);
  ASSERT_EQ(group.coverages.size(), 1u);
  EXPECT_EQ(group.coverages[0].run_count, 2);
  EXPECT_EQ(group.coverages[0].inside_count, 1);
  EXPECT_EQ(group.coverages[0].fraction, 0.5);
}

TEST(TrackAccuracyTest, IntervalsOfOtherLevelsAreCountedApart) {
  std::vector<PlannedActual> rows = {Row("a", 1, 1), Row("b", 1, 1)};
  rows[0].interval = {.low = 0.5, .high = 2, .level = 0.9};
  rows[1].interval = {.low = 0.5, .high = 2, .level = 0.5};
  const AccuracyGroup group = OnlyGroup(rows);
  ASSERT_EQ(group.coverages.size(), 2u);
  EXPECT_EQ(group.coverages[0].level, 0.5);
  EXPECT_EQ(group.coverages[1].level, 0.9);
}

// 10 of 20: the interval is 0.299 to 0.701, by the formula above.
TEST(TrackAccuracyTest, HalfOfTwentyIntervalsOf90PercentAreNotAsPromised) {
  std::vector<PlannedActual> rows;
  for (int i = 0; i < 20; ++i) {
    rows.push_back(Row(std::to_string(i), 1, i < 10 ? 1 : 3));
    rows.back().interval = {.low = 0.5, .high = 2, .level = 0.9};
  }
  const AccuracyGroup group = OnlyGroup(rows);
  EXPECT_NEAR(group.coverages.at(0).fraction_high, 0.700702, 2e-4);
  EXPECT_FALSE(group.coverages.at(0).as_promised());
}

TEST(TrackAccuracyTest, OneMissOfFourDoesNotContradict90Percent) {
  std::vector<PlannedActual> rows;
  for (int i = 0; i < 4; ++i) {
    rows.push_back(Row(std::to_string(i), 1, i == 0 ? 3 : 1));
    rows.back().interval = {.low = 0.5, .high = 2, .level = 0.9};
  }
  EXPECT_TRUE(OnlyGroup(rows).coverages.at(0).as_promised());
}

TEST(TrackAccuracyTest, GroupsByGpuTypeWithTheUnknownOneLast) {
  std::vector<PlannedActual> rows = FiveRows();
  rows[0].gpu_type = "";
  rows[1].gpu_type = "A100";
  const auto groups = SummarizeAccuracy(rows, AccuracyKey::kGpuType);
  ASSERT_THAT(groups, IsOk());
  EXPECT_THAT(KeysOf(*groups), ElementsAre("A100", "H100", ""));
}

TEST(TrackAccuracyTest, GroupsByLayout) {
  std::vector<PlannedActual> rows = FiveRows();
  rows[1].layout = "tp4 pp2 dp8";
  const auto groups = SummarizeAccuracy(rows, AccuracyKey::kLayout);
  ASSERT_THAT(groups, IsOk());
  EXPECT_THAT(KeysOf(*groups), ElementsAre("tp4 pp2 dp8", "tp8 pp1 dp8"));
}

TEST(TrackAccuracyTest, GroupsByFramework) {
  std::vector<PlannedActual> rows = FiveRows();
  rows[1].framework = "fsdp";
  const auto groups = SummarizeAccuracy(rows, AccuracyKey::kFramework);
  ASSERT_THAT(groups, IsOk());
  EXPECT_THAT(KeysOf(*groups), ElementsAre("fsdp", "megatron"));
}

TEST(TrackAccuracyTest, GroupsByCluster) {
  std::vector<PlannedActual> rows = FiveRows();
  rows[1].cluster = "south";
  const auto groups = SummarizeAccuracy(rows, AccuracyKey::kCluster);
  ASSERT_THAT(groups, IsOk());
  EXPECT_THAT(KeysOf(*groups), ElementsAre("north", "south"));
}

TEST(TrackAccuracyTest, QuantitiesAreNeverMixed) {
  const auto groups =
      SummarizeAccuracy({Row("a", 1, 2, "loss_nats"), Row("a", 1, 3)}, AccuracyKey::kAll);
  ASSERT_THAT(groups, IsOk());
  ASSERT_EQ(groups->size(), 2u);
  EXPECT_EQ(groups->at(0).quantity, "step_seconds");
  EXPECT_EQ(groups->at(1).quantity, "loss_nats");
}

TEST(TrackAccuracyTest, RefusesAnUnknownQuantity) {
  EXPECT_THAT(SummarizeAccuracy({Row("a", 1, 1, "speed")}, AccuracyKey::kAll),
              StatusIs(kInvalid, "run \"a\": unknown quantity \"speed\"; known: step_seconds"));
}

TEST(TrackAccuracyTest, RefusesAPlannedZero) {
  EXPECT_THAT(SummarizeAccuracy({Row("a", 0, 1)}, AccuracyKey::kAll),
              StatusIs(kInvalid, "planned step_seconds must be positive and finite, got 0"));
}

TEST(TrackAccuracyTest, RefusesAnActualThatIsNoNumber) {
  EXPECT_THAT(
      SummarizeAccuracy({Row("a", 1, std::numeric_limits<double>::quiet_NaN())}, AccuracyKey::kAll),
      StatusIs(kInvalid, "actual step_seconds must be positive and finite, got nan"));
}

TEST(TrackAccuracyTest, RefusesALevelInPercent) {
  PlannedActual row = Row("a", 1, 1);
  row.interval = {.low = 0.5, .high = 2, .level = 90};
  EXPECT_THAT(SummarizeAccuracy({row}, AccuracyKey::kAll),
              StatusIs(kInvalid, "must be inside (0, 1), got 90"));
}

TEST(TrackAccuracyTest, RefusesAnIntervalWhoseEndsAreSwapped) {
  PlannedActual row = Row("a", 1, 1);
  row.interval = {.low = 2, .high = 0.5, .level = 0.9};
  EXPECT_THAT(SummarizeAccuracy({row}, AccuracyKey::kAll),
              StatusIs(kInvalid, "low <= high, got [2, 0.5]"));
}

TEST(TrackAccuracyTest, RefusesARunThatCountsTwice) {
  EXPECT_THAT(SummarizeAccuracy({Row("a", 1, 1), Row("a", 1, 2)}, AccuracyKey::kAll),
              StatusIs(kInvalid, "has step_seconds twice"));
}

TEST(TrackAccuracyTest, EveryKeyIsFoundByItsName) {
  for (const AccuracyKey key : {AccuracyKey::kAll, AccuracyKey::kGpuType, AccuracyKey::kLayout,
                                AccuracyKey::kFramework, AccuracyKey::kCluster}) {
    EXPECT_THAT(FindAccuracyKey(NameOf(key)), Optional(key));
  }
  EXPECT_EQ(FindAccuracyKey("gpu"), std::nullopt);
}

}  // namespace
}  // namespace rhumb
