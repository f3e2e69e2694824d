// SPDX-License-Identifier: Apache-2.0
#include "client/plot/palette.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_format.h"

namespace rhumb::plot {
namespace {

constexpr std::array<Rgb, 6> kCategorical = {Rgb{0, 114, 178}, Rgb{213, 94, 0},
                                             Rgb{0, 158, 115}, Rgb{204, 121, 167},
                                             Rgb{230, 159, 0}, Rgb{86, 180, 233}};

constexpr std::array<Rgb, 9> kViridis = {Rgb{68, 1, 84},    Rgb{71, 44, 122},  Rgb{59, 81, 139},
                                         Rgb{44, 113, 142}, Rgb{33, 144, 141}, Rgb{39, 173, 129},
                                         Rgb{92, 200, 99},  Rgb{170, 220, 50}, Rgb{253, 231, 37}};

}  // namespace

Rgb CategoricalColor(int index) {
  return kCategorical[static_cast<size_t>(std::max(0, index)) % kCategorical.size()];
}

Rgb ContinuousColor(double shade) {
  const double place =
      (std::isfinite(shade) ? std::clamp(shade, 0.0, 1.0) : 0.0) * (kViridis.size() - 1);
  const size_t below = std::min(static_cast<size_t>(place), kViridis.size() - 2);
  const double t = place - static_cast<double>(below);
  const auto mix = [t](int a, int b) { return static_cast<int>(std::lround(a + t * (b - a))); };
  const Rgb& a = kViridis[below];
  const Rgb& b = kViridis[below + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

std::string HexColor(const Rgb& color) {
  return absl::StrFormat("#%02x%02x%02x", color.red, color.green, color.blue);
}

int AnsiColor(const Rgb& color) {
  // xterm's cube has the levels 0, 95, 135, 175, 215, 255.
  const auto level = [](int value) { return value < 48 ? 0 : value < 115 ? 1 : (value - 35) / 40; };
  return 16 + 36 * level(color.red) + 6 * level(color.green) + level(color.blue);
}

}  // namespace rhumb::plot
