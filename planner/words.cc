// SPDX-License-Identifier: Apache-2.0
#include "planner/words.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rhumb {
namespace {

std::string TwoUnits(int64_t large, const char* large_unit, int64_t small, const char* small_unit) {
  const std::string text = absl::StrCat(large, " ", large_unit);
  return small == 0 ? text : absl::StrCat(text, " ", small, " ", small_unit);
}

}  // namespace

std::string DurationWords(double seconds) {
  if (seconds < 59.5) return absl::StrFormat("%.0f s", std::max(0.0, seconds));
  if (const int64_t whole = std::llround(seconds); whole < 3600) {
    return TwoUnits(whole / 60, "min", whole % 60, "s");
  }
  if (const int64_t minutes = std::llround(seconds / 60); minutes < 24 * 60) {
    return TwoUnits(minutes / 60, "h", minutes % 60, "min");
  }
  const int64_t hours = std::llround(seconds / 3600);
  return TwoUnits(hours / 24, "d", hours % 24, "h");
}

std::string PercentWords(double fraction) {
  const double percent = 100 * fraction;
  return percent >= 9.95 ? absl::StrFormat("%.0f%%", percent) : absl::StrFormat("%.2g%%", percent);
}

std::string CountWords(int64_t count, const std::string& noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string SlurmTimeWords(double seconds) {
  const int64_t minutes = std::max<int64_t>(1, std::llround(std::ceil(seconds / 60 - 1e-9)));
  const std::string days =
      minutes >= 24 * 60 ? absl::StrCat(minutes / (24 * 60), "-") : std::string();
  return days + absl::StrFormat("%02d:%02d:00", minutes / 60 % 24, minutes % 60);
}

}  // namespace rhumb
