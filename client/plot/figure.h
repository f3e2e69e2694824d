// SPDX-License-Identifier: Apache-2.0
// What a picture shows, as plain data: axes, series, shaded ranges, markers, grids. Knows nothing
// of pixels, characters or scaling laws; terminal_plot.h and svg.h draw it, law_figures.h fills it.
#ifndef RHUMB_CLIENT_PLOT_FIGURE_H_
#define RHUMB_CLIENT_PLOT_FIGURE_H_

#include <optional>
#include <string>
#include <vector>

namespace rhumb::plot {

enum class Scale { kLinear, kLog10 };

// How an axis writes its numbers: 0.25, 10B, 1e19 (drawn as a power of ten where that is possible).
enum class Numbers { kPlain, kSi, kScientific };

struct Range {
  double low = 0;
  double high = 0;
};

struct Axis {
  std::string label = {};
  std::string unit = {};  // shown in parentheses after the label
  Scale scale = Scale::kLinear;
  Numbers numbers = Numbers::kPlain;
  std::optional<Range> range = {};  // unset: what the data need, with a little room
};

// kBand fills from y to `high` along x. kInterval is a bar at height y from x to `high`.
enum class SeriesStyle { kDots, kLine, kBand, kInterval };

struct Point {
  double x = 0;
  double y = 0;
  double high = 0;         // kBand: the upper y. kInterval: the far x. Otherwise unused.
  std::string label = {};  // shown on hovering; empty: the numbers alone
};

struct Series {
  std::string label = {};  // series of one label share one legend entry; empty: not in the legend
  SeriesStyle style = SeriesStyle::kLine;
  std::vector<Point> points = {};    // lines and bands in order of x; a point that cannot be drawn
                                     // breaks a line
  int color = 0;                     // which colour of the palette, and with it which mark or dash
  std::optional<int> pattern = {};   // which mark or dash, where not that of `color`
  std::optional<double> shade = {};  // 0 to 1: place on the continuous palette instead of `color`,
                                     // for series that have an order
  std::string end_label = {};  // of a line: written outside the frame, where the line leaves it
};

enum class Direction { kX, kY };

// A range of x (or y) drawn as shaded, such as where a law extrapolates. Ends may be infinite.
struct ShadedRange {
  Direction direction = Direction::kX;
  double low = 0;
  double high = 0;
  std::string label = {};
};

// A line across the whole figure at one x (or y), such as a budget.
struct MarkerLine {
  Direction direction = Direction::kX;
  double at = 0;
  std::string label = {};
};

// One place that matters more than any point, such as the optimum.
struct MarkerPoint {
  double x = 0;
  double y = 0;
  std::string label = {};
};

struct Figure {
  std::string title = {};
  std::string subtitle = {};  // one line: which law, from where
  Axis x = {};
  Axis y = {};
  std::vector<Series> series = {};  // later ones on top, but bands under all others
  std::vector<ShadedRange> shaded = {};
  std::vector<MarkerLine> lines = {};
  std::vector<MarkerPoint> marks = {};
  std::vector<std::string> notes = {};  // sentences under the figure
};

struct Panel {
  Figure figure = {};       // its title and subtitle are not shown
  double height_share = 1;  // of the height of all panels, relative to the others
};

// Figures above each other that share the x axis of the first.
struct PanelStack {
  std::string title = {};
  std::string subtitle = {};
  std::vector<Panel> panels = {};
  std::vector<std::string> notes = {};
};

struct ContourLevel {
  double level = 0;
  std::string label = {};
};

// Values over a grid of x and y, with everything a figure has drawn on top. Low values are bright.
struct HeatMap {
  Figure figure = {};
  std::vector<double> xs = {};      // increasing, at least 2
  std::vector<double> ys = {};      // increasing, at least 2
  std::vector<double> values = {};  // ys.size() rows of xs.size() values
  Axis value = {};                  // label, unit and scale of the values
  std::vector<ContourLevel> contours = {};
};

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_FIGURE_H_
