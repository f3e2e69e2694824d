// SPDX-License-Identifier: Apache-2.0
#include "client/plot/svg_marks.h"

#include <array>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/plot/palette.h"
#include "client/plot/svg_text.h"

namespace rhumb::plot {
namespace {

constexpr int kShapeCount = 6;
constexpr int kCrossShape = 5;  // made of strokes alone, so hollow and filled look alike
constexpr double kPi = 3.14159265358979323846;
constexpr double kLegendMarkRadius = 3.6;

std::string At(double x, double y) { return absl::StrCat(Coordinate(x), " ", Coordinate(y)); }

std::string Polygon(const std::vector<Place>& corners) {
  std::string path;
  for (size_t i = 0; i < corners.size(); ++i) {
    absl::StrAppend(&path, i == 0 ? "M" : "L", At(corners[i].x, corners[i].y));
  }
  return path + "Z";
}

std::string Line(double x1, double x2, double y, const std::string& attributes) {
  return absl::StrCat("<path d=\"M", At(x1, y), "L", At(x2, y), "\" ", attributes, "/>");
}

}  // namespace

std::string SeriesColor(const DrawnSeries& series, bool on_map) {
  if (on_map) return "#111111";
  // The bright end of the continuous palette vanishes on white paper.
  constexpr double kBrightestShade = 0.82;
  return HexColor(series.shade.has_value() ? ContinuousColor(*series.shade * kBrightestShade)
                                           : CategoricalColor(series.color));
}

std::string DashArray(int pattern) {
  constexpr std::array<const char*, 6> kDashes = {"",        "7 4",   "2 3",
                                                  "9 3 2 3", "4 2.5", "12 3 2 3 2 3"};
  return kDashes[static_cast<size_t>(pattern) % kDashes.size()];
}

std::string MarkPath(int pattern, double x, double y, double radius) {
  const double r = radius;
  switch (pattern % kShapeCount) {
    case 0:
      return absl::StrCat("M", At(x - r, y), "a", At(r, r), " 0 1 0 ", At(2 * r, 0), "a", At(r, r),
                          " 0 1 0 ", At(-2 * r, 0), "Z");
    case 1:
      return Polygon({{x, y - 1.2 * r}, {x + 1.1 * r, y + 0.8 * r}, {x - 1.1 * r, y + 0.8 * r}});
    case 2: {
      const double h = 0.88 * r;
      return Polygon({{x - h, y - h}, {x + h, y - h}, {x + h, y + h}, {x - h, y + h}});
    }
    case 3:
      return Polygon({{x, y - 1.25 * r}, {x + 1.25 * r, y}, {x, y + 1.25 * r}, {x - 1.25 * r, y}});
    case 4:
      return Polygon({{x, y + 1.2 * r}, {x + 1.1 * r, y - 0.8 * r}, {x - 1.1 * r, y - 0.8 * r}});
    default:
      return absl::StrCat("M", At(x - r, y - r), "L", At(x + r, y + r), "M", At(x - r, y + r), "L",
                          At(x + r, y - r));
  }
}

std::string MarkAttributes(int pattern, const std::string& color) {
  if (pattern % kShapeCount == kCrossShape) {
    return absl::StrCat("fill=\"none\" stroke=\"", color, "\" stroke-width=\"1.8\"");
  }
  if (pattern / kShapeCount % 2 == 1) {
    return absl::StrCat("fill=\"#fff\" stroke=\"", color, "\" stroke-width=\"1.3\"");
  }
  // A white rim keeps marks apart that lie on each other.
  return absl::StrCat("fill=\"", color, "\" fill-opacity=\"0.85\" stroke=\"#fff\" ",
                      "stroke-width=\"0.6\"");
}

std::string StarPath(double x, double y, double radius) {
  std::vector<Place> corners;
  for (int i = 0; i < 10; ++i) {
    const double angle = -kPi / 2 + i * kPi / 5;
    const double r = i % 2 == 0 ? radius : 0.45 * radius;
    corners.push_back({x + r * std::cos(angle), y + r * std::sin(angle)});
  }
  return Polygon(corners);
}

std::string StarElement(double x, double y, const std::string& title) {
  return absl::StrCat("<path class=\"mark\" d=\"", StarPath(x, y, 8.5),
                      "\" fill=\"#fff\" stroke=\"#111\" stroke-width=\"1.5\" "
                      "stroke-linejoin=\"round\"><title>",
                      EscapeXml(title), "</title></path>");
}

std::string LineAttributes(const DrawnSeries& series, bool on_map) {
  std::string attributes =
      absl::StrCat("fill=\"none\" stroke=\"", SeriesColor(series, on_map), "\" stroke-width=\"",
                   on_map && series.pattern != 0 ? "1.4" : "2.2", "\" stroke-linejoin=\"round\"");
  const std::string dash = DashArray(series.pattern);
  if (!dash.empty()) absl::StrAppend(&attributes, " stroke-dasharray=\"", dash, "\"");
  return attributes;
}

std::string ContourAttributes(int pattern) {
  std::string attributes =
      "fill=\"none\" stroke=\"#c0004e\" stroke-width=\"2\" stroke-linejoin=\"round\"";
  const std::string dash = DashArray(pattern);
  if (!dash.empty()) absl::StrAppend(&attributes, " stroke-dasharray=\"", dash, "\"");
  return attributes;
}

std::string LegendSymbol(const LegendEntry& entry, double x, double y, bool on_map,
                         const std::string& hatch) {
  const double right = x + kLegendSymbolWidth - 6;
  const double middle = (x + right) / 2;
  const std::string box = absl::StrCat("<rect x=\"", Coordinate(x), "\" y=\"", Coordinate(y - 5),
                                       "\" width=\"", Coordinate(right - x), "\" height=\"10\" ");
  switch (entry.kind) {
    case LegendKind::kMark:
      return StarElement(middle, y, entry.label);
    case LegendKind::kContour:
      return Line(x, right, y, ContourAttributes(entry.pattern));
    case LegendKind::kShaded:
      return absl::StrCat(box, "fill=\"url(#", hatch, ")\" stroke=\"#999\"/>");
    case LegendKind::kSeries:
      break;
  }
  std::string symbols;
  for (const DrawnSeries* series : entry.series) {
    const std::string color = SeriesColor(*series, on_map);
    switch (series->style) {
      case SeriesStyle::kBand:
        absl::StrAppend(&symbols, box, "fill=\"", color, "\" fill-opacity=\"0.2\" stroke=\"", color,
                        "\" stroke-opacity=\"0.5\" stroke-width=\"0.8\"/>");
        break;
      case SeriesStyle::kLine:
        symbols += Line(x, right, y, LineAttributes(*series, on_map));
        break;
      case SeriesStyle::kInterval:
        symbols += Line(x, right, y, absl::StrCat("stroke=\"", color, "\" stroke-width=\"3\""));
        absl::StrAppend(&symbols, "<path d=\"M", At(x, y - 4), "v8M", At(right, y - 4),
                        "v8\" stroke=\"", color, "\" stroke-width=\"1.5\"/>");
        break;
      case SeriesStyle::kDots:
        absl::StrAppend(&symbols, "<path d=\"",
                        MarkPath(series->pattern, middle, y, kLegendMarkRadius), "\" ",
                        MarkAttributes(series->pattern, color), "/>");
        break;
    }
  }
  return symbols;
}

}  // namespace rhumb::plot
