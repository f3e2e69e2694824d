// SPDX-License-Identifier: Apache-2.0
#include "client/plot/terminal_plot.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "client/plot/drawing.h"
#include "client/plot/label_rows.h"
#include "client/plot/legend.h"
#include "client/plot/terminal_canvas.h"
#include "client/plot/terminal_panel.h"

namespace rhumb::plot {
namespace {

constexpr int kLeastWidth = 40;
constexpr int kWidest = 400;
constexpr int kLeastPanelRows = 6;
constexpr int kMostRows = 200;
constexpr int kLeastFrameColumns = 10;
constexpr int kColorBarColumns = 30;
constexpr char kLegendGap[] = "   ";

// Columns that `text` takes: code points, escape codes not counted.
int Columns(absl::string_view text) {
  int columns = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      while (i < text.size() && text[i] != 'm') ++i;
      continue;
    }
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) ++columns;
  }
  return columns;
}

std::string Blanks(int count) { return std::string(static_cast<size_t>(std::max(0, count)), ' '); }

// What users wrote, safe to show: escape and other control characters could do anything to a
// terminal.
std::string Safe(absl::string_view text) {
  std::string safe(text);
  for (char& c : safe) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
  }
  return safe;
}

std::vector<std::string> CodePoints(absl::string_view text) {
  std::vector<std::string> points;
  for (const char c : text) {
    if (points.empty() || (static_cast<unsigned char>(c) & 0xC0) != 0x80) points.emplace_back();
    points.back() += c;
  }
  return points;
}

std::string Cut(absl::string_view text, int columns) {
  if (Columns(text) <= columns) return std::string(text);
  std::string cut;
  const std::vector<std::string> points = CodePoints(text);
  for (int i = 0; i < columns - 2; ++i) cut += points[static_cast<size_t>(i)];
  return cut + "..";
}

std::string Wrapped(absl::string_view text, int width) {
  std::string lines;
  int column = 0;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const int length = Columns(word);
    if (column > 0 && column + 1 + length > width) {
      lines += '\n';
      column = 0;
    }
    absl::StrAppend(&lines, column > 0 ? " " : "", word);
    column += length + (column > 0 ? 1 : 0);
  }
  return lines;
}

class Renderer {
 public:
  Renderer(const Drawing& drawing, const TerminalOptions& options)
      : drawing_(drawing), options_(options) {
    options_.width = std::clamp(options.width, kLeastWidth, kWidest);
    options_.height = std::clamp(options.height, kLeastPanelRows, kMostRows);
  }

  std::string Render() {
    AddText(drawing_.title, "\033[1m");
    AddText(drawing_.subtitle, "\033[2m");
    if (!drawing_.panels.empty()) {
      LayOut();
      for (size_t i = 0; i < drawing_.panels.size(); ++i) AddPanel(i);
      AddXAxis();
      if (OnMap()) AddColorBar(*drawing_.panels.front().grid);
      AddLegend();
    }
    for (const std::string& note : drawing_.notes) AddText(note, "\033[2m");
    return text_;
  }

 private:
  bool IsAscii() const { return options_.charset == Charset::kAscii; }
  bool OnMap() const { return drawing_.panels.front().grid.has_value(); }

  void AddLine(absl::string_view line) {
    absl::StrAppend(&text_, absl::StripTrailingAsciiWhitespace(line), "\n");
  }

  void AddText(const std::string& text, const char* style) {
    if (text.empty()) return;
    for (absl::string_view line : absl::StrSplit(Wrapped(Safe(text), options_.width), '\n')) {
      const bool is_styled = options_.color && *style != '\0';
      AddLine(is_styled ? absl::StrCat(style, line, kResetCode) : std::string(line));
    }
  }

  void LayOut() {
    double shares = 0;
    for (const DrawnPanel& panel : drawing_.panels) shares += panel.height_share;
    int label_width = 0;
    for (const DrawnPanel& panel : drawing_.panels) {
      const int rows =
          std::max(kLeastPanelRows,
                   static_cast<int>(std::lround(options_.height * panel.height_share / shares)));
      rows_.push_back(rows);
      y_ticks_.push_back(MakeTicks(panel.y, {.length = static_cast<double>(rows),
                                             .gap = 0.5,
                                             .extent = [](const std::string&) { return 1.0; },
                                             .max_count = 8}));
      for (const Tick& tick : y_ticks_.back().major) {
        label_width = std::max(label_width, Columns(tick.label));
      }
    }
    left_ = label_width + 2;  // a blank and the frame's own line
    // Room at the right for half of the last number.
    columns_ = std::max(kLeastFrameColumns, options_.width - left_ - 3);
    x_ticks_ = MakeTicks(
        drawing_.x,
        {.length = static_cast<double>(columns_),
         .gap = 2,
         .extent = [](const std::string& label) { return static_cast<double>(Columns(label)); },
         .max_count = 12});
  }

  void AddTopLabels(const DrawnPanel& panel) {
    std::vector<EdgeLabel> labels = TopLabels(panel);
    std::vector<WantedLabel> wanted;
    for (EdgeLabel& label : labels) {
      label.label = Cut(Safe(label.label), options_.width);
      const auto column = [&](double at) { return left_ + at * columns_; };
      wanted.push_back({column(label.at), static_cast<double>(Columns(label.label)),
                        column(label.low), column(label.high)});
    }
    const std::vector<PlacedLabel> places = PlaceLabels(wanted, 0, options_.width, 2);
    int row_count = 0;
    for (const PlacedLabel& place : places) row_count = std::max(row_count, place.row + 1);
    for (int row = row_count - 1; row >= 0; --row) {
      std::vector<std::string> cells(static_cast<size_t>(options_.width), " ");
      for (size_t i = 0; i < labels.size(); ++i) {
        if (places[i].row != row) continue;
        size_t cell = static_cast<size_t>(std::max(0.0, std::floor(places[i].start)));
        for (const std::string& point : CodePoints(labels[i].label)) {
          if (cell < cells.size()) cells[cell++] = point;
        }
      }
      std::string line;
      for (const std::string& cell : cells) line += cell;
      AddLine(line);
    }
  }

  // Texts of lines that do not leave through the top stand inside the frame, above the line's end.
  void PutInnerLabels(const DrawnPanel& panel, TerminalCanvas& canvas) {
    const auto put = [&](int column, double y, const std::string& label) {
      const int row = canvas.rows() - 1 - CellOf(y, canvas.rows());
      for (const std::string& point : CodePoints(label)) {
        canvas.PutGlyph(column++, std::max(0, row - 1), point, OnMap() ? 231 : kNoColor);
      }
    };
    for (const InnerLabel& label : InnerLabels(panel)) {
      put(CellOf(label.x, canvas.columns()) + 1, label.y, Safe(label.label));
    }
    for (const EdgeLabel& label : RightLabels(panel)) {
      if (label.kind != EdgeKind::kSeries) continue;
      const std::string text = Cut(Safe(label.label), canvas.columns());
      put(canvas.columns() - Columns(text), label.at, text);
    }
  }

  void AddPanel(size_t index) {
    const DrawnPanel& panel = drawing_.panels[index];
    AddText(AxisTitle(panel.y_axis), "");
    if (index == 0) AddTopLabels(panel);
    const int rows = rows_[index];
    TerminalCanvas canvas(columns_, rows);
    DrawOnCanvas(panel, options_, canvas);
    PutInnerLabels(panel, canvas);
    std::vector<std::string> labels(static_cast<size_t>(rows));
    for (const Tick& tick : y_ticks_[index].major) {
      labels[static_cast<size_t>(rows - 1 - CellOf(tick.position, rows))] = tick.label;
    }
    for (int row = 0; row < rows; ++row) {
      const std::string& label = labels[static_cast<size_t>(row)];
      const bool has_tick = !label.empty();
      const char* frame = IsAscii() ? (has_tick ? "+" : "|") : (has_tick ? "┤" : "│");
      AddLine(absl::StrCat(Blanks(left_ - 2 - Columns(label)), label, " ", frame,
                           canvas.Row(row, options_.color)));
    }
    AddFrameBottom();
  }

  void AddFrameBottom() {
    std::vector<const char*> cells(static_cast<size_t>(columns_), IsAscii() ? "-" : "─");
    for (const Tick& tick : x_ticks_.major) {
      cells[static_cast<size_t>(CellOf(tick.position, columns_))] = IsAscii() ? "+" : "┬";
    }
    std::string line = absl::StrCat(Blanks(left_ - 1), IsAscii() ? "+" : "└");
    for (const char* cell : cells) line += cell;
    AddLine(line);
  }

  void AddXAxis() {
    std::string line;
    for (const Tick& tick : x_ticks_.major) {
      const int middle = left_ + CellOf(tick.position, columns_);
      const int start =
          std::min(middle - Columns(tick.label) / 2, options_.width - Columns(tick.label));
      const int used = Columns(line);
      if (start < used + (line.empty() ? 0 : 1)) continue;
      absl::StrAppend(&line, Blanks(start - used), tick.label);
    }
    AddLine(line);
    const std::string title = Cut(Safe(AxisTitle(drawing_.panels.front().x_axis)), columns_);
    AddLine(absl::StrCat(Blanks(left_ + (columns_ - Columns(title)) / 2), title));
  }

  void AddColorBar(const DrawnGrid& grid) {
    TerminalCanvas bar(options_.color ? kColorBarColumns : kRampLength, 1);
    for (int i = 0; i < bar.columns(); ++i) {
      if (options_.color) {
        bar.SetBackground(i, 0, MapColor((i + 0.5) / bar.columns()));
      } else {
        bar.PutGlyph(i, 0, std::string(1, kRamp[i]), kNoColor);
      }
    }
    AddLine(absl::StrCat(
        Safe(AxisTitle(grid.axis)), ": ", FormatTick(grid.value.numbers, grid.value.low, 4), " [",
        bar.Row(0, options_.color), "] ", FormatTick(grid.value.numbers, grid.value.high, 4)));
  }

  void AddLegend() {
    std::vector<std::string> entries;
    for (const LegendEntry& entry : LegendOf(drawing_)) {
      const std::string sample = LegendSample(entry, options_, OnMap());
      entries.push_back(
          absl::StrCat(sample, " ", Cut(Safe(entry.label), options_.width - Columns(sample) - 1)));
    }
    for (const DrawnPanel& panel : drawing_.panels) {
      for (const EdgeLabel& label : RightLabels(panel)) {
        if (label.kind != EdgeKind::kMarkerLine) continue;
        entries.push_back(
            absl::StrCat(IsAscii() ? "--- " : "┄┄┄ ", Cut(Safe(label.label), options_.width - 4)));
      }
    }
    std::string line;
    for (const std::string& entry : entries) {
      const int gap = static_cast<int>(sizeof(kLegendGap)) - 1;
      if (!line.empty() && Columns(line) + gap + Columns(entry) > options_.width) {
        AddLine(line);
        line.clear();
      }
      absl::StrAppend(&line, line.empty() ? "" : kLegendGap, entry);
    }
    if (!line.empty()) AddLine(line);
  }

  const Drawing& drawing_;
  TerminalOptions options_;
  std::string text_;
  std::vector<int> rows_;
  std::vector<Ticks> y_ticks_;
  Ticks x_ticks_;
  int left_ = 0;     // columns left of the frame's inside
  int columns_ = 0;  // of the frame's inside
};

}  // namespace

std::string RenderTerminal(const Figure& figure, const TerminalOptions& options) {
  return Renderer(Prepare(figure), options).Render();
}

std::string RenderTerminal(const PanelStack& stack, const TerminalOptions& options) {
  return Renderer(Prepare(stack), options).Render();
}

std::string RenderTerminal(const HeatMap& map, const TerminalOptions& options) {
  return Renderer(Prepare(map), options).Render();
}

}  // namespace rhumb::plot
