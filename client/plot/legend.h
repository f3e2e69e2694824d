// SPDX-License-Identifier: Apache-2.0
// What stands in a drawing's legend and what is written at the edges of its frame.
#ifndef RHUMB_CLIENT_PLOT_LEGEND_H_
#define RHUMB_CLIENT_PLOT_LEGEND_H_

#include <string>
#include <vector>

#include "client/plot/drawing.h"

namespace rhumb::plot {

enum class LegendKind { kSeries, kMark, kContour, kShaded };

// One label with every symbol that goes by it: dots and the line fitted to them share an entry.
struct LegendEntry {
  LegendKind kind = LegendKind::kSeries;
  std::string label;
  std::vector<const DrawnSeries*> series;  // of kSeries; owned by the drawing
  int pattern = 0;                         // of kContour: its dash
};

std::vector<LegendEntry> LegendOf(const Drawing& drawing);

enum class EdgeKind { kMarkerLine, kShaded, kSeries };

// A text beside the frame, at a position from 0 to 1 along its edge.
struct EdgeLabel {
  EdgeKind kind = EdgeKind::kMarkerLine;
  double at = 0;
  std::string label;
  double low = at;  // of a range: its ends
  double high = at;
};

// A text inside the frame, its lower left corner just above a line's beginning.
struct InnerLabel {
  double x = 0;
  double y = 0;
  std::string label;
};

// Above the frame: marker lines, shaded ranges, and lines that leave through the top.
std::vector<EdgeLabel> TopLabels(const DrawnPanel& panel);
// Right of the frame: horizontal marker lines, and lines that leave through the right side.
std::vector<EdgeLabel> RightLabels(const DrawnPanel& panel);
// Lines that leave the frame where numbers stand, or not at all.
std::vector<InnerLabel> InnerLabels(const DrawnPanel& panel);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_LEGEND_H_
