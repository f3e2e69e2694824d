// SPDX-License-Identifier: Apache-2.0
#include "client/plot/label_rows.h"

#include <algorithm>
#include <utility>

namespace rhumb::plot {
namespace {

using Row = std::vector<std::pair<double, double>>;  // [start, end) of what is taken

bool IsFree(const Row& row, double start, double width, double gap) {
  return std::none_of(row.begin(), row.end(), [&](const auto& taken) {
    return start < taken.second + gap && taken.first < start + width + gap;
  });
}

}  // namespace

std::vector<PlacedLabel> PlaceLabels(const std::vector<WantedLabel>& labels, double low,
                                     double high, double gap) {
  std::vector<PlacedLabel> placed;
  std::vector<Row> rows;
  for (const WantedLabel& label : labels) {
    const double last_start = std::max(low, high - label.width);
    const double wanted = std::clamp(label.centre - label.width / 2, low, last_start);
    double start = wanted;
    size_t row = 0;
    for (; row < rows.size(); ++row) {
      std::vector<double> starts = {wanted};
      for (const auto& taken : rows[row]) {
        for (const double beside : {taken.second + gap, taken.first - gap - label.width}) {
          const bool may_slide =
              beside >= label.slide_low && beside + label.width <= label.slide_high;
          if (may_slide && beside >= low && beside <= last_start) starts.push_back(beside);
        }
      }
      const auto found = std::find_if(starts.begin(), starts.end(), [&](double candidate) {
        return IsFree(rows[row], candidate, label.width, gap);
      });
      if (found == starts.end()) continue;
      start = *found;
      break;
    }
    if (row == rows.size()) rows.emplace_back();
    rows[row].emplace_back(start, start + label.width);
    placed.push_back({start, static_cast<int>(row)});
  }
  return placed;
}

}  // namespace rhumb::plot
