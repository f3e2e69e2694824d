// SPDX-License-Identifier: Apache-2.0
// The inside of one frame as SVG elements: shading, grid, map, series, markers. No text.
#ifndef RHUMB_CLIENT_PLOT_SVG_PANEL_H_
#define RHUMB_CLIENT_PLOT_SVG_PANEL_H_

#include <string>

#include "client/plot/axis.h"
#include "client/plot/drawing.h"

namespace rhumb::plot {

struct Box {
  double left = 0;
  double top = 0;
  double width = 0;
  double height = 0;
};

// `hatch` is the id of the pattern that fills shaded ranges; everything is clipped by the clip path
// `clip`, which the caller defines as the box.
std::string PanelElements(const DrawnPanel& panel, const Box& box, const Ticks& x_ticks,
                          const Ticks& y_ticks, const std::string& clip, const std::string& hatch);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_SVG_PANEL_H_
