// SPDX-License-Identifier: Apache-2.0
#include "client/plot/terminal_panel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/plot/palette.h"

namespace rhumb::plot {
namespace {

constexpr int kStarColor = 231;  // white; only on maps, where the background is known
constexpr int kOverlayColor = 16;

// The twelve marks of the SVG: six shapes, then the same hollow.
constexpr std::array<const char*, 12> kMarks = {"●", "▲", "■", "◆", "▼", "×",
                                                "○", "△", "□", "◇", "▽", "+"};
constexpr std::array<const char*, 12> kAsciiMarks = {"o", "^", "#", "&", "v", "x",
                                                     "O", "A", "H", "%", "V", "+"};
// ASCII lines have no room for dashes, so each dash is a character.
constexpr std::array<const char*, 6> kAsciiLines = {"*", "=", "~", "-", "'", "\""};
// On a map without colours, where the ramp uses up the characters above.
constexpr std::array<const char*, 6> kMapLines = {"a", "b", "c", "d", "e", "f"};
constexpr std::array<const char*, 6> kMapContours = {"u", "w", "y", "z", "s", "t"};

// Dots on and off along a line, by pattern: solid, dashed, dotted, dash-dot, short, dash-dot-dot.
bool IsDashOn(int pattern, int step) {
  switch (pattern % 6) {
    case 1:
      return step % 8 < 5;
    case 2:
      return step % 3 == 0;
    case 3:
      return step % 10 < 5 || step % 10 == 7;
    case 4:
      return step % 4 < 2;
    case 5:
      return step % 13 < 6 || step % 13 == 8 || step % 13 == 10;
    default:
      return true;
  }
}

bool IsMapInAscii(const TerminalOptions& options, bool on_map) { return on_map && !options.color; }

int SeriesAnsi(const DrawnSeries& series, bool on_map) {
  if (on_map) return kOverlayColor;
  // The dark end of the continuous palette vanishes on dark terminals, the bright one on light
  // ones.
  return AnsiColor(series.shade.has_value() ? ContinuousColor(0.25 + 0.6 * *series.shade)
                                            : CategoricalColor(series.color));
}

std::string MarkGlyph(const DrawnSeries& series, const TerminalOptions& options) {
  const size_t i = static_cast<size_t>(series.pattern) % kMarks.size();
  return options.charset == Charset::kAscii ? kAsciiMarks[i] : kMarks[i];
}

std::string LineGlyph(const DrawnSeries& series, const TerminalOptions& options, bool on_map) {
  const size_t i = static_cast<size_t>(series.pattern) % kAsciiLines.size();
  return IsMapInAscii(options, on_map) ? kMapLines[i] : kAsciiLines[i];
}

std::string ContourGlyph(int pattern, const TerminalOptions& options) {
  if (options.color) return options.charset == Charset::kAscii ? "+" : "•";
  return kMapContours[static_cast<size_t>(pattern) % kMapContours.size()];
}

std::string StarGlyph(const TerminalOptions& options, bool on_map) {
  if (IsMapInAscii(options, on_map)) return "X";
  return options.charset == Charset::kAscii ? "@" : "★";
}

std::string ShadeGlyph(const TerminalOptions& options) {
  return options.charset == Charset::kAscii ? "." : "·";
}

// Calls `put(x, y, step)` for each place on the line between two places (Bresenham 1965).
template <typename Put>
void Trace(int x, int y, int to_x, int to_y, int& step, const Put& put) {
  const int dx = std::abs(to_x - x);
  const int dy = -std::abs(to_y - y);
  const int sign_x = x < to_x ? 1 : -1;
  const int sign_y = y < to_y ? 1 : -1;
  int error = dx + dy;
  while (true) {
    put(x, y, step);
    if (x == to_x && y == to_y) return;
    ++step;
    const int twice = 2 * error;
    if (twice >= dy) error += dy, x += sign_x;
    if (twice <= dx) error += dx, y += sign_y;
  }
}

class Painter {
 public:
  Painter(const DrawnPanel& panel, const TerminalOptions& options, TerminalCanvas& canvas)
      : panel_(panel), options_(options), canvas_(canvas), on_map_(panel.grid.has_value()) {}

  void Paint() {
    if (on_map_) PaintMap();
    PaintShaded();
    for (const DrawnSeries& series : panel_.series) {
      if (series.style == SeriesStyle::kBand) PaintBand(series);
    }
    PaintMarkerLines();
    for (const DrawnSeries& series : panel_.series) {
      if (series.style != SeriesStyle::kBand) PaintSeries(series);
    }
    if (on_map_) PaintContours();
    for (const DrawnPoint& mark : panel_.marks) {
      canvas_.PutGlyph(Column(mark.x), Row(mark.y), StarGlyph(options_, on_map_),
                       on_map_ ? kStarColor : kNoColor);
    }
  }

 private:
  int Column(double x) const { return CellOf(x, canvas_.columns()); }
  int Row(double y) const { return canvas_.rows() - 1 - CellOf(y, canvas_.rows()); }
  int DotX(double x) const { return CellOf(x, 2 * canvas_.columns()); }
  int DotY(double y) const { return 4 * canvas_.rows() - 1 - CellOf(y, 4 * canvas_.rows()); }
  // Braille dots cannot share a cell with a map's half blocks.
  bool HasDots() const { return options_.charset == Charset::kBraille && !on_map_; }

  std::optional<double> MapPosition(double x, double y) const {
    const std::optional<double> value = Interpolate(panel_.grid->grid, x, y);
    if (!value.has_value()) return std::nullopt;
    return std::clamp(PositionOf(panel_.grid->value, *value), 0.0, 1.0);
  }

  void PaintMap() {
    const Grid& grid = panel_.grid->grid;
    const auto inside = [](const std::vector<double>& along, double position) {
      return std::clamp(position, along.front(), along.back());
    };
    for (int row = 0; row < canvas_.rows(); ++row) {
      for (int column = 0; column < canvas_.columns(); ++column) {
        const double x = inside(grid.xs, (column + 0.5) / canvas_.columns());
        const auto at = [&](double part) {
          return MapPosition(x, inside(grid.ys, 1 - (row + part) / canvas_.rows()));
        };
        if (!options_.color) {
          const std::optional<double> position = at(0.5);
          if (!position.has_value()) continue;
          const int shade = std::min(kRampLength - 1, static_cast<int>(*position * kRampLength));
          canvas_.PutGlyph(column, row, std::string(1, kRamp[shade]), kNoColor);
          continue;
        }
        // ASCII has no half block, so a cell of it has one colour.
        const bool is_halved = options_.charset == Charset::kBraille;
        const std::optional<double> lower = at(is_halved ? 0.75 : 0.5);
        const std::optional<double> upper = at(0.25);
        if (lower.has_value()) canvas_.SetBackground(column, row, MapColor(*lower));
        if (is_halved && upper.has_value()) {
          canvas_.PutGlyph(column, row, "▀", MapColor(*upper));
        }
      }
    }
  }

  // A map of characters has none left for shading, so the edges of the range are drawn.
  void PaintRangeEdges(const DrawnRange& range) {
    const bool is_x = range.direction == Direction::kX;
    for (const double edge : {range.low, range.high}) {
      if (edge <= 0 || edge >= 1) continue;
      for (int i = 0; i < (is_x ? canvas_.rows() : canvas_.columns()); ++i) {
        canvas_.PutGlyph(is_x ? Column(edge) : i, is_x ? i : Row(edge), is_x ? "|" : "_", kNoColor);
      }
    }
  }

  void PaintShaded() {
    for (const DrawnRange& range : panel_.shaded) {
      if (IsMapInAscii(options_, on_map_)) {
        PaintRangeEdges(range);
        continue;
      }
      const bool is_x = range.direction == Direction::kX;
      const int first = is_x ? Column(range.low) : Row(range.high);
      const int last = is_x ? Column(range.high) : Row(range.low);
      for (int along = first; along <= last; ++along) {
        // A cell belongs to the range if its middle does: the data's own edge stays clear.
        const int count = is_x ? canvas_.columns() : canvas_.rows();
        const double middle = is_x ? (along + 0.5) / count : 1 - (along + 0.5) / count;
        if (middle < range.low || middle > range.high) continue;
        for (int across = 0; across < (is_x ? canvas_.rows() : canvas_.columns()); ++across) {
          const int column = is_x ? along : across;
          const int row = is_x ? across : along;
          if ((column + 2 * row) % 4 != 0) continue;
          if (!on_map_) {
            canvas_.PutFaint(column, row, ShadeGlyph(options_));
          } else if (options_.color) {
            canvas_.PutGlyph(column, row, ShadeGlyph(options_), kOverlayColor);
          }
        }
      }
    }
  }

  void PaintBand(const DrawnSeries& series) {
    const int color = SeriesAnsi(series, on_map_);
    const int width = HasDots() ? 2 * canvas_.columns() : canvas_.columns();
    for (const auto& run : series.runs) {
      for (size_t i = 1; i < run.size(); ++i) {
        const DrawnPoint& a = run[i - 1];
        const DrawnPoint& b = run[i];
        for (int x = CellOf(a.x, width); x <= CellOf(b.x, width); ++x) {
          const double t =
              b.x > a.x ? std::clamp(((x + 0.5) / width - a.x) / (b.x - a.x), 0.0, 1.0) : 0;
          const double one = std::clamp(a.y + t * (b.y - a.y), 0.0, 1.0);
          const double other = std::clamp(a.high + t * (b.high - a.high), 0.0, 1.0);
          PaintBandColumn(x, std::min(one, other), std::max(one, other), color);
        }
      }
    }
  }

  void PaintBandColumn(int x, double low, double high, int color) {
    if (!HasDots()) {
      for (int row = Row(high); row <= Row(low); ++row) {
        canvas_.PutGlyph(x, row, on_map_ ? "'" : ":", options_.color ? color : kNoColor);
      }
      return;
    }
    for (int y = DotY(high); y <= DotY(low); ++y) {
      // A quarter of the dots: lines, which have all, stay clear of it.
      if ((x + 2 * y) % 4 == 0) canvas_.PutBandDot(x, y, color);
    }
  }

  void PaintMarkerLines() {
    const bool is_ascii = options_.charset == Charset::kAscii;
    for (const DrawnLine& line : panel_.lines) {
      const bool is_x = line.direction == Direction::kX;
      const std::string glyph = is_x ? (is_ascii ? "|" : "┊") : (is_ascii ? "-" : "┄");
      for (int i = 0; i < (is_x ? canvas_.rows() : canvas_.columns()); ++i) {
        const int column = is_x ? Column(line.at) : i;
        const int row = is_x ? i : Row(line.at);
        // Faint, so that curves go through; a map has no faint cells.
        if (on_map_) {
          canvas_.PutGlyph(column, row, glyph, kOverlayColor);
        } else {
          canvas_.PutFaint(column, row, glyph);
        }
      }
    }
  }

  void PaintLine(const std::vector<DrawnPoint>& run, const DrawnSeries& series) {
    const int color = SeriesAnsi(series, on_map_);
    int step = 0;
    for (size_t i = 0; i < run.size(); ++i) {
      const DrawnPoint& from = run[i == 0 ? 0 : i - 1];
      const DrawnPoint& to = run[i];
      if (HasDots()) {
        Trace(DotX(from.x), DotY(from.y), DotX(to.x), DotY(to.y), step, [&](int x, int y, int at) {
          if (IsDashOn(series.pattern, at)) canvas_.PutLineDot(x, y, color);
        });
      } else {
        const bool is_dashed = on_map_ && options_.color;
        const std::string glyph =
            is_dashed ? StepGlyph(from, to) : LineGlyph(series, options_, on_map_);
        Trace(Column(from.x), Row(from.y), Column(to.x), Row(to.y), step,
              [&](int x, int y, int at) {
                if (is_dashed && !IsDashOn(series.pattern, at)) return;
                // Letters on a map of characters stand apart, or they would hide it.
                if (IsMapInAscii(options_, on_map_) && series.pattern != 0 && at % 2 != 0) return;
                canvas_.PutGlyph(x, y, glyph, color);
              });
      }
    }
  }

  std::string StepGlyph(const DrawnPoint& from, const DrawnPoint& to) const {
    const double rise = (to.y - from.y) * canvas_.rows();
    const double run = (to.x - from.x) * canvas_.columns();
    if (std::abs(rise) < 0.3 * std::abs(run)) return "-";
    if (std::abs(rise) > 3 * std::abs(run)) return "|";
    return (rise > 0) == (run > 0) ? "/" : "\\";
  }

  void PaintSeries(const DrawnSeries& series) {
    const bool is_ascii = options_.charset == Charset::kAscii;
    const int color = SeriesAnsi(series, on_map_);
    for (const auto& run : series.runs) {
      if (series.style == SeriesStyle::kLine) PaintLine(run, series);
      for (const DrawnPoint& point : run) {
        if (series.style == SeriesStyle::kDots) {
          const std::string glyph = IsMapInAscii(options_, on_map_)
                                        ? (series.pattern == 5 ? "x" : "o")
                                        : MarkGlyph(series, options_);
          canvas_.PutGlyph(Column(point.x), Row(point.y), glyph, color);
        }
        if (series.style != SeriesStyle::kInterval) continue;
        const int first = Column(point.x);
        const int last = Column(point.high);
        for (int column = first; column <= last; ++column) {
          const bool is_end = column == first || column == last;
          const char* end = column == first ? (is_ascii ? "[" : "├") : (is_ascii ? "]" : "┤");
          canvas_.PutGlyph(column, Row(point.y), is_end ? end : (is_ascii ? "-" : "─"), color);
        }
      }
    }
  }

  void PaintContours() {
    for (size_t i = 0; i < panel_.grid->contours.size(); ++i) {
      for (const Polyline& line : panel_.grid->contours[i].lines) {
        for (const Place& place : line) {
          canvas_.PutGlyph(Column(place.x), Row(place.y),
                           ContourGlyph(static_cast<int>(i), options_), kStarColor);
        }
      }
    }
  }

  const DrawnPanel& panel_;
  const TerminalOptions& options_;
  TerminalCanvas& canvas_;
  const bool on_map_;
};

std::string Colored(const std::string& text, int color, const TerminalOptions& options) {
  if (!options.color || color == kNoColor) return text;
  return absl::StrCat(ColorCode(color), text, kResetCode);
}

// Three characters of a line as it is drawn, so with its dashes.
std::string LineSample(const DrawnSeries& series, const TerminalOptions& options, bool on_map) {
  if (options.charset == Charset::kAscii || IsMapInAscii(options, on_map)) {
    const std::string glyph = LineGlyph(series, options, on_map);
    if (on_map && options.color) return series.pattern == 0 ? "---" : "- -";
    return absl::StrCat(glyph, glyph, glyph);
  }
  TerminalCanvas canvas(4, 1);
  for (int x = 0; x < 8; ++x) {
    if (IsDashOn(series.pattern, x)) canvas.PutLineDot(x, 2, kNoColor);
  }
  return canvas.Row(0, false);
}

}  // namespace

int CellOf(double position, int count) {
  return std::clamp(static_cast<int>(std::floor(position * count)), 0, count - 1);
}

int MapColor(double position) { return AnsiColor(ContinuousColor(1 - position)); }

void DrawOnCanvas(const DrawnPanel& panel, const TerminalOptions& options, TerminalCanvas& canvas) {
  Painter(panel, options, canvas).Paint();
}

std::string LegendSample(const LegendEntry& entry, const TerminalOptions& options, bool on_map) {
  const bool is_ascii = options.charset == Charset::kAscii;
  switch (entry.kind) {
    case LegendKind::kMark:
      return StarGlyph(options, on_map);
    case LegendKind::kContour: {
      const std::string glyph = ContourGlyph(entry.pattern, options);
      return absl::StrCat(glyph, glyph, glyph);
    }
    case LegendKind::kShaded:
      return absl::StrCat(ShadeGlyph(options), " ", ShadeGlyph(options));
    case LegendKind::kSeries:
      break;
  }
  std::string sample;
  for (const DrawnSeries* series : entry.series) {
    const int color = on_map ? kNoColor : SeriesAnsi(*series, on_map);
    std::string part;
    switch (series->style) {
      case SeriesStyle::kBand:
        part = is_ascii ? ":::" : "⢕⢕⢕";
        break;
      case SeriesStyle::kLine:
        part = LineSample(*series, options, on_map);
        break;
      case SeriesStyle::kInterval:
        part = is_ascii ? "[-]" : "├─┤";
        break;
      case SeriesStyle::kDots:
        part = IsMapInAscii(options, on_map) ? (series->pattern == 5 ? "x" : "o")
                                             : MarkGlyph(*series, options);
        break;
    }
    absl::StrAppend(&sample, sample.empty() ? "" : " ", Colored(part, color, options));
  }
  return sample;
}

}  // namespace rhumb::plot
