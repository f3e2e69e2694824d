// SPDX-License-Identifier: Apache-2.0
// The inside of one frame on a canvas, and the characters that stand for a series. No text around
// it.
#ifndef RHUMB_CLIENT_PLOT_TERMINAL_PANEL_H_
#define RHUMB_CLIENT_PLOT_TERMINAL_PANEL_H_

#include <string>

#include "client/plot/drawing.h"
#include "client/plot/legend.h"
#include "client/plot/terminal_canvas.h"
#include "client/plot/terminal_plot.h"

namespace rhumb::plot {

// The canvas is the frame: positions 0 and 1 are the middles of its outermost cells.
void DrawOnCanvas(const DrawnPanel& panel, const TerminalOptions& options, TerminalCanvas& canvas);

// Three or fewer characters that show `entry`, with its colour.
std::string LegendSample(const LegendEntry& entry, const TerminalOptions& options, bool on_map);

// Where a position lies among `count` cells.
int CellOf(double position, int count);

// Characters of a map without colours, from low values to high ones.
inline constexpr char kRamp[] = " .:-=+*#%@";
inline constexpr int kRampLength = 10;

// The colour of a value at `position` of its axis; low values are bright.
int MapColor(double position);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_TERMINAL_PANEL_H_
