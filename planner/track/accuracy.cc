// SPDX-License-Identifier: Apache-2.0
#include "planner/track/accuracy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr std::array<absl::string_view, 8> kQuantities = {
    "step_seconds", "wall_seconds", "loss_nats", "peak_memory_bytes",
    "gpu_hours",    "total_usd",    "mfu",       "tokens_per_second"};
constexpr std::array<std::pair<AccuracyKey, absl::string_view>, 5> kKeyNames = {
    {{AccuracyKey::kAll, "all"},
     {AccuracyKey::kGpuType, "gpu_type"},
     {AccuracyKey::kLayout, "layout"},
     {AccuracyKey::kFramework, "framework"},
     {AccuracyKey::kCluster, "cluster"}}};
// Of the central 68%, as of one standard deviation to either side.
constexpr double kLowProbability = 0.16, kHighProbability = 0.84;
constexpr size_t kFewestForSpread = 3;
constexpr double kNormalQuantile975 = 1.959963984540054;  // to both sides: 95%

absl::Status Refuse(const PlannedActual& row, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("run \"", row.run, "\": ", what));
}

// The place of the quantity in kQuantities.
absl::StatusOr<size_t> QuantityIndex(const PlannedActual& row) {
  const auto found = std::find(kQuantities.begin(), kQuantities.end(), row.quantity);
  if (found == kQuantities.end()) {
    return Refuse(row, absl::StrCat("unknown quantity \"", row.quantity,
                                    "\"; known: ", absl::StrJoin(kQuantities, ", ")));
  }
  return static_cast<size_t>(found - kQuantities.begin());
}

absl::Status CheckPositive(const PlannedActual& row, const char* field, double value) {
  if (value > 0 && std::isfinite(value)) return absl::OkStatus();
  return Refuse(
      row, absl::StrCat(field, " ", row.quantity, " must be positive and finite, got ", value));
}

absl::Status CheckInterval(const PlannedActual& row) {
  if (!row.interval.has_value()) return absl::OkStatus();
  const PlannedInterval& interval = *row.interval;
  if (!(interval.level > 0 && interval.level < 1)) {
    return Refuse(row, absl::StrCat("level of the planned ", row.quantity,
                                    " must be inside (0, 1), got ", interval.level));
  }
  if (!std::isfinite(interval.low) || !std::isfinite(interval.high) ||
      interval.low > interval.high) {
    return Refuse(row, absl::StrCat("interval of the planned ", row.quantity,
                                    " must be finite with low <= high, got [", interval.low, ", ",
                                    interval.high, "]"));
  }
  return absl::OkStatus();
}

const std::string& KeyOf(const PlannedActual& row, AccuracyKey key) {
  static const std::string empty;
  switch (key) {
    case AccuracyKey::kAll:
      return empty;
    case AccuracyKey::kGpuType:
      return row.gpu_type;
    case AccuracyKey::kLayout:
      return row.layout;
    case AccuracyKey::kFramework:
      return row.framework;
    case AccuracyKey::kCluster:
      return row.cluster;
  }
  return empty;
}

// Linear between the order statistics at p (n - 1). `sorted` is rising and not empty.
double Quantile(const std::vector<double>& sorted, double probability) {
  const double place = probability * static_cast<double>(sorted.size() - 1);
  const size_t below = static_cast<size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  const double share = place - static_cast<double>(below);
  return sorted[below] + share * (sorted[below + 1] - sorted[below]);
}

std::vector<IntervalCoverage> CoveragesOf(const std::vector<const PlannedActual*>& rows) {
  std::map<double, IntervalCoverage> by_level;
  for (const PlannedActual* row : rows) {
    if (!row->interval.has_value()) continue;
    IntervalCoverage& coverage = by_level[row->interval->level];
    ++coverage.run_count;
    if (row->interval->low <= row->actual && row->actual <= row->interval->high) {
      ++coverage.inside_count;
    }
  }
  std::vector<IntervalCoverage> all;
  for (auto& [level, coverage] : by_level) {
    coverage.level = level;
    coverage.fraction =
        static_cast<double>(coverage.inside_count) / static_cast<double>(coverage.run_count);
    const ShareInterval share = WilsonInterval(coverage.inside_count, coverage.run_count);
    coverage.fraction_low = share.low;
    coverage.fraction_high = share.high;
    all.push_back(coverage);
  }
  return all;
}

AccuracyGroup GroupOf(const std::vector<const PlannedActual*>& rows) {
  std::vector<double> log_ratios, errors;
  for (const PlannedActual* row : rows) {
    log_ratios.push_back(std::log(row->actual) - std::log(row->planned));
    errors.push_back(std::abs(row->planned / row->actual - 1));
  }
  std::sort(log_ratios.begin(), log_ratios.end());
  std::sort(errors.begin(), errors.end());
  AccuracyGroup group;
  group.run_count = static_cast<int64_t>(rows.size());
  group.few_runs = group.run_count < kFewRuns;
  group.median_ratio = std::exp(Quantile(log_ratios, 0.5));
  group.median_abs_error = Quantile(errors, 0.5);
  if (rows.size() >= kFewestForSpread) {
    group.low_ratio = std::exp(Quantile(log_ratios, kLowProbability));
    group.high_ratio = std::exp(Quantile(log_ratios, kHighProbability));
  }
  group.coverages = CoveragesOf(rows);
  return group;
}

}  // namespace

absl::string_view NameOf(AccuracyKey key) {
  for (const auto& [known, name] : kKeyNames) {
    if (known == key) return name;
  }
  return "";
}

std::optional<AccuracyKey> FindAccuracyKey(absl::string_view name) {
  for (const auto& [key, known] : kKeyNames) {
    if (known == name) return key;
  }
  return std::nullopt;
}

ShareInterval WilsonInterval(int64_t inside_count, int64_t run_count) {
  const double z = kNormalQuantile975;
  const double n = static_cast<double>(run_count);
  const double share = static_cast<double>(inside_count) / n;
  const double middle = (share + z * z / (2 * n)) / (1 + z * z / n);
  const double half =
      z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
  // At the ends the formula gives 0 and 1, but for rounding.
  return {inside_count == 0 ? 0 : middle - half, inside_count == run_count ? 1 : middle + half};
}

absl::StatusOr<std::vector<AccuracyGroup>> SummarizeAccuracy(const std::vector<PlannedActual>& rows,
                                                             AccuracyKey key) {
  // By quantity, then unknown keys behind the known ones.
  std::map<std::tuple<size_t, bool, std::string>, std::vector<const PlannedActual*>> groups;
  std::set<std::pair<std::string, size_t>> seen;
  for (const PlannedActual& row : rows) {
    RHUMB_ASSIGN_OR_RETURN(const size_t quantity, QuantityIndex(row));
    RHUMB_RETURN_IF_ERROR(CheckPositive(row, "planned", row.planned));
    RHUMB_RETURN_IF_ERROR(CheckPositive(row, "actual", row.actual));
    RHUMB_RETURN_IF_ERROR(CheckInterval(row));
    if (!seen.insert({row.run, quantity}).second) {
      return Refuse(row, absl::StrCat("has ", row.quantity, " twice; a run counts once"));
    }
    const std::string& value = KeyOf(row, key);
    groups[{quantity, value.empty(), value}].push_back(&row);
  }
  std::vector<AccuracyGroup> all;
  for (const auto& [place, members] : groups) {
    AccuracyGroup group = GroupOf(members);
    group.key = std::get<2>(place);
    group.quantity = std::string(kQuantities[std::get<0>(place)]);
    all.push_back(std::move(group));
  }
  return all;
}

}  // namespace rhumb
