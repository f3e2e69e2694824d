// SPDX-License-Identifier: Apache-2.0
// Input that is hard to draw, through both renderers: nothing may crash, print NaN or vanish
// unsaid.
#include <algorithm>
#include <cmath>
#include <limits>

#include "client/plot/law_figures.h"
#include "client/plot/svg.h"
#include "client/plot/terminal_plot.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/plot/xml.h"

namespace rhumb::plot {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Renders in every way and checks what always holds; returns the plain terminal's text.
template <typename Picture>
std::string Drawn(const Picture& picture) {
  const std::string svg = RenderSvg(picture, {});
  EXPECT_THAT(ParseXml(svg).error, IsEmpty());
  for (const char* bad : {"nan", "inf\"", "inf ", "-inf"}) EXPECT_THAT(svg, Not(HasSubstr(bad)));
  RenderTerminal(picture, {.color = true});
  RenderTerminal(picture, {.charset = Charset::kBraille});
  return RenderTerminal(picture, {.charset = Charset::kAscii});
}

Figure Dots(std::vector<Point> points, Scale scale = Scale::kLog10) {
  Figure figure = {.x = {.label = "x", .scale = scale, .numbers = Numbers::kScientific},
                   .y = {.label = "y", .scale = scale}};
  figure.series.push_back({.label = "dots", .style = SeriesStyle::kDots, .points = points});
  return figure;
}

TEST(DegenerateTest, AnEmptyFigureSaysSo) {
  EXPECT_THAT(Drawn(Figure{}), HasSubstr("There are no points to draw."));
  Drawn(PanelStack{});
}

TEST(DegenerateTest, OnePointIsDrawn) { EXPECT_THAT(Drawn(Dots({{1e20, 2.5}})), HasSubstr("o")); }

TEST(DegenerateTest, PointsOfOneXAreDrawn) {
  Drawn(Dots({{1e20, 2.5}, {1e20, 2.6}}));
  Drawn(Dots({{0, 0}, {0, 0}}, Scale::kLinear));
}

TEST(DegenerateTest, ValuesThatDifferByRoundingAreDrawnAsOne) {
  Drawn(Dots({{1, 2.5}, {2, std::nextafter(2.5, 3)}}, Scale::kLinear));
  Drawn(Dots({{1, 2.5}, {2, std::nextafter(2.5, 3)}}));
}

TEST(DegenerateTest, TwelveDecadesAreDrawn) {
  EXPECT_THAT(Drawn(Dots({{1e15, 2}, {1e27, 3}})), HasSubstr("1e22"));
}

TEST(DegenerateTest, TheLimitsOfDoubleAreDrawnOrCounted) {
  Drawn(Dots({{1e-299, 1e-299}, {1e299, 1e299}}));
  Drawn(Dots({{-1e299, -1e299}, {1e299, 1e299}}, Scale::kLinear));
  EXPECT_THAT(Drawn(Dots({{1, 1}, {1e308, 5e-324}})), HasSubstr("1 point not drawn"));
}

TEST(DegenerateTest, NotANumberAndInfinityAreCounted) {
  EXPECT_THAT(Drawn(Dots({{1, 1}, {kNan, 2}, {2, kInf}, {3, -kInf}})),
              HasSubstr("3 points not drawn: not a finite number"));
}

TEST(DegenerateTest, ZeroIsCountedOnLogAxesOnly) {
  EXPECT_THAT(Drawn(Dots({{1, 1}, {0, 2}})), HasSubstr("1 point not drawn"));
  EXPECT_THAT(Drawn(Dots({{1, 1}, {0, 2}}, Scale::kLinear)), Not(HasSubstr("not drawn")));
}

TEST(DegenerateTest, ALineBreaksAtAPointThatCannotBeDrawn) {
  Figure figure = Dots({{1, 1}, {2, 1}, {3, kNan}, {4, 1}, {5, 1}}, Scale::kLinear);
  figure.series[0].style = SeriesStyle::kLine;
  const std::string all = RenderSvg(figure, {});
  const size_t series = all.find("class=\"series\"");
  const size_t start = all.find(" d=\"", series) + 4;
  const std::string path = all.substr(start, all.find('"', start) - start);
  EXPECT_EQ(std::count(path.begin(), path.end(), 'M'), 2) << path;
}

TEST(DegenerateTest, PointsOutsideAnAxisAreCounted) {
  Figure figure = Dots({{1, 1}, {2, 2}, {30, 2}}, Scale::kLinear);
  figure.x.range = Range{0, 10};
  EXPECT_THAT(Drawn(figure), HasSubstr("1 point outside the range of the axes."));
}

TEST(DegenerateTest, AnImpossibleRangeIsSaid) {
  Figure figure = Dots({{1, 1}, {2, 2}});
  figure.x.range = Range{-1, 5};
  EXPECT_THAT(Drawn(figure), HasSubstr("\"x\" (-1 to 5) cannot be drawn"));
}

TEST(DegenerateTest, MarkersAndRangesThatCannotBeDrawnDoNoHarm) {
  Figure figure = Dots({{1, 1}, {2, 2}});
  figure.lines = {{Direction::kX, kNan, "a"}, {Direction::kY, -1, "b"}};
  figure.marks = {{kInf, 1, "c"}};
  figure.shaded = {{Direction::kX, kNan, kNan, "d"}, {Direction::kX, -kInf, kInf, "e"}};
  EXPECT_THAT(Drawn(figure), HasSubstr("3 points not drawn"));
}

TEST(DegenerateTest, MapsThatDoNotFitTheirGridSayWhy) {
  HeatMap map = {.xs = {1, 2}, .ys = {1, 2}, .values = {1, 2, 3}};
  EXPECT_THAT(Drawn(map), HasSubstr("2 by 2 places need as many values, got 3"));
  map.values = {1, 2, 3, 4};
  map.xs = {2, 1};
  EXPECT_THAT(Drawn(map), HasSubstr("do not increase"));
  map.xs = {1};
  EXPECT_THAT(Drawn(map), HasSubstr("2 values along each axis"));
}

TEST(DegenerateTest, MapsOfOneValueOrWithGapsAreDrawn) {
  HeatMap map = {.xs = {1, 2, 3}, .ys = {1, 2}, .values = {5, 5, 5, 5, 5, 5}};
  Drawn(map);
  map.values = {kNan, 1, 2, 3, 4, 5};
  EXPECT_THAT(Drawn(map), HasSubstr("1 of 6 places of the map have no value"));
  map.values.assign(6, kNan);
  Drawn(map);
}

TEST(DegenerateTest, LawPicturesOfNothingAreDrawn) {
  Drawn(LossOverCompute({}));
  Drawn(IsoFlopCurves({}));
  Drawn(LossOverParamsAndTokens({}));
  NdMap map = {
      .param_counts = {1e8, 1e9}, .token_counts = {1e9, 1e10}, .losses_nats = {4, 3, 3, 2}};
  map.optimum = LawPoint{.param_count = -1, .token_count = kNan, .loss_nats = kInf};
  map.budgets_flops = {0, kNan, 1e18};
  Drawn(LossOverParamsAndTokens(map));
}

TEST(DegenerateTest, UnreasonableSizesAreBroughtIntoBounds) {
  const Figure figure = Dots({{1, 1}, {2, 2}});
  for (const double side : {-5.0, 0.0, kNan, kInf, 1e18}) {
    EXPECT_THAT(ParseXml(RenderSvg(figure, {.width = side, .height = side})).error, IsEmpty());
  }
  for (const int side : {-5, 0, 1 << 30}) {
    EXPECT_THAT(RenderTerminal(figure, {.width = side, .height = side}), HasSubstr("dots"));
  }
}

TEST(DegenerateTest, TextCannotSendEscapeCodesToTheTerminal) {
  Figure figure = Dots({{1, 1}});
  figure.title = "\033[2J gone";
  figure.series[0].label = "\033]0;x\007";
  EXPECT_THAT(RenderTerminal(figure, {}), Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace rhumb::plot
