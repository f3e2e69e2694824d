// SPDX-License-Identifier: Apache-2.0
#include "client/plot/svg_layout.h"

#include <algorithm>
#include <cmath>

#include "client/plot/svg_marks.h"
#include "client/plot/svg_text.h"

namespace rhumb::plot {
namespace {

constexpr double kLeastPanelHeight = 90;
constexpr double kWidestEdgeLabel = 150;
constexpr double kLeastWidth = 320;
constexpr double kLargestSide = 10000;
constexpr double kBoldFactor = 1.12;  // how much wider bold letters are

Ticks YTicks(const AxisView& view, double height) {
  return MakeTicks(view, {.length = height,
                          .gap = kTickSize,
                          .extent = [](const std::string&) { return kTickSize; },
                          .max_count = 9});
}

double WidestTick(const Ticks& ticks) {
  double widest = 0;
  for (const Tick& tick : ticks.major) {
    widest = std::max(widest, PowerWidth(tick.label, kTickSize));
  }
  return widest;
}

double ColorBarRoom(const Layout& layout, const DrawnPanel& panel) {
  if (!panel.grid.has_value()) return 0;
  return kColorBarGap + kColorBarWidth + kTickGap + WidestTick(layout.value_ticks) + kLine + 8;
}

size_t LegendRows(const Layout& layout) {
  return (layout.legend.size() + layout.legend_columns.size() - 1) / layout.legend_columns.size();
}

// Row by row, in as many columns as there is room for, each as wide as its widest entry.
void LayOutLegend(const Drawing& drawing, Layout& layout) {
  layout.legend = LegendOf(drawing);
  const double room = layout.width - 2 * kMargin;
  for (size_t count = std::max<size_t>(1, layout.legend.size()); count > 0; --count) {
    layout.legend_columns.assign(count, 0);
    for (size_t i = 0; i < layout.legend.size(); ++i) {
      double& column = layout.legend_columns[i % count];
      column = std::max(column,
                        kLegendSymbolWidth + 20 + PowerWidth(layout.legend[i].label, kLabelSize));
    }
    double sum = -20;  // nothing follows the last column
    for (const double column : layout.legend_columns) sum += column;
    if (sum <= room) return;
  }
  layout.legend_columns = {room};
}

// Places frames of `frames_height` in all and everything around them. The width of the numbers
// beside the frames decides the frames' width, so they come first.
void PlaceFrames(const Drawing& drawing, double frames_height, Layout& layout) {
  double shares = 0;
  for (const DrawnPanel& panel : drawing.panels) shares += panel.height_share;
  double tick_width = 0;
  layout.frames.clear();
  layout.y_ticks.clear();
  for (const DrawnPanel& panel : drawing.panels) {
    Box box;
    box.height = std::max(kLeastPanelHeight, frames_height * panel.height_share / shares);
    layout.y_ticks.push_back(YTicks(panel.y, box.height));
    tick_width = std::max(tick_width, WidestTick(layout.y_ticks.back()));
    layout.frames.push_back(box);
  }
  const DrawnPanel& first = drawing.panels.front();
  if (first.grid.has_value()) {
    layout.value_ticks = YTicks(first.grid->value, layout.frames.front().height);
  }
  layout.right_labels_width = 0;
  for (const DrawnPanel& panel : drawing.panels) {
    for (const EdgeLabel& label : RightLabels(panel)) {
      layout.right_labels_width =
          std::max(layout.right_labels_width,
                   std::min(kWidestEdgeLabel, PowerWidth(label.label, kTickSize)) + 8);
    }
  }
  const double left = kMargin + kLine + 4 + tick_width + kTickGap;
  const double right_room =
      std::max(kMargin + 10, kMargin + layout.right_labels_width + ColorBarRoom(layout, first));
  const double frame_width = std::max(80.0, layout.width - left - right_room);

  layout.x_ticks = MakeTicks(
      drawing.x, {.length = frame_width,
                  .gap = 12,
                  .extent = [](const std::string& label) { return PowerWidth(label, kTickSize); },
                  .max_count = 13});

  layout.top_labels = TopLabels(first);
  std::vector<WantedLabel> wanted;
  const double room = layout.width - 2 * kMargin;
  for (EdgeLabel& label : layout.top_labels) {
    label.label = FittedText(label.label, kTickSize, room);
    wanted.push_back({left + label.at * frame_width, PowerWidth(label.label, kTickSize),
                      left + label.low * frame_width, left + label.high * frame_width});
  }
  layout.top_places = PlaceLabels(wanted, kMargin, layout.width - kMargin, 10);
  int rows = 0;
  for (const PlacedLabel& place : layout.top_places) rows = std::max(rows, place.row + 1);

  const auto lines_height = [](const std::vector<std::string>& lines, double line) {
    return static_cast<double>(lines.size()) * line;
  };
  double y =
      kMargin + lines_height(layout.title, kTitleLine) + lines_height(layout.subtitle, kLine);
  y += rows > 0 ? 10 + rows * kTopLabelLine : 12;
  layout.frames_top = y;
  for (Box& box : layout.frames) {
    box.left = left;
    box.width = frame_width;
    box.top = y;
    y += box.height + kPanelGap;
  }
  y += -kPanelGap + kTickGap + kTickSize + 6 + kLine + 16;
  layout.legend_top = y;
  y += static_cast<double>(LegendRows(layout)) * kLegendLine + (layout.legend.empty() ? 0 : 4);
  layout.notes_top = y;
  layout.height = y + lines_height(layout.notes, kLine - 1) + kMargin - 6;
}

}  // namespace

Layout LayOut(const Drawing& drawing, const SvgOptions& options) {
  const auto side = [](double value, double fallback) {
    return std::isfinite(value) ? std::clamp(value, kLeastWidth, kLargestSide) : fallback;
  };
  Layout layout;
  layout.width = side(options.width, SvgOptions().width);
  const double height = side(options.height, SvgOptions().height);
  const double room = layout.width - 2 * kMargin;
  layout.title = WrappedText(drawing.title, kTitleSize * kBoldFactor, room, 3);
  layout.subtitle = WrappedText(drawing.subtitle, kLabelSize, room, 2);
  for (const std::string& note : drawing.notes) {
    for (const std::string& line : WrappedText(note, kTickSize, room, 4)) {
      layout.notes.push_back(line);
    }
  }
  LayOutLegend(drawing, layout);
  if (drawing.panels.empty()) {
    layout.notes_top = kMargin + 60;
    layout.height = height;
    return layout;
  }
  // What is left of the wanted height goes to the frames; a first placing tells what the rest
  // takes.
  PlaceFrames(drawing, height / 2, layout);
  double taken = 0;
  for (const Box& box : layout.frames) taken += box.height;
  PlaceFrames(drawing, height - (layout.height - taken), layout);
  return layout;
}

}  // namespace rhumb::plot
