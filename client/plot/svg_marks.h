// SPDX-License-Identifier: Apache-2.0
// How a series looks in SVG: its colour, its mark or dash, and its sample in a legend.
#ifndef RHUMB_CLIENT_PLOT_SVG_MARKS_H_
#define RHUMB_CLIENT_PLOT_SVG_MARKS_H_

#include <string>

#include "client/plot/drawing.h"
#include "client/plot/legend.h"

namespace rhumb::plot {

inline constexpr double kLegendSymbolWidth = 30;

// The colour of a series as "#rrggbb"; on a heat map near black, where colours mean values.
std::string SeriesColor(const DrawnSeries& series, bool on_map);

// The value of stroke-dasharray; empty for a solid line. Six dashes, then again from the first.
std::string DashArray(int pattern);

// Path data of a mark around (x, y). Six shapes; patterns 6 to 11 are the same shapes, hollow.
std::string MarkPath(int pattern, double x, double y, double radius);
// fill, stroke and stroke-width of that mark.
std::string MarkAttributes(int pattern, const std::string& color);

// Path data of the star that marks an optimum.
std::string StarPath(double x, double y, double radius);
std::string StarElement(double x, double y, const std::string& title);

// The elements that show `entry` in the legend, kLegendSymbolWidth wide, (x, y) the middle of its
// left side. `hatch` names the pattern of shaded ranges.
std::string LegendSymbol(const LegendEntry& entry, double x, double y, bool on_map,
                         const std::string& hatch);

// fill and stroke attributes of a line.
std::string LineAttributes(const DrawnSeries& series, bool on_map);
std::string ContourAttributes(int pattern);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_SVG_MARKS_H_
