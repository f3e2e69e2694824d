// SPDX-License-Identifier: Apache-2.0
#include "client/plot/label_rows.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::plot {
namespace {

TEST(LabelRowsTest, LabelsApartShareTheLowestRow) {
  const auto placed = PlaceLabels({{20, 10}, {60, 10}}, 0, 100, 2);
  EXPECT_DOUBLE_EQ(placed[0].start, 15);
  EXPECT_DOUBLE_EQ(placed[1].start, 55);
  EXPECT_EQ(placed[0].row, 0);
  EXPECT_EQ(placed[1].row, 0);
}

TEST(LabelRowsTest, OverlappingLabelsMoveUp) {
  const auto placed = PlaceLabels({{50, 20}, {55, 20}, {60, 20}}, 0, 100, 2);
  EXPECT_EQ(placed[0].row, 0);
  EXPECT_EQ(placed[1].row, 1);
  EXPECT_EQ(placed[2].row, 2);
}

TEST(LabelRowsTest, LabelsMayMoveWithinTheirRangeInstead) {
  const auto placed = PlaceLabels({{50, 20}, {55, 20, 30, 100}}, 0, 100, 2);
  EXPECT_EQ(placed[1].row, 0);
  EXPECT_DOUBLE_EQ(placed[1].start, 62);
}

TEST(LabelRowsTest, LabelsAtTheEdgesAreNotCut) {
  const auto placed = PlaceLabels({{1, 20}, {99, 20}}, 0, 100, 2);
  EXPECT_DOUBLE_EQ(placed[0].start, 0);
  EXPECT_DOUBLE_EQ(placed[1].start, 80);
}

}  // namespace
}  // namespace rhumb::plot
