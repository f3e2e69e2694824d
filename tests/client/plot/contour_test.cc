// SPDX-License-Identifier: Apache-2.0
#include "client/plot/contour.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::plot {
namespace {

// Values of f over [-1, 1] in both directions.
template <typename F>
Grid Sampled(int count, const F& f) {
  Grid grid;
  for (int i = 0; i < count; ++i) {
    grid.xs.push_back(-1 + 2.0 * i / (count - 1));
    grid.ys.push_back(-1 + 2.0 * i / (count - 1));
  }
  for (const double y : grid.ys) {
    for (const double x : grid.xs) grid.values.push_back(f(x, y));
  }
  return grid;
}

double Area(const Polyline& polygon) {
  double twice = 0;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const Place& a = polygon[i];
    const Place& b = polygon[(i + 1) % polygon.size()];
    twice += a.x * b.y - b.x * a.y;
  }
  return twice / 2;
}

TEST(ContourTest, ACircleIsOneClosedLineAtItsRadius) {
  const Grid grid = Sampled(81, [](double x, double y) { return std::hypot(x, y); });
  const std::vector<Polyline> lines = ContourLines(grid, 0.5);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_DOUBLE_EQ(lines[0].front().x, lines[0].back().x);
  EXPECT_DOUBLE_EQ(lines[0].front().y, lines[0].back().y);
  double worst = 0;
  for (const Place& place : lines[0]) {
    worst = std::max(worst, std::abs(std::hypot(place.x, place.y) - 0.5));
  }
  EXPECT_LT(worst, 1e-3);  // linear interpolation at a spacing of 1/40
}

TEST(ContourTest, ASaddleHasTwoLinesThatDoNotCross) {
  const Grid grid = Sampled(8, [](double x, double y) { return x * y; });
  EXPECT_EQ(ContourLines(grid, 0.01).size(), 2u);
  EXPECT_EQ(ContourLines(grid, -0.01).size(), 2u);
}

TEST(ContourTest, NoLineWhereTheLevelIsNotReached) {
  const Grid grid = Sampled(5, [](double x, double) { return x; });
  EXPECT_TRUE(ContourLines(grid, 2).empty());
}

TEST(ContourTest, TheRegionAboveALevelHasTheRightArea) {
  const Grid grid = Sampled(81, [](double x, double y) { return std::hypot(x, y); });
  double area = 0;
  for (const Polyline& polygon : RegionAbove(grid, 0.5)) area += Area(polygon);
  EXPECT_NEAR(area, 4 - std::acos(-1) * 0.25, 2e-3);
}

TEST(ContourTest, InterpolationIsExactOnPlanes) {
  const Grid grid = Sampled(4, [](double x, double y) { return 3 + 2 * x - y; });
  ASSERT_TRUE(Interpolate(grid, 0.37, -0.81).has_value());
  EXPECT_NEAR(*Interpolate(grid, 0.37, -0.81), 3 + 0.74 + 0.81, 1e-12);
}

TEST(ContourTest, NothingIsInterpolatedOutsideOrBesideMissingValues) {
  Grid grid = Sampled(3, [](double x, double) { return x; });
  EXPECT_FALSE(Interpolate(grid, 1.01, 0).has_value());
  grid.values[0] = NAN;
  EXPECT_FALSE(Interpolate(grid, -0.5, -0.5).has_value());
  EXPECT_TRUE(Interpolate(grid, 0.5, 0.5).has_value());
}

}  // namespace
}  // namespace rhumb::plot
