// SPDX-License-Identifier: Apache-2.0
#include "client/plot/drawing.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace rhumb::plot {
namespace {

constexpr int kTooltipDigits = 4;
// Bands may leave the frame; beyond this they would only make coordinates long.
constexpr double kFarBelow = -5;
constexpr double kFarAbove = 6;
// Points on the frame itself survive rounding.
constexpr double kFrameSlack = 1e-9;

bool IsInFrame(double position) { return position >= -kFrameSlack && position <= 1 + kFrameSlack; }

// Whether y matters for `high`: a band's upper y lies on the y axis, an interval's end on the x
// axis.
bool IsPointDrawable(const Figure& figure, SeriesStyle style, const Point& point) {
  if (!IsDrawable(figure.x.scale, point.x) || !IsDrawable(figure.y.scale, point.y)) return false;
  if (style == SeriesStyle::kBand) return IsDrawable(figure.y.scale, point.high);
  if (style == SeriesStyle::kInterval) return IsDrawable(figure.x.scale, point.high);
  return true;
}

void Include(std::optional<Range>& range, double value) {
  if (!range.has_value()) range = Range{value, value};
  range->low = std::min(range->low, value);
  range->high = std::max(range->high, value);
}

struct Extent {
  std::optional<Range> x;
  std::optional<Range> y;
};

// All that must be seen: points, bands, marker points and lines; not shaded ranges, which are often
// endless.
Extent ExtentOf(const Figure& figure) {
  Extent extent;
  for (const Series& series : figure.series) {
    for (const Point& point : series.points) {
      if (!IsPointDrawable(figure, series.style, point)) continue;
      Include(extent.x, point.x);
      Include(extent.y, point.y);
      if (series.style == SeriesStyle::kBand) Include(extent.y, point.high);
      if (series.style == SeriesStyle::kInterval) Include(extent.x, point.high);
    }
  }
  for (const MarkerPoint& mark : figure.marks) {
    if (!IsDrawable(figure.x.scale, mark.x) || !IsDrawable(figure.y.scale, mark.y)) continue;
    Include(extent.x, mark.x);
    Include(extent.y, mark.y);
  }
  for (const MarkerLine& line : figure.lines) {
    const bool is_x = line.direction == Direction::kX;
    if (!IsDrawable(is_x ? figure.x.scale : figure.y.scale, line.at)) continue;
    Include(is_x ? extent.x : extent.y, line.at);
  }
  return extent;
}

std::string Tooltip(const Figure& figure, const Point& point) {
  const std::string numbers =
      absl::StrCat(figure.x.label, " ", FormatTick(figure.x.numbers, point.x, kTooltipDigits), ", ",
                   figure.y.label, " ", FormatTick(figure.y.numbers, point.y, kTooltipDigits));
  return point.label.empty() ? numbers : absl::StrCat(point.label, ": ", numbers);
}

// The part of the segment a-b inside the unit square (Liang and Barsky 1984); false if there is
// none.
bool ClipSegment(DrawnPoint& a, DrawnPoint& b) {
  const double dx = b.x - a.x;
  const double dy = b.y - a.y;
  double from = 0;
  double to = 1;
  for (const auto& [slope, room] :
       {std::pair(-dx, a.x), std::pair(dx, 1 - a.x), std::pair(-dy, a.y), std::pair(dy, 1 - a.y)}) {
    if (slope == 0) {
      if (room < -kFrameSlack) return false;
      continue;
    }
    const double t = room / slope;
    if (slope < 0) {
      from = std::max(from, t);
    } else {
      to = std::min(to, t);
    }
  }
  if (from > to) return false;
  const DrawnPoint start = a;
  if (to < 1) b.x = start.x + to * dx, b.y = start.y + to * dy;
  if (from > 0) a.x = start.x + from * dx, a.y = start.y + from * dy;
  return true;
}

// Cuts a stretch of points into runs inside the frame.
void AppendClippedLine(const std::vector<DrawnPoint>& points,
                       std::vector<std::vector<DrawnPoint>>& runs) {
  if (points.size() == 1 && IsInFrame(points[0].x) && IsInFrame(points[0].y)) {
    runs.push_back(points);
  }
  bool is_open = false;
  for (size_t i = 1; i < points.size(); ++i) {
    DrawnPoint a = points[i - 1];
    DrawnPoint b = points[i];
    if (!ClipSegment(a, b)) {
      is_open = false;
      continue;
    }
    if (!is_open) runs.push_back({a});
    runs.back().push_back(b);
    is_open = b.x == points[i].x && b.y == points[i].y;
  }
}

// Cuts a band at the left and right edges of the frame only.
void AppendClippedBand(const std::vector<DrawnPoint>& points,
                       std::vector<std::vector<DrawnPoint>>& runs) {
  std::vector<DrawnPoint> run;
  const auto cut = [](const DrawnPoint& a, const DrawnPoint& b, double x) {
    const double t = (x - a.x) / (b.x - a.x);
    return DrawnPoint{x, a.y + t * (b.y - a.y), a.high + t * (b.high - a.high), ""};
  };
  for (size_t i = 0; i < points.size(); ++i) {
    for (const double edge : {0.0, 1.0}) {
      if (i > 0 && (points[i - 1].x < edge) != (points[i].x < edge) && points[i].x != edge &&
          points[i - 1].x != edge) {
        run.push_back(cut(points[i - 1], points[i], edge));
      }
    }
    if (IsInFrame(points[i].x)) run.push_back(points[i]);
  }
  for (DrawnPoint& point : run) {
    point.y = std::clamp(point.y, kFarBelow, kFarAbove);
    point.high = std::clamp(point.high, kFarBelow, kFarAbove);
  }
  if (!run.empty()) runs.push_back(run);
}

struct Omitted {
  int not_drawable = 0;
  int outside = 0;
};

DrawnSeries DrawSeries(const Figure& figure, const Series& series, const AxisView& x,
                       const AxisView& y, Omitted& omitted) {
  DrawnSeries drawn = {.label = series.label,
                       .end_label = series.end_label,
                       .style = series.style,
                       .color = std::max(0, series.color),
                       .pattern = std::max(0, series.pattern.value_or(series.color)),
                       .shade = series.shade,
                       .runs = {}};
  const bool is_stretch = series.style == SeriesStyle::kLine || series.style == SeriesStyle::kBand;
  std::vector<DrawnPoint> stretch;
  const auto end_stretch = [&] {
    if (series.style == SeriesStyle::kLine) AppendClippedLine(stretch, drawn.runs);
    if (series.style == SeriesStyle::kBand) AppendClippedBand(stretch, drawn.runs);
    if (!is_stretch && !stretch.empty()) drawn.runs.push_back(stretch);
    stretch.clear();
  };
  for (const Point& point : series.points) {
    if (!IsPointDrawable(figure, series.style, point)) {
      ++omitted.not_drawable;
      if (is_stretch) end_stretch();
      continue;
    }
    DrawnPoint place = {.x = PositionOf(x, point.x),
                        .y = PositionOf(y, point.y),
                        .high = 0,
                        .label = Tooltip(figure, point)};
    if (series.style == SeriesStyle::kBand) place.high = PositionOf(y, point.high);
    if (series.style == SeriesStyle::kInterval) {
      place.high = PositionOf(x, point.high);
      if (place.high < place.x) std::swap(place.high, place.x);
      if (!IsInFrame(place.y) || place.high < 0 || place.x > 1) {
        ++omitted.outside;
        continue;
      }
      place.x = std::clamp(place.x, 0.0, 1.0);
      place.high = std::clamp(place.high, 0.0, 1.0);
    }
    if (series.style == SeriesStyle::kDots && !(IsInFrame(place.x) && IsInFrame(place.y))) {
      ++omitted.outside;
      continue;
    }
    stretch.push_back(place);
  }
  end_stretch();
  return drawn;
}

// An end of a shaded range as a position; infinite or undrawable ends reach the edge of the frame.
double EndPosition(const AxisView& view, double end, bool is_low) {
  if (std::isnan(end)) return is_low ? 1 : 0;  // an empty range
  if (end <= 0 && view.scale == Scale::kLog10) return 0;
  if (!IsDrawable(view.scale, end)) return end > 1 ? 1 : 0;
  return std::clamp(PositionOf(view, end), 0.0, 1.0);
}

DrawnPanel DrawPanel(const Figure& figure, const AxisView& x, const AxisView& y, Omitted& omitted) {
  DrawnPanel panel;
  panel.x_axis = figure.x;
  panel.y_axis = figure.y;
  panel.y = y;
  for (const ShadedRange& range : figure.shaded) {
    const AxisView& view = range.direction == Direction::kX ? x : y;
    const double low = EndPosition(view, range.low, true);
    const double high = EndPosition(view, range.high, false);
    if (low < high) panel.shaded.push_back({range.direction, low, high, range.label});
  }
  for (const MarkerLine& line : figure.lines) {
    const AxisView& view = line.direction == Direction::kX ? x : y;
    if (!IsDrawable(view.scale, line.at)) {
      ++omitted.not_drawable;
      continue;
    }
    const double at = PositionOf(view, line.at);
    if (IsInFrame(at)) {
      panel.lines.push_back({line.direction, at, line.label});
    } else {
      ++omitted.outside;
    }
  }
  for (const Series& series : figure.series) {
    panel.series.push_back(DrawSeries(figure, series, x, y, omitted));
  }
  for (const MarkerPoint& mark : figure.marks) {
    if (!IsDrawable(x.scale, mark.x) || !IsDrawable(y.scale, mark.y)) {
      ++omitted.not_drawable;
      continue;
    }
    const DrawnPoint place = {PositionOf(x, mark.x), PositionOf(y, mark.y), 0, mark.label};
    if (IsInFrame(place.x) && IsInFrame(place.y)) {
      panel.marks.push_back(place);
    } else {
      ++omitted.outside;
    }
  }
  return panel;
}

std::string Points(int count) { return absl::StrCat(count, count == 1 ? " point" : " points"); }

void NoteOmitted(const Omitted& omitted, bool has_log_axis, std::vector<std::string>& notes) {
  if (omitted.not_drawable > 0) {
    notes.push_back(absl::StrCat(Points(omitted.not_drawable), " not drawn: not a finite number",
                                 has_log_axis ? ", or not positive on a logarithmic axis." : "."));
  }
  if (omitted.outside > 0) {
    notes.push_back(absl::StrCat(Points(omitted.outside), " outside the range of the axes."));
  }
}

void NoteUnusableRange(const Axis& axis, std::vector<std::string>& notes) {
  if (!HasUnusableRange(axis)) return;
  notes.push_back(absl::StrCat("The range asked of the axis \"", axis.label, "\" (",
                               axis.range->low, " to ", axis.range->high,
                               ") cannot be drawn; the range of the data is shown."));
}

// Why the grid cannot be drawn; empty if it can.
std::string GridProblem(const HeatMap& map) {
  if (map.xs.size() < 2 || map.ys.size() < 2) return "it needs 2 values along each axis at least";
  if (map.values.size() != map.xs.size() * map.ys.size()) {
    return absl::StrCat(map.xs.size(), " by ", map.ys.size(), " places need as many values, got ",
                        map.values.size());
  }
  for (const auto& [along, axis] :
       {std::pair(&map.xs, &map.figure.x), std::pair(&map.ys, &map.figure.y)}) {
    for (size_t i = 0; i < along->size(); ++i) {
      if (!IsDrawable(axis->scale, (*along)[i])) {
        return absl::StrCat((*along)[i], " has no place on the axis \"", axis->label, "\"");
      }
      if (i > 0 && (*along)[i] <= (*along)[i - 1]) {
        return absl::StrCat("places on the axis \"", axis->label, "\" do not increase");
      }
    }
  }
  return "";
}

DrawnGrid DrawGrid(const HeatMap& map, const AxisView& x, const AxisView& y,
                   std::vector<std::string>& notes) {
  DrawnGrid drawn;
  drawn.axis = map.value;
  for (const double value : map.xs) drawn.grid.xs.push_back(PositionOf(x, value));
  for (const double value : map.ys) drawn.grid.ys.push_back(PositionOf(y, value));
  drawn.grid.values = map.values;
  std::optional<Range> range;
  int missing = 0;
  for (double& value : drawn.grid.values) {
    if (IsDrawable(map.value.scale, value)) {
      Include(range, value);
    } else {
      value = NAN;  // one sign for "no value here"; tested by isfinite, never printed
      ++missing;
    }
  }
  Axis exact = map.value;
  if (!exact.range.has_value() && range.has_value() && range->low < range->high) {
    exact.range = range;
  }
  drawn.value = FitAxis(exact, range);
  if (missing > 0) {
    notes.push_back(absl::StrCat(missing, " of ", map.values.size(),
                                 " places of the map have no value that can be drawn."));
  }
  for (const ContourLevel& contour : map.contours) {
    drawn.contours.push_back({ContourLines(drawn.grid, contour.level), contour.label});
    if (drawn.contours.back().lines.empty()) drawn.contours.pop_back();
  }
  return drawn;
}

}  // namespace

Drawing Prepare(const PanelStack& stack) {
  Drawing drawing;
  drawing.title = stack.title;
  drawing.subtitle = stack.subtitle;
  drawing.notes = stack.notes;
  if (stack.panels.empty()) return drawing;
  const Axis& x_axis = stack.panels.front().figure.x;
  std::optional<Range> x_extent;
  std::vector<AxisView> y_views;
  bool has_log_axis = x_axis.scale == Scale::kLog10;
  std::vector<Figure> figures;
  for (const Panel& panel : stack.panels) {
    figures.push_back(panel.figure);
    figures.back().x = x_axis;  // shared
    const Figure& figure = figures.back();
    const Extent extent = ExtentOf(figure);
    if (extent.x.has_value()) {
      Include(x_extent, extent.x->low);
      Include(x_extent, extent.x->high);
    }
    y_views.push_back(FitAxis(figure.y, extent.y));
    has_log_axis = has_log_axis || figure.y.scale == Scale::kLog10;
    for (const std::string& note : figure.notes) drawing.notes.push_back(note);
  }
  drawing.x = FitAxis(x_axis, x_extent);
  NoteUnusableRange(x_axis, drawing.notes);
  Omitted omitted;
  for (size_t i = 0; i < figures.size(); ++i) {
    NoteUnusableRange(figures[i].y, drawing.notes);
    drawing.panels.push_back(DrawPanel(figures[i], drawing.x, y_views[i], omitted));
    const double share = stack.panels[i].height_share;
    drawing.panels.back().height_share = std::isfinite(share) && share > 0 ? share : 1;
  }
  if (!x_extent.has_value()) drawing.notes.push_back("There are no points to draw.");
  NoteOmitted(omitted, has_log_axis, drawing.notes);
  return drawing;
}

Drawing Prepare(const Figure& figure) {
  PanelStack stack = {.title = figure.title, .subtitle = figure.subtitle};
  stack.panels.push_back({.figure = figure});
  return Prepare(stack);
}

Drawing Prepare(const HeatMap& map) {
  Figure figure = map.figure;
  const std::string problem = GridProblem(map);
  if (!problem.empty()) {
    figure.notes.push_back(absl::StrCat("The map cannot be drawn: ", problem, "."));
    return Prepare(figure);
  }
  // The grid fills the frame: room around it would show as a white border.
  if (!figure.x.range.has_value()) figure.x.range = Range{map.xs.front(), map.xs.back()};
  if (!figure.y.range.has_value()) figure.y.range = Range{map.ys.front(), map.ys.back()};
  Drawing drawing = Prepare(figure);
  std::vector<std::string>& notes = drawing.notes;
  // A map without overlays is not empty.
  notes.erase(std::remove(notes.begin(), notes.end(), "There are no points to draw."), notes.end());
  drawing.panels.front().grid = DrawGrid(map, drawing.x, drawing.panels.front().y, notes);
  return drawing;
}

}  // namespace rhumb::plot
