// SPDX-License-Identifier: Apache-2.0
// Golden texts: read them as pictures when one changes.
#include "client/plot/terminal_plot.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::plot {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr TerminalOptions kBraille = {.width = 48, .height = 8};
constexpr TerminalOptions kAscii = {.width = 48, .height = 8, .charset = Charset::kAscii};

Figure LossFigure() {
  Figure figure = {.title = "Loss over compute",
                   .subtitle = "a law of two numbers",
                   .x = {.label = "compute",
                         .unit = "FLOP",
                         .scale = Scale::kLog10,
                         .numbers = Numbers::kScientific,
                         .range = Range{1e18, 1e22}},
                   .y = {.label = "loss", .unit = "nats", .range = Range{1, 5}}};
  figure.series = {
      {.label = "fit", .style = SeriesStyle::kLine, .points = {{1e18, 4.5}, {1e22, 1.5}}},
      {.label = "runs", .style = SeriesStyle::kDots, .points = {{1e19, 4}, {1e20, 3}}, .color = 1}};
  figure.shaded = {{Direction::kX, 1e21, INFINITY, "outside the data"}};
  figure.lines = {{Direction::kX, 3e20, "budget"}};
  return figure;
}

HeatMap SmallMap() {
  HeatMap map = {.figure = {.title = "Map",
                            .x = {.label = "N", .scale = Scale::kLog10, .numbers = Numbers::kSi},
                            .y = {.label = "D", .scale = Scale::kLog10, .numbers = Numbers::kSi}},
                 .xs = {1e8, 1e9, 1e10},
                 .ys = {1e9, 1e10, 1e11},
                 .values = {9, 7, 5, 7, 5, 3, 5, 3, 1},
                 .value = {.label = "loss"}};
  map.figure.marks = {{1e9, 1e10, "optimum"}};
  return map;
}

TEST(TerminalPlotTest, BrailleFigure) {
  EXPECT_EQ(RenderTerminal(LossFigure(), kBraille), R"(
Loss over compute
a law of two numbers
loss (nats)
                               outside the data
                          budget
5 ┤⣀                         ┊     ·   ·   ·
4 ┤ ⠉⠉⠒⠢⠤⢄⣀  ▲               ┊       ·   ·
  │        ⠉⠉⠒⠢⠤⣀⣀           ┊     ·   ·   ·
3 ┤               ⠉⠑⠒⠢⠤⣀▲    ┊       ·   ·
  │                      ⠉⠑⠒⠢⠤⣀⣀   ·   ·   ·
2 ┤                          ┊  ⠉⠑⠒⠤⠤⣀⡀  ·
  │                          ┊     ·  ⠈⠉⠑⠒⠤⠤⣀
1 ┤                          ┊       ·   ·
  └┬─────────┬──────────┬─────────┬─────────┬
 1e18      1e19       1e20      1e21      1e22
                 compute (FLOP)
⠤⠤⠤⠤ fit   ▲ runs
)" + 1);
}

TEST(TerminalPlotTest, AsciiFigure) {
  EXPECT_EQ(RenderTerminal(LossFigure(), kAscii), R"(
Loss over compute
a law of two numbers
loss (nats)
                               outside the data
                          budget
5 +****                      |     .   .   .
4 +    ******^               |       .   .
  |           *******        |     .   .   .
3 +                  ***^**  |       .   .
  |                        ******* .   .   .
2 +                          |    *******.
  |                          |     .   . ****
1 +                          |       .   .
  ++---------+----------+---------+---------+
 1e18      1e19       1e20      1e21      1e22
                 compute (FLOP)
*** fit   ^ runs
)" + 1);
}

TEST(TerminalPlotTest, BandAndIntervalInBraille) {
  Figure figure = {.x = {.label = "x", .range = Range{0, 10}},
                   .y = {.label = "y", .range = Range{0, 8}}};
  figure.series = {
      {.label = "band", .style = SeriesStyle::kBand, .points = {{0, 1, 3}, {10, 5, 7}}},
      {.label = "flat", .style = SeriesStyle::kInterval, .points = {{2, 7, 5}}},
      {.label = "dashed",
       .style = SeriesStyle::kLine,
       .points = {{0, 0.5}, {10, 0.5}},
       .color = 1}};
  EXPECT_EQ(RenderTerminal(figure, kBraille), R"(
y
8 ┤        ├────────────┤
6 ┤                                 ⡀⠄⡀⠄⡂⠄⡂⠅⡂
  │                     ⡀ ⡀⠄⡀⠄⡂⠄⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂
4 ┤           ⡀ ⡀⠄⡀⠄⡂⠄⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⠂⠅⠂⠁⠂⠁
  │ ⡀ ⡀⠄⡂⠄⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⠂⠁⠂⠁ ⠁
2 ┤⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⡂⠅⠂⠅⠂⠁⠂⠁ ⠁
  │⠅⡂⠅⠂⠅⠂⠁⠂⠁ ⠁
0 ┤⠒⠒⠂ ⠒⠒⠂ ⠒⠒⠂ ⠒⠒⠂ ⠒⠒⠂ ⠒⠒⠂ ⠒⠒⠂ ⠒⠒⠂ ⠒⠒⠂ ⠒⠒⠂ ⠒⠒
  └┬───┬───┬───┬───┬────┬───┬───┬───┬───┬───┬
   0   1   2   3   4    5   6   7   8   9  10
                       x
⢕⢕⢕ band   ⠤⠤⠄  dashed   ├─┤ flat
)" + 1);
}

TEST(TerminalPlotTest, MapWithoutColorsUsesCharacters) {
  EXPECT_EQ(RenderTerminal(SmallMap(), kAscii), R"(
Map
D
100B +++========--------::::::::........
     |+++++++========--------::::::::........
 30B +****++++++++========--------::::::::...
 10B +#********++++++++==X=====--------::::::
     |######********++++++++========--------:
     |%%%########********++++++++========----
  3B +%%%%%%%%########********++++++++=======
  1B +@@@@@%%%%%%%%########********++++++++==
     ++--------+---------+--------+---------+
    100M     300M       1B       3B        10B
                         N
loss: 1 [ .:-=+*#%@] 9
X optimum
)" + 1);
}

TEST(TerminalPlotTest, MapWithColorsUsesHalfBlocks) {
  TerminalOptions options = kBraille;
  options.color = true;
  const std::string text = RenderTerminal(SmallMap(), options);
  EXPECT_THAT(text, HasSubstr("▀"));
  // Low values are bright: the corner of the greatest N and D is viridis' yellow.
  EXPECT_THAT(text, HasSubstr("38;5;220"));
}

TEST(TerminalPlotTest, NoEscapeCodesWithoutColor) {
  EXPECT_THAT(RenderTerminal(LossFigure(), kBraille), Not(HasSubstr("\033")));
  EXPECT_THAT(RenderTerminal(SmallMap(), kBraille), Not(HasSubstr("\033")));
}

TEST(TerminalPlotTest, ColorsAreResetAtTheEndOfEachLine) {
  TerminalOptions options = kBraille;
  options.color = true;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(RenderTerminal(LossFigure(), options), '\n'))) {
    const size_t last = line.rfind("\033[");
    if (last == std::string::npos) continue;
    EXPECT_EQ(line.compare(last, 4, "\033[0m"), 0) << line;
  }
}

TEST(TerminalPlotTest, AsciiTextIsAscii) {
  for (const char c : RenderTerminal(LossFigure(), kAscii)) {
    ASSERT_LT(static_cast<unsigned char>(c), 0x80);
  }
  for (const char c : RenderTerminal(SmallMap(), kAscii)) {
    ASSERT_LT(static_cast<unsigned char>(c), 0x80);
  }
}

TEST(TerminalPlotTest, LinesStayWithinTheWidth) {
  Figure figure = LossFigure();
  figure.title = std::string(30, 'a') + " " + std::string(30, 'b');
  figure.series[0].label = std::string(200, 's');
  figure.lines[0].label = std::string(200, 'l');
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(RenderTerminal(figure, kAscii), '\n'))) {
    EXPECT_LE(line.size(), 48u) << line;
  }
}

TEST(TerminalPlotTest, SeriesDifferWithoutColor) {
  Figure figure = LossFigure();
  figure.series[0].style = SeriesStyle::kDots;
  const std::string text = RenderTerminal(figure, kBraille);
  EXPECT_THAT(text, HasSubstr("● fit"));
  EXPECT_THAT(text, HasSubstr("▲ runs"));
}

}  // namespace
}  // namespace rhumb::plot
