// SPDX-License-Identifier: Apache-2.0
#include "client/plot/svg.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/plot/drawing.h"
#include "client/plot/legend.h"
#include "client/plot/palette.h"
#include "client/plot/svg_layout.h"
#include "client/plot/svg_marks.h"
#include "client/plot/svg_panel.h"
#include "client/plot/svg_text.h"

namespace rhumb::plot {
namespace {

constexpr char kText[] = "#222";
constexpr char kPale[] = "#5f5f5f";

struct TextStyle {
  double size = kLabelSize;
  const char* anchor = "start";
  const char* fill = kText;
  const char* more = "";  // further attributes
};

std::string TextElement(double x, double y, const std::string& markup, const TextStyle& style) {
  return absl::StrCat("<text x=\"", Coordinate(x), "\" y=\"", Coordinate(y), "\" font-size=\"",
                      Coordinate(style.size), "\" text-anchor=\"", style.anchor, "\" fill=\"",
                      style.fill, "\"", style.more, ">", markup, "</text>\n");
}

// With a true minus sign: a hyphen is too short beside figures.
std::string TickMarkup(const std::string& label) {
  const std::string markup = PowerMarkup(label, kTickSize);
  return label.front() == '-' ? absl::StrCat("\xE2\x88\x92", markup.substr(1)) : markup;
}

std::string Lines(const std::vector<std::string>& lines, double x, double y, double line_height,
                  const TextStyle& style) {
  std::string elements;
  for (const std::string& line : lines) {
    elements += TextElement(x, y, EscapeXml(line), style);
    y += line_height;
  }
  return elements;
}

// An axis title read from below, in the middle of the frame's height.
std::string TurnedTitle(const std::string& title, double x, const Box& box) {
  const std::string fitted = FittedText(title, kLabelSize, box.height + kPanelGap);
  const std::string turn = absl::StrCat(" transform=\"rotate(-90 ", Coordinate(x), " ",
                                        Coordinate(box.top + box.height / 2), ")\"");
  return TextElement(x, box.top + box.height / 2, EscapeXml(fitted),
                     {.anchor = "middle", .more = turn.c_str()});
}

std::string AxesElements(const Layout& layout, const DrawnPanel& panel, size_t index) {
  const Box& box = layout.frames[index];
  const bool is_lowest = index + 1 == layout.frames.size();
  const double bottom = box.top + box.height;
  std::string elements = absl::StrCat("<rect class=\"frame\" x=\"", Coordinate(box.left), "\" y=\"",
                                      Coordinate(box.top), "\" width=\"", Coordinate(box.width),
                                      "\" height=\"", Coordinate(box.height),
                                      "\" fill=\"none\" stroke=\"#444\" stroke-width=\"1\"/>\n");
  std::string tick_path;
  for (const Tick& tick : layout.y_ticks[index].major) {
    const double y = bottom - tick.position * box.height;
    absl::StrAppend(&tick_path, "M", Coordinate(box.left), " ", Coordinate(y), "h-4");
    elements += TextElement(box.left - kTickGap, y + 0.36 * kTickSize, TickMarkup(tick.label),
                            {.size = kTickSize, .anchor = "end"});
  }
  for (const double position : layout.y_ticks[index].minor) {
    absl::StrAppend(&tick_path, "M", Coordinate(box.left), " ",
                    Coordinate(bottom - position * box.height), "h-2");
  }
  for (const double position : layout.x_ticks.minor) {
    absl::StrAppend(&tick_path, "M", Coordinate(box.left + position * box.width), " ",
                    Coordinate(bottom), "v2");
  }
  for (const Tick& tick : layout.x_ticks.major) {
    const double x = box.left + tick.position * box.width;
    absl::StrAppend(&tick_path, "M", Coordinate(x), " ", Coordinate(bottom), "v4");
    if (!is_lowest) continue;
    elements += TextElement(x, bottom + kTickGap + kTickSize, TickMarkup(tick.label),
                            {.size = kTickSize, .anchor = "middle"});
  }
  absl::StrAppend(&elements, "<path d=\"", tick_path,
                  "\" fill=\"none\" stroke=\"#444\" stroke-width=\"1\"/>\n");
  elements += TurnedTitle(AxisTitle(panel.y_axis), kMargin + 11, box);
  if (is_lowest) {
    const std::string title = FittedText(AxisTitle(panel.x_axis), kLabelSize, box.width);
    elements += TextElement(box.left + box.width / 2, bottom + kTickGap + kTickSize + 6 + 14,
                            EscapeXml(title), {.anchor = "middle"});
  }
  return elements;
}

std::string TopLabelElements(const Layout& layout) {
  std::string elements;
  const Box& box = layout.frames.front();
  for (size_t i = 0; i < layout.top_labels.size(); ++i) {
    const EdgeLabel& label = layout.top_labels[i];
    const PlacedLabel& place = layout.top_places[i];
    const double baseline = box.top - 6 - place.row * kTopLabelLine;
    const bool is_shaded = label.kind == EdgeKind::kShaded;
    elements += TextElement(place.start, baseline, PowerMarkup(label.label, kTickSize),
                            {.size = kTickSize,
                             .fill = is_shaded ? kPale : kText,
                             .more = is_shaded ? " font-style=\"italic\"" : ""});
    // Labels that had to move up stay tied to their place by a thin line.
    if (place.row > 0 && !is_shaded) {
      const double x = box.left + label.at * box.width;
      absl::StrAppend(&elements, "<path d=\"M", Coordinate(x), " ", Coordinate(box.top), "V",
                      Coordinate(baseline + 3), "\" stroke=\"#999\" stroke-width=\"0.8\"/>\n");
    }
  }
  return elements;
}

std::string RightLabelElements(const Layout& layout, const DrawnPanel& panel, const Box& box) {
  std::vector<EdgeLabel> labels = RightLabels(panel);
  std::sort(labels.begin(), labels.end(),
            [](const EdgeLabel& a, const EdgeLabel& b) { return a.at > b.at; });
  std::string elements;
  double free_from = box.top - 4;
  for (const EdgeLabel& label : labels) {
    const double y =
        std::max(free_from + 13, box.top + (1 - label.at) * box.height + 0.36 * kTickSize);
    elements += TextElement(
        box.left + box.width + 6, y,
        PowerMarkup(FittedText(label.label, kTickSize, layout.right_labels_width - 6), kTickSize),
        {.size = kTickSize});
    free_from = y;
  }
  return elements;
}

std::string ColorBarElements(const Layout& layout, const DrawnGrid& grid, const Box& box,
                             const std::string& prefix) {
  const double left = box.left + box.width + layout.right_labels_width + kColorBarGap;
  std::string elements = absl::StrCat(
      "<rect class=\"colorbar\" x=\"", Coordinate(left), "\" y=\"", Coordinate(box.top),
      "\" width=\"", Coordinate(kColorBarWidth), "\" height=\"", Coordinate(box.height),
      "\" fill=\"url(#", prefix, "-colors)\" stroke=\"#444\" stroke-width=\"1\"/>\n");
  for (const Tick& tick : layout.value_ticks.major) {
    const double y = box.top + (1 - tick.position) * box.height;
    absl::StrAppend(&elements, "<path d=\"M", Coordinate(left + kColorBarWidth), " ", Coordinate(y),
                    "h3\" stroke=\"#444\"/>\n");
    elements += TextElement(left + kColorBarWidth + kTickGap, y + 0.36 * kTickSize,
                            TickMarkup(tick.label), {.size = kTickSize});
  }
  return elements + TurnedTitle(AxisTitle(grid.axis), layout.width - kMargin, box);
}

std::string InnerLabelElements(const DrawnPanel& panel, const Box& box) {
  std::string elements;
  for (const InnerLabel& label : InnerLabels(panel)) {
    const double x = box.left + label.x * box.width + 5;
    const double y = box.top + (1 - label.y) * box.height - 5;
    const double room = box.left + box.width - x - 4;
    // The white rim keeps it readable over lines and colours.
    elements += TextElement(x, std::max(y, box.top + kTickSize + 2),
                            PowerMarkup(FittedText(label.label, kTickSize, room), kTickSize),
                            {.size = kTickSize,
                             .more = " stroke=\"#fff\" stroke-width=\"3\" "
                                     "stroke-linejoin=\"round\" paint-order=\"stroke\""});
  }
  return elements;
}

std::string LegendElements(const Layout& layout, bool on_map, const std::string& hatch) {
  std::string elements = "<g class=\"legend\">\n";
  const size_t columns = layout.legend_columns.size();
  double x = kMargin;
  for (size_t i = 0; i < layout.legend.size(); ++i) {
    const LegendEntry& entry = layout.legend[i];
    if (i % columns == 0) x = kMargin;
    const double y = layout.legend_top + static_cast<double>(i / columns) * kLegendLine + 4;
    const std::string label =
        FittedText(entry.label, kLabelSize, layout.width - kMargin - x - kLegendSymbolWidth);
    absl::StrAppend(&elements, LegendSymbol(entry, x, y, on_map, hatch), "\n");
    elements += TextElement(x + kLegendSymbolWidth, y + 0.36 * kLabelSize,
                            PowerMarkup(label, kLabelSize), {});
    x += layout.legend_columns[i % columns];
  }
  return elements + "</g>\n";
}

std::string Definitions(const Drawing& drawing, const Layout& layout, const std::string& prefix) {
  const bool on_map = !drawing.panels.empty() && drawing.panels.front().grid.has_value();
  // Hatching survives copying in black and white, which a tint does not.
  std::string definitions = absl::StrCat(
      "<defs>\n<pattern id=\"", prefix,
      "-hatch\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" "
      "patternTransform=\"rotate(45)\"><rect width=\"8\" height=\"8\" fill=\"#888\" "
      "fill-opacity=\"",
      on_map ? "0.18" : "0.1", "\"/><path d=\"M0 0V8\" stroke=\"", on_map ? "#000" : "#777",
      "\" stroke-opacity=\"", "0.35", "\" stroke-width=\"1\"/></pattern>\n");
  for (size_t i = 0; i < layout.frames.size(); ++i) {
    const Box& box = layout.frames[i];
    absl::StrAppend(&definitions, "<clipPath id=\"", prefix, "-clip-", i, "\"><rect x=\"",
                    Coordinate(box.left), "\" y=\"", Coordinate(box.top), "\" width=\"",
                    Coordinate(box.width), "\" height=\"", Coordinate(box.height),
                    "\"/></clipPath>\n");
  }
  if (on_map) {
    absl::StrAppend(&definitions, "<linearGradient id=\"", prefix,
                    "-colors\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"1\">");
    for (int i = 0; i <= 8; ++i) {
      absl::StrAppend(&definitions, "<stop offset=\"", Coordinate(i / 8.0), "\" stop-color=\"",
                      HexColor(ContinuousColor(i / 8.0)), "\"/>");
    }
    definitions += "</linearGradient>\n";
  }
  return definitions + "</defs>\n";
}

// What a screen reader says instead of the picture.
std::string Description(const Drawing& drawing, const Layout& layout) {
  std::string text = drawing.subtitle;
  for (const DrawnPanel& panel : drawing.panels) {
    absl::StrAppend(&text, text.empty() ? "" : " ", AxisTitle(panel.y_axis), " over ",
                    AxisTitle(panel.x_axis), ".");
  }
  for (const LegendEntry& entry : layout.legend) absl::StrAppend(&text, " ", entry.label, ".");
  return text;
}

std::string SafePrefix(const std::string& prefix) {
  std::string safe = prefix.empty() ? SvgOptions().id_prefix : prefix;
  for (char& c : safe) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') c = '_';
  }
  return safe;
}

std::string Render(const Drawing& drawing, const SvgOptions& options) {
  const Layout layout = LayOut(drawing, options);
  const std::string prefix = SafePrefix(options.id_prefix);
  const std::string hatch = prefix + "-hatch";
  const std::string width = Coordinate(layout.width);
  const std::string height = Coordinate(layout.height);
  std::string svg =
      absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"",
                   height, "\" viewBox=\"0 0 ", width, " ", height,
                   "\" role=\"img\" aria-labelledby=\"", prefix, "-title ", prefix,
                   "-desc\" font-family=\"Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans',",
                   " sans-serif\">\n<title id=\"", prefix, "-title\">", EscapeXml(drawing.title),
                   "</title>\n<desc id=\"", prefix, "-desc\">",
                   EscapeXml(Description(drawing, layout)), "</desc>\n");
  svg += Definitions(drawing, layout, prefix);
  absl::StrAppend(&svg, "<rect width=\"", width, "\" height=\"", height, "\" fill=\"#fff\"/>\n");
  double y = kMargin + 12;
  svg += Lines(layout.title, kMargin, y, kTitleLine,
               {.size = kTitleSize, .fill = "#111", .more = " font-weight=\"bold\""});
  y += kTitleLine * static_cast<double>(layout.title.size()) - (layout.title.empty() ? 0 : 2);
  svg += Lines(layout.subtitle, kMargin, y, kLine, {.fill = kPale});

  const bool on_map = !drawing.panels.empty() && drawing.panels.front().grid.has_value();
  for (size_t i = 0; i < drawing.panels.size(); ++i) {
    const DrawnPanel& panel = drawing.panels[i];
    const Box& box = layout.frames[i];
    absl::StrAppend(&svg, "<g class=\"panel\">\n",
                    PanelElements(panel, box, layout.x_ticks, layout.y_ticks[i],
                                  absl::StrCat(prefix, "-clip-", i), hatch),
                    AxesElements(layout, panel, i), InnerLabelElements(panel, box),
                    RightLabelElements(layout, panel, box));
    if (panel.grid.has_value()) svg += ColorBarElements(layout, *panel.grid, box, prefix);
    svg += "</g>\n";
  }
  if (!layout.frames.empty()) svg += TopLabelElements(layout);
  if (!layout.legend.empty()) svg += LegendElements(layout, on_map, hatch);
  svg += Lines(layout.notes, kMargin, layout.notes_top + 8, kLine - 1,
               {.size = kTickSize, .fill = kPale});
  return svg + "</svg>\n";
}

}  // namespace

std::string RenderSvg(const Figure& figure, const SvgOptions& options) {
  return Render(Prepare(figure), options);
}

std::string RenderSvg(const PanelStack& stack, const SvgOptions& options) {
  return Render(Prepare(stack), options);
}

std::string RenderSvg(const HeatMap& map, const SvgOptions& options) {
  return Render(Prepare(map), options);
}

}  // namespace rhumb::plot
