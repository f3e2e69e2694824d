// SPDX-License-Identifier: Apache-2.0
#include "client/cli/sparkline.h"

#include <algorithm>
#include <cmath>

namespace rhumb::cli {
namespace {

constexpr const char* kBars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr int kBarCount = 8;

}  // namespace

std::string Sparkline(const std::vector<double>& values, int width, const Terminal& terminal) {
  std::vector<double> finite;
  for (const double value : values) {
    if (std::isfinite(value)) finite.push_back(value);
  }
  if (!terminal.utf8 || finite.size() < 2 || width < 1) return "";
  const size_t count = std::min(finite.size(), static_cast<size_t>(width));
  std::vector<double> means;
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = i * finite.size() / count;
    const size_t end = (i + 1) * finite.size() / count;
    double sum = 0;
    for (size_t j = begin; j < end; ++j) sum += finite[j];
    means.push_back(sum / static_cast<double>(end - begin));
  }
  const auto [low, high] = std::minmax_element(means.begin(), means.end());
  const double range = *high - *low;
  std::string text;
  for (const double mean : means) {
    const double share = range > 0 ? (mean - *low) / range : 0;
    text += kBars[std::min(kBarCount - 1, static_cast<int>(share * kBarCount))];
  }
  return text;
}

}  // namespace rhumb::cli
