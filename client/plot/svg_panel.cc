// SPDX-License-Identifier: Apache-2.0
#include "client/plot/svg_panel.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "client/plot/palette.h"
#include "client/plot/svg_marks.h"
#include "client/plot/svg_text.h"

namespace rhumb::plot {
namespace {

constexpr int kMapLevels = 28;
constexpr double kMarkRadius = 3.4;
// Past this many marks of one series they get smaller, so that a cloud keeps its shape.
constexpr size_t kManyMarks = 150;

struct Frame {
  Box box;

  double X(double position) const { return box.left + position * box.width; }
  double Y(double position) const { return box.top + (1 - position) * box.height; }
  std::string At(double x, double y) const {
    return absl::StrCat(Coordinate(X(x)), " ", Coordinate(Y(y)));
  }
};

std::string Title(const std::string& text) {
  return text.empty() ? "" : absl::StrCat("<title>", EscapeXml(text), "</title>");
}

std::string PathThrough(const Frame& frame, const std::vector<DrawnPoint>& points) {
  std::string path;
  for (size_t i = 0; i < points.size(); ++i) {
    absl::StrAppend(&path, i == 0 ? "M" : "L", frame.At(points[i].x, points[i].y));
  }
  return path;
}

std::string GridLines(const Frame& frame, const Ticks& x_ticks, const Ticks& y_ticks) {
  std::string minor;
  std::string major;
  const Box& box = frame.box;
  const auto add_x = [&](std::string& path, double position) {
    absl::StrAppend(&path, "M", frame.At(position, 1), "v", Coordinate(box.height));
  };
  const auto add_y = [&](std::string& path, double position) {
    absl::StrAppend(&path, "M", frame.At(0, position), "h", Coordinate(box.width));
  };
  for (const double position : x_ticks.minor) add_x(minor, position);
  for (const double position : y_ticks.minor) add_y(minor, position);
  for (const Tick& tick : x_ticks.major) add_x(major, tick.position);
  for (const Tick& tick : y_ticks.major) add_y(major, tick.position);
  return absl::StrCat("<path class=\"grid\" d=\"", minor,
                      "\" fill=\"none\" stroke=\"#f1f1f1\" stroke-width=\"0.7\"/>\n",
                      "<path class=\"grid\" d=\"", major,
                      "\" fill=\"none\" stroke=\"#dcdcdc\" stroke-width=\"0.9\"/>\n");
}

// All ranges as one path: where two overlap, the hatching is drawn once.
std::string ShadedElements(const Frame& frame, const std::vector<DrawnRange>& ranges,
                           const std::string& hatch) {
  if (ranges.empty()) return "";
  std::string path;
  for (const DrawnRange& range : ranges) {
    const bool is_x = range.direction == Direction::kX;
    const double left = is_x ? range.low : 0;
    const double right = is_x ? range.high : 1;
    const double bottom = is_x ? 0 : range.low;
    const double top = is_x ? 1 : range.high;
    absl::StrAppend(&path, "M", frame.At(left, top), "H", Coordinate(frame.X(right)), "V",
                    Coordinate(frame.Y(bottom)), "H", Coordinate(frame.X(left)), "Z");
  }
  return absl::StrCat("<path class=\"shaded\" d=\"", path, "\" fill=\"url(#", hatch, ")\">",
                      Title(ranges.front().label), "</path>\n");
}

// Filled levels painted over each other from the lowest on, so that no seams show between them.
std::string MapElements(const Frame& frame, const DrawnGrid& drawn) {
  std::string elements = "<g class=\"map\" shape-rendering=\"geometricPrecision\">\n";
  for (int i = 0; i < kMapLevels; ++i) {
    const double position = static_cast<double>(i) / kMapLevels;
    // The lowest level must cover everything, whatever rounding does to it or the range asked for.
    const double level = i == 0 ? -1e300 : ValueAt(drawn.value, position);
    std::string path;
    for (const Polyline& polygon : RegionAbove(drawn.grid, level)) {
      for (size_t k = 0; k < polygon.size(); ++k) {
        absl::StrAppend(&path, k == 0 ? "M" : "L", frame.At(polygon[k].x, polygon[k].y));
      }
      path += "Z";
    }
    if (path.empty()) continue;
    absl::StrAppend(&elements, "<path d=\"", path, "\" fill=\"",
                    HexColor(ContinuousColor(1 - (i + 0.5) / kMapLevels)), "\"/>\n");
  }
  for (size_t i = 0; i < drawn.contours.size(); ++i) {
    std::string path;
    for (const Polyline& line : drawn.contours[i].lines) {
      for (size_t k = 0; k < line.size(); ++k) {
        absl::StrAppend(&path, k == 0 ? "M" : "L", frame.At(line[k].x, line[k].y));
      }
    }
    absl::StrAppend(&elements, "<path d=\"", path,
                    "\" fill=\"none\" stroke=\"#fff\" stroke-opacity=\"0.75\" "
                    "stroke-width=\"4\"/><path class=\"contour\" d=\"",
                    path, "\" ", ContourAttributes(static_cast<int>(i)), ">",
                    Title(drawn.contours[i].label), "</path>\n");
  }
  return elements + "</g>\n";
}

std::string BandElements(const Frame& frame, const DrawnSeries& series, bool on_map) {
  std::string elements;
  for (const auto& run : series.runs) {
    std::string path = PathThrough(frame, run);
    for (size_t i = run.size(); i > 0; --i) {
      absl::StrAppend(&path, "L", frame.At(run[i - 1].x, run[i - 1].high));
    }
    const std::string color = SeriesColor(series, on_map);
    absl::StrAppend(&elements, "<path d=\"", path, "Z\" fill=\"", color,
                    "\" fill-opacity=\"0.2\" stroke=\"", color,
                    "\" stroke-opacity=\"0.45\" stroke-width=\"0.8\"/>");
  }
  return elements;
}

std::string LineElements(const Frame& frame, const DrawnSeries& series, bool on_map) {
  std::string path;
  for (const auto& run : series.runs) {
    // A stretch of one point is a dot of the line's own width.
    absl::StrAppend(&path, PathThrough(frame, run), run.size() == 1 ? "h0.01" : "");
  }
  std::string elements;
  if (on_map) {
    absl::StrAppend(&elements, "<path d=\"", path, "\" fill=\"none\" stroke=\"#fff\" ",
                    "stroke-opacity=\"0.7\" stroke-width=\"3.6\"/>");
  }
  absl::StrAppend(&elements, "<path d=\"", path, "\" stroke-linecap=\"",
                  DashArray(series.pattern).empty() ? "round" : "butt", "\" ",
                  LineAttributes(series, on_map), "/>");
  return elements;
}

std::string DotElements(const Frame& frame, const DrawnSeries& series, bool on_map) {
  std::string elements;
  for (const auto& run : series.runs) {
    const double radius = run.size() > kManyMarks ? 0.75 * kMarkRadius : kMarkRadius;
    for (const DrawnPoint& point : run) {
      absl::StrAppend(&elements, "<path d=\"",
                      MarkPath(series.pattern, frame.X(point.x), frame.Y(point.y), radius), "\">",
                      Title(point.label), "</path>\n");
    }
  }
  return absl::StrCat("<g ", MarkAttributes(series.pattern, SeriesColor(series, on_map)), ">\n",
                      elements, "</g>");
}

std::string IntervalElements(const Frame& frame, const DrawnSeries& series, bool on_map) {
  std::string elements;
  const std::string color = SeriesColor(series, on_map);
  for (const auto& run : series.runs) {
    for (const DrawnPoint& point : run) {
      const std::string left = Coordinate(frame.X(point.x));
      const std::string right = Coordinate(frame.X(point.high));
      const double y = frame.Y(point.y);
      absl::StrAppend(&elements, "<path d=\"M", left, " ", Coordinate(y), "H", right,
                      "\" stroke=\"", color, "\" stroke-width=\"2.4\">", Title(point.label),
                      "</path><path d=\"M", left, " ", Coordinate(y - 4), "v8M", right, " ",
                      Coordinate(y - 4), "v8\" stroke=\"", color, "\" stroke-width=\"1.5\"/>\n");
    }
  }
  return elements;
}

std::string SeriesElements(const Frame& frame, const DrawnSeries& series, bool on_map) {
  std::string elements;
  switch (series.style) {
    case SeriesStyle::kBand:
      elements = BandElements(frame, series, on_map);
      break;
    case SeriesStyle::kLine:
      elements = LineElements(frame, series, on_map);
      break;
    case SeriesStyle::kDots:
      elements = DotElements(frame, series, on_map);
      break;
    case SeriesStyle::kInterval:
      elements = IntervalElements(frame, series, on_map);
      break;
  }
  return absl::StrCat("<g class=\"series\">", Title(series.label), elements, "</g>\n");
}

}  // namespace

std::string PanelElements(const DrawnPanel& panel, const Box& box, const Ticks& x_ticks,
                          const Ticks& y_ticks, const std::string& clip, const std::string& hatch) {
  const Frame frame = {box};
  const bool on_map = panel.grid.has_value();
  std::string elements;
  if (!on_map) {
    elements += GridLines(frame, x_ticks, y_ticks);
  } else {
    elements += MapElements(frame, *panel.grid);
  }
  elements += ShadedElements(frame, panel.shaded, hatch);
  const auto add_series = [&](bool bands) {
    for (const DrawnSeries& series : panel.series) {
      if ((series.style == SeriesStyle::kBand) != bands || series.runs.empty()) continue;
      elements += SeriesElements(frame, series, on_map);
    }
  };
  add_series(/*bands=*/true);
  for (const DrawnLine& line : panel.lines) {
    const bool is_x = line.direction == Direction::kX;
    absl::StrAppend(&elements, "<path class=\"marker\" d=\"M",
                    is_x ? frame.At(line.at, 0) : frame.At(0, line.at), "L",
                    is_x ? frame.At(line.at, 1) : frame.At(1, line.at),
                    "\" stroke=\"#333\" stroke-width=\"1.2\" stroke-dasharray=\"5 3\">",
                    Title(line.label), "</path>\n");
  }
  add_series(/*bands=*/false);
  elements = absl::StrCat("<g clip-path=\"url(#", clip, ")\">\n", elements, "</g>\n");
  // Whole even at the edge of the frame, so outside the clip.
  for (const DrawnPoint& mark : panel.marks) {
    absl::StrAppend(&elements, StarElement(frame.X(mark.x), frame.Y(mark.y), mark.label), "\n");
  }
  return elements;
}

}  // namespace rhumb::plot
