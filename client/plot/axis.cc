// SPDX-License-Identifier: Apache-2.0
#include "client/plot/axis.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rhumb::plot {
namespace {

constexpr double kLargest = 1e300;
constexpr double kRoomAtEnds = 0.05;  // of the span
// Ticks at the very ends must survive rounding of their position.
constexpr double kEndSlack = 1e-9;
constexpr int kTicksPerCandidate = 60;

double ToScale(Scale scale, double value) {
  return scale == Scale::kLog10 ? std::log10(value) : value;
}

double FromScale(Scale scale, double value) {
  return scale == Scale::kLog10 ? std::pow(10.0, value) : value;
}

// Digits without a useless fraction: 1.50 -> 1.5, 2.0 -> 2.
std::string Trimmed(std::string digits) {
  if (digits.find('.') == std::string::npos) return digits;
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  return digits == "-0" ? "0" : digits;
}

std::string Scientific(double value, int digits) {
  const std::string text = absl::StrFormat("%.*e", std::max(0, digits - 1), value);
  const size_t e = text.find('e');
  // Mantissas keep only digits that say something; exponents lose their plus and leading zeros.
  return absl::StrCat(Trimmed(text.substr(0, e)), "e", std::stoi(text.substr(e + 1)));
}

std::string Plain(double value, int digits) {
  const double size = std::abs(value);
  if (size != 0 && (size >= 1e6 || size < 1e-4)) return Scientific(value, digits);
  const int whole = size >= 1
                        ? static_cast<int>(std::floor(std::log10(size))) + 1
                        : (size == 0 ? 1 : static_cast<int>(std::floor(std::log10(size))) + 1);
  return Trimmed(absl::StrFormat("%.*f", std::clamp(digits - whole, 0, 12), value));
}

struct Candidate {
  std::vector<double> values = {};
  std::vector<std::string> labels = {};
  std::vector<double> minor = {};
};

// Values m * 10^e inside the view, for each m of `mantissas` and every `decade_step`-th e.
Candidate LogCandidate(const AxisView& view, const std::vector<double>& mantissas,
                       int decade_step) {
  Candidate candidate;
  const int first = static_cast<int>(std::floor(std::log10(view.low))) - 1;
  const int last = static_cast<int>(std::ceil(std::log10(view.high))) + 1;
  const auto is_inside = [&](double value) {
    const double position = PositionOf(view, value);
    return position >= -kEndSlack && position <= 1 + kEndSlack;
  };
  for (int e = first; e <= last; ++e) {
    const double decade = std::pow(10.0, e);
    if (e % decade_step == 0) {
      for (const double m : mantissas) {
        if (!is_inside(m * decade)) continue;
        candidate.values.push_back(m * decade);
        candidate.labels.push_back(FormatTick(view.numbers, m * decade, 2));
      }
    }
    if (last - first > kTicksPerCandidate) continue;
    for (int m = 1; m < 10; ++m) {
      if ((decade_step == 1 || m == 1) && is_inside(m * decade)) {
        candidate.minor.push_back(PositionOf(view, m * decade));
      }
    }
  }
  return candidate;
}

Candidate LinearCandidate(const AxisView& view, double step) {
  Candidate candidate;
  const double largest = std::max(std::abs(view.low), std::abs(view.high));
  const double slack = kEndSlack * (view.high - view.low);
  const double first = std::ceil((view.low - slack) / step);
  const double last = std::floor((view.high + slack) / step);
  // Fewer digits would write two ticks alike.
  const int digits =
      std::clamp(static_cast<int>(std::floor(std::log10(largest / step) + 1e-9)) + 2, 1, 15);
  for (double i = first; i <= last && candidate.values.size() < kTicksPerCandidate; i += 1) {
    const double value = i * step;
    candidate.values.push_back(value);
    // Relative to the largest tick, so that all ticks show the same decimals at most.
    const int shown =
        value == 0 ? 1
                   : digits + static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9)) -
                         static_cast<int>(std::floor(std::log10(largest) + 1e-9));
    candidate.labels.push_back(FormatTick(view.numbers, value, std::clamp(shown, 1, 15)));
  }
  return candidate;
}

// Trailing zeros where other labels of the axis have decimals: 2.0, 2.5 instead of 2, 2.5.
void AlignDecimals(std::vector<std::string>& labels) {
  size_t decimals = 0;
  for (const std::string& label : labels) {
    if (label.find_first_not_of("-0123456789.") != std::string::npos) return;
    const size_t point = label.find('.');
    if (point != std::string::npos) decimals = std::max(decimals, label.size() - point - 1);
  }
  if (decimals == 0) return;
  for (std::string& label : labels) {
    size_t point = label.find('.');
    if (point == std::string::npos) {
      point = label.size();
      label += '.';
    }
    label.append(decimals - (label.size() - point - 1), '0');
  }
}

bool Fits(const Candidate& candidate, const AxisView& view, const TickRoom& room) {
  if (static_cast<int>(candidate.values.size()) > room.max_count) return false;
  double free_from = -1e300;
  for (size_t i = 0; i < candidate.values.size(); ++i) {
    if (i > 0 && candidate.labels[i] == candidate.labels[i - 1]) return false;
    const double centre = PositionOf(view, candidate.values[i]) * room.length;
    const double half = room.extent(candidate.labels[i]) / 2;
    if (centre - half < free_from) return false;
    free_from = centre + half + room.gap;
  }
  return true;
}

// Share of the axis that the widest stretch without a tick takes, ends included.
double WidestGap(const Candidate& candidate, const AxisView& view) {
  double widest = 0, from = 0;
  for (const double value : candidate.values) {
    const double position = PositionOf(view, value);
    widest = std::max(widest, position - from);
    from = position;
  }
  return std::max(widest, 1 - from);
}

std::vector<Candidate> Candidates(const AxisView& view, int max_count) {
  std::vector<Candidate> candidates;
  if (view.scale == Scale::kLog10) {
    const double decades = std::log10(view.high) - std::log10(view.low);
    if (decades < 1.2) candidates.push_back(LogCandidate(view, {1, 2, 3, 4, 5, 6, 7, 8, 9}, 1));
    if (decades < 4) {
      candidates.push_back(LogCandidate(view, {1, 2, 5}, 1));
      candidates.push_back(LogCandidate(view, {1, 3}, 1));
    }
    for (const int step : {1, 2, 3, 4, 5, 6, 10, 20, 30, 50, 100, 200}) {
      candidates.push_back(LogCandidate(view, {1}, step));
    }
    if (decades > 1.2) return candidates;
  }
  const double finest = (view.high - view.low) / (max_count + 1);
  const double power = std::pow(10.0, std::floor(std::log10(finest)));
  for (const double scale : {1.0, 10.0, 100.0}) {
    for (const double m : {1.0, 2.0, 5.0}) {
      const double step = m * scale * power;
      if (step < finest || !std::isfinite(step)) continue;
      Candidate candidate = LinearCandidate(view, step);
      AlignDecimals(candidate.labels);
      candidates.push_back(candidate);
    }
  }
  return candidates;
}

}  // namespace

bool IsDrawable(Scale scale, double value) {
  if (!std::isfinite(value) || std::abs(value) > kLargest) return false;
  return scale == Scale::kLinear || value > 1 / kLargest;
}

double PositionOf(const AxisView& view, double value) {
  const double low = ToScale(view.scale, view.low);
  return (ToScale(view.scale, value) - low) / (ToScale(view.scale, view.high) - low);
}

double ValueAt(const AxisView& view, double position) {
  const double low = ToScale(view.scale, view.low);
  const double high = ToScale(view.scale, view.high);
  return FromScale(view.scale, low + position * (high - low));
}

bool HasUnusableRange(const Axis& axis) {
  return axis.range.has_value() &&
         (!IsDrawable(axis.scale, axis.range->low) || !IsDrawable(axis.scale, axis.range->high) ||
          !(axis.range->low < axis.range->high));
}

AxisView FitAxis(const Axis& axis, const std::optional<Range>& data) {
  AxisView view = {.scale = axis.scale, .numbers = axis.numbers};
  if (axis.range.has_value() && !HasUnusableRange(axis)) {
    view.low = axis.range->low;
    view.high = axis.range->high;
    return view;
  }
  const bool is_log = axis.scale == Scale::kLog10;
  if (!data.has_value()) {
    view.low = is_log ? 1 : 0;
    view.high = is_log ? 10 : 1;
    return view;
  }
  double low = ToScale(axis.scale, data->low);
  double high = ToScale(axis.scale, data->high);
  // A span lost in rounding is drawn as one value: ticks could not tell its ends apart.
  const double least = is_log ? 1e-9 : 1e-11 * std::max(std::abs(low), std::abs(high));
  if (high - low <= least) {
    const double room = is_log ? 0.5 : (low == 0 ? 1 : 0.1 * std::abs(low));
    low -= room;
    high += room;
  } else {
    const double room = kRoomAtEnds * (high - low);
    low -= room;
    high += room;
  }
  // The room at the ends must not lead out of what can be drawn.
  const double largest = is_log ? std::log10(kLargest) : kLargest;
  view.low = FromScale(axis.scale, std::max(low, -largest));
  view.high = FromScale(axis.scale, std::min(high, largest));
  return view;
}

std::string FormatTick(Numbers numbers, double value, int digits) {
  if (!std::isfinite(value)) return "?";
  if (value == 0) return "0";
  if (numbers == Numbers::kPlain) return Plain(value, digits);
  const double size = std::abs(value);
  if (numbers == Numbers::kScientific) {
    // Small everyday numbers on the same axis as 1e19 would look out of place, so none are spared.
    return Scientific(value, digits);
  }
  struct Suffix {
    double unit;
    const char* name;
  };
  for (const Suffix& suffix :
       {Suffix{1e12, "T"}, Suffix{1e9, "B"}, Suffix{1e6, "M"}, Suffix{1e3, "K"}}) {
    // The next unit's name from 999.5 on would hide a digit; rounding keeps 9.999e8 as 1000M.
    if (size >= suffix.unit * (1 - 1e-9) && size < 1e15) {
      return absl::StrCat(Plain(value / suffix.unit, digits), suffix.name);
    }
  }
  return Plain(value, digits);
}

std::string AxisTitle(const Axis& axis) {
  if (axis.unit.empty()) return axis.label;
  return axis.label.empty() ? axis.unit : absl::StrCat(axis.label, " (", axis.unit, ")");
}

Ticks MakeTicks(const AxisView& view, const TickRoom& room) {
  const Candidate* best = nullptr;
  const std::vector<Candidate> candidates = Candidates(view, room.max_count);
  // Ticks at one end alone, as of 0.8, 0.9 and 1 below 1.8, leave the rest of the axis without.
  constexpr double kMostGap = 0.5;
  struct Wish {
    size_t count;
    double most_gap;
  };
  for (const Wish wish :
       {Wish{3, kMostGap}, Wish{2, kMostGap}, Wish{3, 1}, Wish{2, 1}, Wish{1, 1}}) {
    for (const Candidate& candidate : candidates) {
      if (candidate.values.size() < wish.count || WidestGap(candidate, view) > wish.most_gap ||
          !Fits(candidate, view, room)) {
        continue;
      }
      best = &candidate;
      break;
    }
    if (best != nullptr) break;
  }
  Ticks ticks;
  if (best == nullptr) return ticks;
  for (size_t i = 0; i < best->values.size(); ++i) {
    const double position = std::clamp(PositionOf(view, best->values[i]), 0.0, 1.0);
    ticks.major.push_back({.position = position, .label = best->labels[i]});
  }
  for (const double position : best->minor) {
    ticks.minor.push_back(std::clamp(position, 0.0, 1.0));
  }
  return ticks;
}

}  // namespace rhumb::plot
