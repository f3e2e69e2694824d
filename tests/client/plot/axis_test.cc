// SPDX-License-Identifier: Apache-2.0
#include "client/plot/axis.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::plot {
namespace {

using ::testing::AllOf;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::Le;

// Ticks of an axis of 60 characters, as on a terminal.
Ticks TicksOf(const AxisView& view, double length = 60) {
  return MakeTicks(view, {.length = length, .gap = 2, .extent = [](const std::string& label) {
                            return static_cast<double>(label.size());
                          }});
}

std::vector<std::string> LabelsOf(const AxisView& view, double length = 60) {
  std::vector<std::string> labels;
  for (const Tick& tick : TicksOf(view, length).major) labels.push_back(tick.label);
  return labels;
}

constexpr AxisView LogView(Numbers numbers, double low, double high) {
  return {.scale = Scale::kLog10, .numbers = numbers, .low = low, .high = high};
}

TEST(AxisTest, ComputeIsLabelledByPowersOfTen) {
  EXPECT_THAT(LabelsOf(LogView(Numbers::kScientific, 5e17, 2e22)),
              ElementsAre("1e18", "1e19", "1e20", "1e21", "1e22"));
}

TEST(AxisTest, ParametersAreLabelledBySiNames) {
  EXPECT_THAT(LabelsOf(LogView(Numbers::kSi, 5e7, 2e12), 40),
              ElementsAre("100M", "1B", "10B", "100B", "1T"));
}

TEST(AxisTest, DecadesAreSkippedWhereTheyWouldCrowd) {
  EXPECT_THAT(LabelsOf(LogView(Numbers::kScientific, 1e15, 1e27), 30),
              ElementsAre("1e15", "1e18", "1e21", "1e24", "1e27"));
}

TEST(AxisTest, ShortLogAxesGetTicksBetweenDecades) {
  EXPECT_THAT(LabelsOf(LogView(Numbers::kSi, 9e8, 1.1e10)), ElementsAre("1B", "2B", "5B", "10B"));
}

TEST(AxisTest, LogAxesBelowATickADecadeFallBackToEvenSteps) {
  EXPECT_THAT(LabelsOf(LogView(Numbers::kPlain, 2.01, 2.49)),
              ElementsAre("2.1", "2.2", "2.3", "2.4"));
}

TEST(AxisTest, TicksOfALogAxisReachOverItsWholeLength) {
  // 0.8, 0.9 and 1 alone would leave two thirds of it without.
  const std::vector<std::string> labels = LabelsOf(LogView(Numbers::kPlain, 0.77, 1.8), 20);
  EXPECT_THAT(labels, testing::Contains("1.0"));
  EXPECT_THAT(labels, testing::Contains("1.5"));
}

TEST(AxisTest, DecadesHaveMinorTicksAtTheirMultiples) {
  const Ticks ticks = TicksOf(LogView(Numbers::kScientific, 1e18, 1e19), 6);
  EXPECT_THAT(ticks.minor, testing::Contains(DoubleNear(std::log10(5.0), 1e-12)));
}

TEST(AxisTest, LinearLabelsShowTheSameDecimals) {
  EXPECT_THAT(LabelsOf({.low = 1.9, .high = 3.6}, 30), ElementsAre("2.0", "2.5", "3.0", "3.5"));
}

TEST(AxisTest, LinearLabelsStayApartWhenTheSpanIsTiny) {
  const std::vector<std::string> labels = LabelsOf({.low = 1.0000001, .high = 1.0000005}, 80);
  ASSERT_THAT(labels.size(), Ge(2u));
  EXPECT_NE(labels[0], labels[1]);
}

TEST(AxisTest, PositionsOfALogAxisGoByRatios) {
  const AxisView view = LogView(Numbers::kScientific, 1e18, 1e22);
  EXPECT_DOUBLE_EQ(PositionOf(view, 1e20), 0.5);
  EXPECT_THAT(ValueAt(view, 0.25), DoubleNear(1e19, 1e5));
}

TEST(AxisTest, DataGetRoomAtTheEnds) {
  const AxisView view = FitAxis({}, Range{0, 10});
  EXPECT_THAT(view.low, AllOf(Ge(-1.0), Le(-0.1)));
  EXPECT_THAT(view.high, AllOf(Ge(10.1), Le(11.0)));
}

TEST(AxisTest, OneValueGetsRoomAroundIt) {
  const AxisView view = FitAxis({.scale = Scale::kLog10}, Range{1e20, 1e20});
  EXPECT_LT(view.low, 1e20);
  EXPECT_GT(view.high, 1e20);
  EXPECT_DOUBLE_EQ(PositionOf(view, 1e20), 0.5);
}

TEST(AxisTest, ARangeThatRunsBackwardsIsNotUsed) {
  const Axis axis = {.range = Range{3, 2}};
  EXPECT_TRUE(HasUnusableRange(axis));
  EXPECT_LT(FitAxis(axis, Range{5, 6}).low, 5);
}

TEST(AxisTest, LogAxesDrawNothingAtOrBelowZero) {
  EXPECT_FALSE(IsDrawable(Scale::kLog10, 0));
  EXPECT_FALSE(IsDrawable(Scale::kLog10, -1));
  EXPECT_TRUE(IsDrawable(Scale::kLinear, -1));
  EXPECT_FALSE(IsDrawable(Scale::kLinear, std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace
}  // namespace rhumb::plot
