// SPDX-License-Identifier: Apache-2.0
// A figure made ready to draw: axes settled, everything in positions from 0 to 1, lines clipped to
// the frame, and what cannot be drawn left out and counted. Shared by all renderers.
#ifndef RHUMB_CLIENT_PLOT_DRAWING_H_
#define RHUMB_CLIENT_PLOT_DRAWING_H_

#include <optional>
#include <string>
#include <vector>

#include "client/plot/axis.h"
#include "client/plot/contour.h"
#include "client/plot/figure.h"

namespace rhumb::plot {

// A point in positions: (0, 0) is the lower left corner of the frame, (1, 1) the upper right one.
struct DrawnPoint {
  double x = 0;
  double y = 0;
  double high = 0;    // kBand: the upper y; kInterval: the far x
  std::string label;  // what to show on hovering: the point's own label and its numbers
};

struct DrawnSeries {
  std::string label;
  std::string end_label;
  SeriesStyle style = SeriesStyle::kLine;
  int color = 0;
  int pattern = 0;
  std::optional<double> shade;
  // Lines and bands: unbroken stretches inside the frame (of a band, x only: its y may reach
  // beyond). Dots and intervals: one run.
  std::vector<std::vector<DrawnPoint>> runs;
};

struct DrawnRange {
  Direction direction = Direction::kX;
  double low = 0;  // positions within [0, 1], low < high
  double high = 0;
  std::string label;
};

struct DrawnLine {
  Direction direction = Direction::kX;
  double at = 0;
  std::string label;
};

struct DrawnContour {
  std::vector<Polyline> lines;
  std::string label;
};

struct DrawnGrid {
  Grid grid;  // xs and ys in positions
  Axis axis;
  AxisView value;  // spans the finite values
  std::vector<DrawnContour> contours;
};

struct DrawnPanel {
  Axis x_axis;
  Axis y_axis;
  AxisView y;
  std::vector<DrawnRange> shaded;
  std::vector<DrawnLine> lines;
  std::vector<DrawnSeries> series;
  std::vector<DrawnPoint> marks;
  std::optional<DrawnGrid> grid;
  double height_share = 1;
};

struct Drawing {
  std::string title;
  std::string subtitle;
  AxisView x;  // of all panels
  std::vector<DrawnPanel> panels;
  std::vector<std::string> notes;  // the figure's own, then what was left out and why
};

Drawing Prepare(const Figure& figure);
Drawing Prepare(const PanelStack& stack);
Drawing Prepare(const HeatMap& map);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_DRAWING_H_
