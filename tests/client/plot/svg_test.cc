// SPDX-License-Identifier: Apache-2.0
#include "client/plot/svg.h"

#include <cmath>
#include <set>

#include "client/plot/svg_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/plot/xml.h"

namespace rhumb::plot {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

Figure LossFigure() {
  Figure figure = {.title = "Loss",
                   .subtitle = "a law",
                   .x = {.label = "compute",
                         .unit = "FLOP",
                         .scale = Scale::kLog10,
                         .numbers = Numbers::kScientific},
                   .y = {.label = "loss", .unit = "nats", .scale = Scale::kLog10}};
  figure.series = {{.label = "fit",
                    .style = SeriesStyle::kLine,
                    .points = {{1e18, 3.5}, {1e21, 2.4}, {1e24, 2}}},
                   {.label = "band",
                    .style = SeriesStyle::kBand,
                    .points = {{1e18, 3.4, 3.6}, {1e24, 1.9, 2.1}}},
                   {.label = "runs",
                    .style = SeriesStyle::kDots,
                    .points = {{1e19, 3.2}, {1e20, 2.8}},
                    .color = 1},
                   {.label = "flat", .style = SeriesStyle::kInterval, .points = {{1e19, 3, 1e20}}}};
  figure.shaded = {{Direction::kX, 1e20, INFINITY, "outside the data"}};
  figure.lines = {{Direction::kX, 1e23, "budget"}, {Direction::kY, 2.2, "target"}};
  figure.marks = {{1e23, 2.1, "plan"}};
  return figure;
}

TEST(SvgTest, AFigureIsWellFormed) {
  EXPECT_THAT(ParseXml(RenderSvg(LossFigure(), {})).error, IsEmpty());
}

TEST(SvgTest, TheReaderOfTheseTestsRefusesBrokenXml) {
  EXPECT_THAT(ParseXml("<a><b></a>").error, Not(IsEmpty()));
  EXPECT_THAT(ParseXml("<a x=\"1\" x=\"2\"/>").error, Not(IsEmpty()));
  EXPECT_THAT(ParseXml("<a>1 & 2</a>").error, Not(IsEmpty()));
  EXPECT_THAT(ParseXml("<a>").error, Not(IsEmpty()));
}

TEST(SvgTest, EverySeriesIsAGroupWithItsNameAndAPath) {
  const XmlDocument svg = ParseXml(RenderSvg(LossFigure(), {}));
  std::set<std::string> names;
  for (const XmlElement& group : svg.OfClass("series")) names.insert(group.text.substr(0, 4));
  EXPECT_THAT(svg.OfClass("series"), SizeIs(4));
  EXPECT_EQ(names.count("band"), 1u);
  EXPECT_EQ(names.count("runs"), 1u);
  for (const XmlElement& path : svg.Named("path")) EXPECT_NE(path.attributes.at("d"), "");
}

TEST(SvgTest, ItsTextSaysWhatIsSeen) {
  const XmlDocument svg = ParseXml(RenderSvg(LossFigure(), {}));
  EXPECT_TRUE(svg.HasText("Loss"));
  EXPECT_TRUE(svg.HasText("compute (FLOP)"));
  EXPECT_TRUE(svg.HasText("outside the data"));
  EXPECT_TRUE(svg.HasText("budget"));
  EXPECT_TRUE(svg.HasText("target"));
  EXPECT_TRUE(svg.HasText("plan"));
}

TEST(SvgTest, ItHasATitleAndADescriptionForThoseWhoCannotSee) {
  const XmlDocument svg = ParseXml(RenderSvg(LossFigure(), {.id_prefix = "x"}));
  EXPECT_EQ(svg.elements[0].attributes.at("role"), "img");
  EXPECT_EQ(svg.elements[0].attributes.at("aria-labelledby"), "x-title x-desc");
  EXPECT_EQ(svg.Named("title")[0].text, "Loss");
  EXPECT_THAT(svg.Named("desc")[0].text, HasSubstr("loss (nats) over compute (FLOP)"));
}

TEST(SvgTest, NothingIsLoadedFromElsewhereAndNothingRuns) {
  const std::string svg = RenderSvg(LossFigure(), {});
  for (const char* forbidden : {"<script", "href", "<style", "@import", "onload"}) {
    EXPECT_THAT(svg, Not(HasSubstr(forbidden)));
  }
}

TEST(SvgTest, UserTextIsEscaped) {
  Figure figure = LossFigure();
  figure.title = "a < b & \"c\" </title><script>";
  figure.series[2].points[0].label = "run <1> & more";
  figure.series[0].label = std::string("bad \x01 and \xff bytes");
  const std::string text = RenderSvg(figure, {});
  const XmlDocument svg = ParseXml(text);
  ASSERT_THAT(svg.error, IsEmpty());
  EXPECT_TRUE(svg.HasText("a < b & \"c\" </title><script>"));
  EXPECT_THAT(text, Not(HasSubstr("<script>")));
  EXPECT_THAT(text, HasSubstr("run &lt;1&gt; &amp; more"));
  EXPECT_THAT(text, HasSubstr("bad \xEF\xBF\xBD and \xEF\xBF\xBD bytes"));
}

TEST(SvgTest, IdsBeginWithThePrefix) {
  const XmlDocument svg = ParseXml(RenderSvg(LossFigure(), {.id_prefix = "a b\""}));
  ASSERT_THAT(svg.error, IsEmpty());
  for (const XmlElement& element : svg.elements) {
    const auto id = element.attributes.find("id");
    if (id == element.attributes.end()) continue;
    EXPECT_EQ(id->second.rfind("a_b_-", 0), 0u) << id->second;
  }
}

TEST(SvgTest, SeriesDifferInMoreThanColor) {
  Figure figure = {.x = {.label = "x"}, .y = {.label = "y"}};
  for (int i = 0; i < 6; ++i) {
    figure.series.push_back({.label = "line",
                             .style = SeriesStyle::kLine,
                             .points = {{0, 1.0 * i}, {1, 2.0 * i}},
                             .color = i});
  }
  std::set<std::string> dashes;
  const XmlDocument svg = ParseXml(RenderSvg(figure, {}));
  for (const XmlElement& path : svg.Named("path")) {
    const auto dash = path.attributes.find("stroke-dasharray");
    if (dash != path.attributes.end()) dashes.insert(dash->second);
  }
  EXPECT_THAT(dashes, SizeIs(5));  // and one solid
}

TEST(SvgTest, TextsStayInsideThePicture) {
  Figure figure = LossFigure();
  figure.title = std::string(300, 'W');
  figure.x.label = std::string(300, 'x');
  figure.y.label = std::string(300, 'y');
  figure.lines[0].label = std::string(300, 'b');
  figure.lines[1].label = std::string(300, 't');
  figure.series[0].label = std::string(300, 's');
  figure.notes = {std::string(300, 'n')};
  const XmlDocument svg = ParseXml(RenderSvg(figure, {.width = 500}));
  ASSERT_THAT(svg.error, IsEmpty());
  for (const XmlElement& text : svg.Named("text")) {
    if (text.attributes.count("transform") > 0) continue;  // turned: bounded by the frame's height
    const double width = TextWidth(text.text, std::stod(text.attributes.at("font-size")));
    const std::string anchor = text.attributes.at("text-anchor");
    const double left = std::stod(text.attributes.at("x")) - (anchor == "end"      ? width
                                                              : anchor == "middle" ? width / 2
                                                                                   : 0);
    EXPECT_GE(left, 0) << text.text;
    EXPECT_LE(left + width, 500) << text.text;
  }
}

TEST(SvgTest, PowersOfTenHaveARaisedExponent) {
  EXPECT_EQ(PowerMarkup("1e19", 10), "10<tspan dy=\"-4.2\" font-size=\"7.2\">19</tspan>");
  EXPECT_THAT(PowerMarkup("at 3e24 FLOP", 10), HasSubstr("at 3\xC3\x97"
                                                         "10<tspan"));
  EXPECT_EQ(PowerMarkup("run1e19x", 10), "run1e19x");
  EXPECT_EQ(PowerMarkup("1.5B", 10), "1.5B");
}

TEST(SvgTest, AMapHasLevelsAContourAndAColorBar) {
  HeatMap map = {.figure = {.title = "map", .x = {.label = "x"}, .y = {.label = "y"}},
                 .xs = {0, 1, 2},
                 .ys = {0, 1},
                 .values = {0, 1, 2, 1, 2, 3},
                 .value = {.label = "z"},
                 .contours = {{1.5, "z = 1.5"}}};
  const XmlDocument svg = ParseXml(RenderSvg(map, {}));
  ASSERT_THAT(svg.error, IsEmpty());
  EXPECT_THAT(svg.OfClass("contour"), SizeIs(1));
  EXPECT_THAT(svg.OfClass("colorbar"), SizeIs(1));
  EXPECT_TRUE(svg.HasText("z = 1.5"));
}

TEST(SvgTest, StackedPanelsShareTheXAxis) {
  PanelStack stack = {.title = "two"};
  stack.panels = {{.figure = LossFigure(), .height_share = 3}, {.figure = LossFigure()}};
  const XmlDocument svg = ParseXml(RenderSvg(stack, {}));
  EXPECT_THAT(svg.OfClass("frame"), SizeIs(2));
  int titles = 0;
  for (const XmlElement& text : svg.Named("text")) titles += text.text == "compute (FLOP)";
  EXPECT_EQ(titles, 1);
  const auto frames = svg.OfClass("frame");
  EXPECT_EQ(frames[0].attributes.at("x"), frames[1].attributes.at("x"));
}

}  // namespace
}  // namespace rhumb::plot
