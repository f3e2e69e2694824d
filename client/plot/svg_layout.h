// SPDX-License-Identifier: Apache-2.0
// Where everything of an SVG goes: sizes of texts, ticks, frames and legend. Draws nothing.
#ifndef RHUMB_CLIENT_PLOT_SVG_LAYOUT_H_
#define RHUMB_CLIENT_PLOT_SVG_LAYOUT_H_

#include <string>
#include <vector>

#include "client/plot/axis.h"
#include "client/plot/drawing.h"
#include "client/plot/label_rows.h"
#include "client/plot/legend.h"
#include "client/plot/svg.h"
#include "client/plot/svg_panel.h"

namespace rhumb::plot {

// All in pixels.
inline constexpr double kMargin = 16;
inline constexpr double kTitleSize = 16;
inline constexpr double kTitleLine = 20;
inline constexpr double kLabelSize = 12;
inline constexpr double kTickSize = 11;
inline constexpr double kLine = 16;  // from one line of text to the next
inline constexpr double kLegendLine = 19;
inline constexpr double kTopLabelLine = 15;
inline constexpr double kTickGap = 7;
inline constexpr double kPanelGap = 16;
inline constexpr double kColorBarGap = 14;
inline constexpr double kColorBarWidth = 14;

struct Layout {
  double width = 0;
  double height = 0;
  std::vector<std::string> title;
  std::vector<std::string> subtitle;
  std::vector<std::string> notes;
  std::vector<LegendEntry> legend;
  std::vector<double> legend_columns;  // their widths
  std::vector<EdgeLabel> top_labels;
  std::vector<PlacedLabel> top_places;
  double frames_top = 0;
  double legend_top = 0;
  double notes_top = 0;
  std::vector<Box> frames;
  std::vector<Ticks> y_ticks;
  Ticks x_ticks;
  Ticks value_ticks;  // of the colour bar
  double right_labels_width = 0;
};

Layout LayOut(const Drawing& drawing, const SvgOptions& options);

}  // namespace rhumb::plot

#endif  // RHUMB_CLIENT_PLOT_SVG_LAYOUT_H_
