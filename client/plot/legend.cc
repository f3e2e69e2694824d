// SPDX-License-Identifier: Apache-2.0
#include "client/plot/legend.h"

#include <algorithm>
#include <optional>

namespace rhumb::plot {
namespace {

constexpr double kAtEdge = 1e-6;

LegendEntry* Find(std::vector<LegendEntry>& entries, const std::string& label) {
  for (LegendEntry& entry : entries) {
    if (entry.label == label) return &entry;
  }
  return nullptr;
}

bool LooksAlike(const DrawnSeries& a, const DrawnSeries& b) {
  return a.style == b.style && a.color == b.color && a.pattern == b.pattern && a.shade == b.shade;
}

bool IsEmpty(const DrawnSeries& series) { return series.runs.empty(); }

// Where a line leaves through the top; nothing if it does not.
std::optional<double> TopExit(const DrawnSeries& series) {
  for (const auto& run : series.runs) {
    for (const DrawnPoint* end : {&run.front(), &run.back()}) {
      if (end->y >= 1 - kAtEdge) return end->x;
    }
  }
  return std::nullopt;
}

std::optional<double> RightExit(const DrawnSeries& series) {
  const DrawnPoint& last = series.runs.back().back();
  if (last.x < 1 - kAtEdge) return std::nullopt;
  return last.y;
}

bool HasEndLabel(const DrawnSeries& series) {
  return series.style == SeriesStyle::kLine && !series.end_label.empty() && !IsEmpty(series);
}

}  // namespace

std::vector<LegendEntry> LegendOf(const Drawing& drawing) {
  std::vector<LegendEntry> entries;
  for (const DrawnPanel& panel : drawing.panels) {
    for (const DrawnSeries& series : panel.series) {
      if (series.label.empty() || IsEmpty(series)) continue;
      LegendEntry* entry = Find(entries, series.label);
      if (entry == nullptr) {
        entries.push_back({LegendKind::kSeries, series.label, {}, 0});
        entry = &entries.back();
      }
      const bool is_known =
          std::any_of(entry->series.begin(), entry->series.end(),
                      [&](const auto* known) { return LooksAlike(*known, series); });
      if (!is_known) entry->series.push_back(&series);
    }
  }
  // Intervals are drawn under the curves but explained after them.
  std::stable_partition(entries.begin(), entries.end(), [](const LegendEntry& entry) {
    return entry.series.front()->style != SeriesStyle::kInterval;
  });
  for (const DrawnPanel& panel : drawing.panels) {
    if (panel.grid.has_value()) {
      for (size_t i = 0; i < panel.grid->contours.size(); ++i) {
        entries.push_back(
            {LegendKind::kContour, panel.grid->contours[i].label, {}, static_cast<int>(i)});
      }
    }
    for (const DrawnPoint& mark : panel.marks) {
      if (mark.label.empty() || Find(entries, mark.label) != nullptr) continue;
      entries.push_back({LegendKind::kMark, mark.label, {}, 0});
    }
    for (const DrawnRange& range : panel.shaded) {
      if (range.label.empty() || Find(entries, range.label) != nullptr) continue;
      // Vertical stripes of the first panel are labelled where they are.
      const auto is_same_on_top = [&](const DrawnRange& other) {
        return other.direction == Direction::kX && other.label == range.label;
      };
      const std::vector<DrawnRange>& on_top = drawing.panels.front().shaded;
      if (std::any_of(on_top.begin(), on_top.end(), is_same_on_top)) continue;
      entries.push_back({LegendKind::kShaded, range.label, {}, 0});
    }
  }
  return entries;
}

std::vector<EdgeLabel> TopLabels(const DrawnPanel& panel) {
  std::vector<EdgeLabel> labels;
  for (const DrawnLine& line : panel.lines) {
    if (line.direction != Direction::kX || line.label.empty()) continue;
    labels.push_back({EdgeKind::kMarkerLine, line.at, line.label});
  }
  for (const DrawnSeries& series : panel.series) {
    if (!HasEndLabel(series)) continue;
    if (const std::optional<double> exit = TopExit(series); exit.has_value()) {
      labels.push_back({EdgeKind::kSeries, *exit, series.end_label});
    }
  }
  for (const DrawnRange& range : panel.shaded) {
    if (range.direction != Direction::kX || range.label.empty()) continue;
    labels.push_back(
        {EdgeKind::kShaded, (range.low + range.high) / 2, range.label, range.low, range.high});
  }
  return labels;
}

std::vector<EdgeLabel> RightLabels(const DrawnPanel& panel) {
  std::vector<EdgeLabel> labels;
  for (const DrawnLine& line : panel.lines) {
    if (line.direction != Direction::kY || line.label.empty()) continue;
    labels.push_back({EdgeKind::kMarkerLine, line.at, line.label});
  }
  for (const DrawnSeries& series : panel.series) {
    if (!HasEndLabel(series) || TopExit(series).has_value()) continue;
    if (const std::optional<double> exit = RightExit(series); exit.has_value()) {
      labels.push_back({EdgeKind::kSeries, *exit, series.end_label});
    }
  }
  return labels;
}

std::vector<InnerLabel> InnerLabels(const DrawnPanel& panel) {
  std::vector<InnerLabel> labels;
  for (const DrawnSeries& series : panel.series) {
    if (!HasEndLabel(series) || TopExit(series).has_value() || RightExit(series).has_value()) {
      continue;
    }
    const DrawnPoint& first = series.runs.front().front();
    labels.push_back({first.x, first.y, series.end_label});
  }
  return labels;
}

}  // namespace rhumb::plot
