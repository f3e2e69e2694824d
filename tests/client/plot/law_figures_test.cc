// SPDX-License-Identifier: Apache-2.0
#include "client/plot/law_figures.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::plot {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Series* Find(const Figure& figure, const std::string& part, SeriesStyle style) {
  for (const Series& series : figure.series) {
    if (series.style == style && series.label.find(part) != std::string::npos) return &series;
  }
  return nullptr;
}

LawPicture ThreeRuns() {
  LawPicture picture = {.law = "a law", .source = "a paper"};
  picture.points = {{1e8, 2e9, 1.2e18, 3.4, 0.01, "a"},
                    {1e9, 2e10, 1.2e20, 2.6, -0.02, "b"},
                    {1e9, 2e8, 1.2e21, 5.0, 1.5, "c", true}};
  picture.frontier = {{1e18, 3.45, 3.4, 3.5}, {1e21, 2.4, 2.3, 2.5}, {1e24, 2.0, 1.8, 2.2}};
  return picture;
}

TEST(LossOverComputeTest, OutliersAreASeriesOfTheirOwn) {
  const Figure main = LossOverCompute(ThreeRuns()).panels[0].figure;
  const Series* fitted = Find(main, "observed, 2 runs", SeriesStyle::kDots);
  const Series* outliers = Find(main, "not fitted, 1 run", SeriesStyle::kDots);
  ASSERT_NE(fitted, nullptr);
  ASSERT_NE(outliers, nullptr);
  EXPECT_DOUBLE_EQ(outliers->points[0].y, 5.0);
  EXPECT_NE(outliers->pattern.value_or(outliers->color), fitted->pattern.value_or(fitted->color));
}

TEST(LossOverComputeTest, WhatTheFitDidNotSeeIsShaded) {
  const Figure main = LossOverCompute(ThreeRuns()).panels[0].figure;
  ASSERT_THAT(main.shaded, SizeIs(2));
  // The outlier at 1.2e21 does not count as data.
  EXPECT_DOUBLE_EQ(main.shaded[0].high, 1.2e18);
  EXPECT_DOUBLE_EQ(main.shaded[1].low, 1.2e20);
  EXPECT_TRUE(std::isinf(main.shaded[1].high));
}

TEST(LossOverComputeTest, ThePointsOfTheFrontierWithAnIntervalMakeItsBand) {
  LawPicture picture = ThreeRuns();
  picture.frontier[2].low.reset();
  picture.level = 0.5;
  const Figure main = LossOverCompute(picture).panels[0].figure;
  const Series* band = Find(main, "50% interval", SeriesStyle::kBand);
  ASSERT_NE(band, nullptr);
  EXPECT_THAT(band->points, SizeIs(2));
  EXPECT_THAT(Find(main, "compute-optimal", SeriesStyle::kLine)->points, SizeIs(3));
}

TEST(LossOverComputeTest, ResidualsOfFittedRunsSetTheLowerAxis) {
  const PanelStack stack = LossOverCompute(ThreeRuns());
  ASSERT_THAT(stack.panels, SizeIs(2));
  ASSERT_TRUE(stack.panels[1].figure.y.range.has_value());
  EXPECT_THAT(stack.panels[1].figure.y.range->high, DoubleNear(0.024, 1e-12));
}

TEST(LossOverComputeTest, WithoutResidualsThereIsOnePanel) {
  LawPicture picture = ThreeRuns();
  for (LawPoint& point : picture.points) point.residual_nats.reset();
  EXPECT_THAT(LossOverCompute(picture).panels, SizeIs(1));
}

TEST(LossOverComputeTest, AnEmptyPictureHasNothingShaded) {
  EXPECT_THAT(LossOverCompute({}).panels[0].figure.shaded, IsEmpty());
}

TEST(IsoFlopCurvesTest, FlatRegionsLieTheToleranceAboveTheMinimum) {
  IsoFlopPicture picture = {.tolerance_nats = 0.02};
  picture.budgets.push_back({.training_flops = 6e18,
                             .optimal_param_count = 1e8,
                             .optimal_loss_nats = 3.0,
                             .flat_param_counts = Range{5e7, 2e8}});
  const Figure figure = IsoFlopCurves(picture);
  const Series* flat = Find(figure, "within 0.02 nats", SeriesStyle::kInterval);
  ASSERT_NE(flat, nullptr);
  EXPECT_DOUBLE_EQ(flat->points[0].y, 3.02);
  EXPECT_DOUBLE_EQ(flat->points[0].high, 2e8);
}

TEST(IsoFlopCurvesTest, RunsOfABudgetShareItsNameAndShade) {
  IsoFlopPicture picture;
  for (const double flops : {1e19, 1e20}) {
    picture.budgets.push_back({.training_flops = flops,
                               .points = {{1e8, 1e10, flops, 3.0}},
                               .fit = {{5e7, 3.1}, {2e8, 3.1}}});
  }
  const Figure figure = IsoFlopCurves(picture);
  const Series* line = Find(figure, "1e20 FLOP", SeriesStyle::kLine);
  const Series* dots = Find(figure, "1e20 FLOP", SeriesStyle::kDots);
  ASSERT_NE(line, nullptr);
  ASSERT_NE(dots, nullptr);
  EXPECT_EQ(line->shade, dots->shade);
  const Series* other = Find(figure, "1e19 FLOP", SeriesStyle::kDots);
  EXPECT_NE(other->shade, dots->shade);
  EXPECT_NE(other->pattern, dots->pattern);
}

// L = E + A/N^alpha + B/D^beta with the constants of Besiroglu et al. 2024, arXiv:2404.10102, eq.
// (4).
double Loss(double params, double tokens) {
  return 1.8172 + 482.01 / std::pow(params, 0.3478) + 2085.43 / std::pow(tokens, 0.3658);
}

NdMap ChinchillaMap() {
  NdMap map;
  for (int i = 0; i <= 120; ++i) map.param_counts.push_back(1e8 * std::pow(10, i / 30.0));
  for (int i = 0; i <= 120; ++i) map.token_counts.push_back(1e9 * std::pow(10, i / 30.0));
  for (const double tokens : map.token_counts) {
    for (const double params : map.param_counts) map.losses_nats.push_back(Loss(params, tokens));
  }
  return map;
}

TEST(LossOverParamsAndTokensTest, TheFlatStretchEndsWhereTheLossIsTheToleranceHigher) {
  NdMap map = ChinchillaMap();
  // The optimum at C = 6 N D: N = G (C/6)^a, G = (alpha A / (beta B))^(1/(alpha+beta)).
  const double flops = 1e22;
  const double g = std::pow(0.3478 * 482.01 / (0.3658 * 2085.43), 1 / (0.3478 + 0.3658));
  const double params = g * std::pow(flops / 6, 0.3658 / (0.3478 + 0.3658));
  const double tokens = flops / 6 / params;
  map.optimum =
      LawPoint{.param_count = params, .token_count = tokens, .loss_nats = Loss(params, tokens)};
  map.budgets_flops = {flops};
  const HeatMap heat = LossOverParamsAndTokens(map);
  const Series* flat = Find(heat.figure, "flat", SeriesStyle::kLine);
  ASSERT_NE(flat, nullptr);
  ASSERT_THAT(flat->points, SizeIs(2));
  // The map is read by bilinear interpolation at 30 places a decade: a few 1e-4 nats.
  EXPECT_THAT(Loss(flat->points[0].x, flat->points[0].y),
              DoubleNear(Loss(params, tokens) + 0.01, 5e-4));
  EXPECT_THAT(Loss(flat->points[1].x, flat->points[1].y),
              DoubleNear(Loss(params, tokens) + 0.01, 5e-4));
  EXPECT_LT(flat->points[0].x, params);
  EXPECT_GT(flat->points[1].x, params);
}

TEST(LossOverParamsAndTokensTest, LinesOfEqualComputeFollowTheirBudget) {
  NdMap map = ChinchillaMap();
  map.budgets_flops = {1e21};
  const HeatMap heat = LossOverParamsAndTokens(map);
  const Series* line = Find(heat.figure, "equal compute", SeriesStyle::kLine);
  ASSERT_NE(line, nullptr);
  EXPECT_THAT(6 * line->points[1].x * line->points[1].y, DoubleNear(1e21, 1e8));
  EXPECT_THAT(line->end_label, HasSubstr("1e21"));
}

TEST(LossOverParamsAndTokensTest, AnOptimumOutsideTheMapHasNoFlatStretch) {
  NdMap map = ChinchillaMap();
  map.optimum = LawPoint{.param_count = 1e15, .token_count = 1e15, .loss_nats = 1.8};
  EXPECT_EQ(Find(LossOverParamsAndTokens(map).figure, "flat", SeriesStyle::kLine), nullptr);
}

}  // namespace
}  // namespace rhumb::plot
