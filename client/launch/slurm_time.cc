// SPDX-License-Identifier: Apache-2.0
#include "client/launch/slurm_time.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "planner/units.h"

namespace rhumb::launch {
namespace {

// Digits only; at most nine, so that no sum overflows.
std::optional<double> Digits(absl::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return std::nullopt;
  }
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) return std::nullopt;
  return static_cast<double>(value);
}

}  // namespace

absl::StatusOr<std::optional<double>> ParseSlurmTime(absl::string_view text) {
  const absl::Status wrong = absl::InvalidArgumentError(
      absl::StrCat("\"", text,
                   "\" is no time of Slurm: minutes, minutes:seconds, hours:minutes:seconds, "
                   "days-hours, days-hours:minutes or days-hours:minutes:seconds"));
  if (absl::EqualsIgnoreCase(text, "infinite") || absl::EqualsIgnoreCase(text, "unlimited")) {
    return std::nullopt;
  }
  const size_t dash = text.find('-');
  const bool has_days = dash != absl::string_view::npos;
  double seconds = 0;
  if (has_days) {
    const std::optional<double> days = Digits(text.substr(0, dash));
    if (!days.has_value()) return wrong;
    seconds = *days * kSecondsPerDay;
  }
  const std::vector<std::string> parts =
      absl::StrSplit(has_days ? text.substr(dash + 1) : text, ':');
  if (parts.size() > 3) return wrong;
  std::vector<double> values;
  for (const std::string& part : parts) {
    const std::optional<double> value = Digits(part);
    if (!value.has_value()) return wrong;
    values.push_back(*value);
  }
  // Behind days the parts begin with hours; without, one or two of them begin with minutes.
  const bool from_hours = has_days || values.size() == 3;
  double unit = from_hours ? kSecondsPerHour : kSecondsPerMinute;
  for (const double value : values) {
    seconds += value * unit;
    unit /= 60;
  }
  if (seconds == 0) return std::nullopt;
  return seconds;
}

std::string FormatSlurmTime(double seconds) {
  const auto minutes = static_cast<int64_t>(std::ceil(seconds / kSecondsPerMinute));
  return absl::StrFormat("%d-%02d:%02d:00", minutes / (24 * 60), minutes / 60 % 24, minutes % 60);
}

}  // namespace rhumb::launch
