// SPDX-License-Identifier: Apache-2.0
#include "client/config/written_numbers.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "planner/units.h"

namespace rhumb {
namespace {

constexpr int kDigits = 4;
// What computing the last digit may be wrong by: 1588000 must not become 1589000.
constexpr double kRoundingError = 1e-12;

double RoundWhole(double value, Side side) {
  return side == Side::kUp ? std::ceil(value * (1 - kRoundingError))
                           : std::floor(value * (1 + kRoundingError));
}

// The double nearest to the decimal number of kDigits digits at or to the `side` of `value`.
double RoundDigits(double value, Side side) {
  if (value <= 0) return 0;
  const int exponent = static_cast<int>(std::floor(std::log10(value))) - kDigits + 1;
  const double digits = RoundWhole(value / std::pow(10.0, exponent), side);
  double rounded = value;
  // By way of the text: a product with a power of ten would be rounded twice.
  const bool read =
      absl::SimpleAtod(absl::StrCat(static_cast<int64_t>(digits), "e", exponent), &rounded);
  return read ? rounded : value;
}

// As 1.03e21, not 1.03e+21.
std::string Plain(double value) {
  return absl::StrReplaceAll(absl::StrFormat("%.*g", kDigits, value), {{"e+", "e"}});
}

}  // namespace

std::string WriteNumber(double value, Side side) {
  const double rounded = RoundDigits(value, side);
  return rounded >= 1e4 && rounded < 1e6 ? absl::StrFormat("%.0f", rounded) : Plain(rounded);
}

std::string WriteCount(double count, Side side) {
  const double rounded = RoundDigits(count, side);
  constexpr struct {
    double factor;
    absl::string_view suffix;
  } kSuffixes[] = {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "K"}};
  // Small counts (GPUs, steps) read better in full.
  if (rounded < 1e4 || rounded >= 1e15) return Plain(rounded);
  for (const auto& [factor, suffix] : kSuffixes) {
    if (rounded >= factor) return absl::StrCat(Plain(rounded / factor), suffix);
  }
  return Plain(rounded);
}

std::string WriteBytes(double bytes, Side side) {
  const bool large = bytes >= kGibibyte;
  return absl::StrCat(WriteNumber(bytes / (large ? kGibibyte : kMebibyte), side),
                      large ? "GiB" : "MiB");
}

std::string WriteUsd(double usd, Side side) { return WriteCount(usd, side); }

std::string WriteDuration(double seconds, Side side) {
  if (seconds < kSecondsPerMinute) return absl::StrCat(WriteNumber(seconds, side), "s");
  constexpr struct {
    double large_seconds;
    absl::string_view large;
    double small_seconds;
    absl::string_view small;
    double below_seconds;
  } kPairs[] = {{kSecondsPerMinute, "m", 1, "s", kSecondsPerHour},
                {kSecondsPerHour, "h", kSecondsPerMinute, "m", kSecondsPerDay},
                {kSecondsPerDay, "d", kSecondsPerHour, "h", HUGE_VAL}};
  for (const auto& pair : kPairs) {
    const double total = RoundWhole(seconds / pair.small_seconds, side) * pair.small_seconds;
    // Rounded first, so that 59m59.9s becomes 1h.
    if (total >= pair.below_seconds) continue;
    const double large = std::floor(total / pair.large_seconds);
    const double small = (total - large * pair.large_seconds) / pair.small_seconds;
    return absl::StrCat(absl::StrFormat("%.0f%s", large, pair.large),
                        small > 0 ? absl::StrFormat("%.0f%s", small, pair.small) : "");
  }
  return absl::StrCat(WriteNumber(seconds, side), "s");
}

}  // namespace rhumb
