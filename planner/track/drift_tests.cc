// SPDX-License-Identifier: Apache-2.0
#include "planner/track/drift_tests.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace rhumb {
namespace {

using Levels = std::array<double, Evidence::kLevelCount>;

constexpr Levels kDeviations = {3, 5, 7};
constexpr Levels kLossFloors = {0.005, 0.015, 0.04};
constexpr Levels kLogSecondsFloors = {0.03, 0.08, 0.25};
constexpr Levels kMemoryFloors = {0.0005, 0.002, 0.01};
// Before so many blocks are known nothing is called unusual.
constexpr size_t kFewestNormal = 3, kFewestResiduals = 6, kFewestBaseline = 8;
constexpr int kMemoryWarmUpBlocks = 3;
constexpr double kBendFactor = 1.5;

int ExceededLevels(double excess, double deviation, const Levels& floors, double unit) {
  int count = 0;
  for (int i = 0; i < Evidence::kLevelCount; ++i) {
    if (excess > std::max(kDeviations[i] * deviation, floors[i] * unit)) count = i + 1;
  }
  return count;
}

}  // namespace

void DriftTest::Count(const Block& newest, int exceeded_level_count) {
  block = newest;
  // While an alarm lasts there is nothing to find, only an end to wait for.
  if (!alarmed && evidence.Observe(exceeded_level_count)) since = newest.first;
  healthy_blocks = exceeded_level_count == 0 ? healthy_blocks + 1 : 0;
}

bool LossTest::Add(double loss_nats, const RunPlace& place, bool is_mean) {
  const std::optional<Block> made = blocks_.Add(loss_nats, place, is_mean);
  if (!made.has_value()) return false;
  const bool known = normal_.count() >= kFewestNormal && residuals_.count() >= kFewestResiduals;
  int exceeded = 0;
  if (known) {
    const double normal = normal_.Median();
    excess = made->median - normal;
    const double deviation =
        std::min(residuals_.RobustDeviation(), kBendFactor * kNormalByMedian * bends_.Median());
    exceeded = ExceededLevels(excess, deviation, kLossFloors, normal);
    Count(*made, exceeded);
  }
  // Blocks a little too high count as normal: without them the scatter of a loss that wanders, as
  // autocorrelated noise and shifts of the data do, would be cut off where it matters.
  if (exceeded <= 1) {
    // Of an alarm that lasts, what cannot be judged is not normal, where that is known.
    const bool is_normal = known || !alarmed || normal_.count() < kFewestNormal;
    if (normal_.count() >= kFewestNormal && !made->of_means) {
      residuals_.Add(made->median - normal_.Median());
      bends_.Add(std::abs(made->median - 2 * normal_.Back(0) + normal_.Back(1)));
    }
    if (is_normal) normal_.Add(made->median);
  }
  return known;
}

void LossTest::Resume() {
  blocks_.Clear();
  normal_.Clear();
}

bool ThroughputTest::Add(double step_seconds, const RunPlace& place, bool is_mean) {
  const std::optional<Block> made = blocks_.Add(std::log(step_seconds), place, is_mean);
  if (!made.has_value()) return false;
  const bool known = baseline_.count() >= kFewestBaseline && scatter_.count() >= kFewestBaseline;
  int exceeded = 0;
  if (known) {
    excess = made->median - baseline_.Median();
    exceeded = ExceededLevels(excess, scatter_.RobustDeviation(), kLogSecondsFloors, 1);
    Count(*made, exceeded);
  }
  const bool is_normal =
      exceeded == 0 && (known || !alarmed || baseline_.count() < kFewestBaseline);
  if (is_normal && !baseline_.full()) baseline_.Add(made->median);
  if (exceeded == 0 && !scatter_.full() && !made->of_means) scatter_.Add(made->median);
  return known;
}

double ThroughputTest::baseline_seconds() const { return std::exp(baseline_.Median()); }

double ThroughputTest::baseline_log_error() const {
  // Of a median of n values: sqrt(pi / 2) times that of their mean.
  return 1.2533 * baseline_.RobustDeviation() / std::sqrt(static_cast<double>(baseline_.count()));
}

bool MemoryTest::Add(double peak_bytes, const RunPlace& place,
                     const std::optional<double>& capacity_bytes) {
  const std::optional<Block> made = blocks_.Add(peak_bytes, place);
  if (!made.has_value()) return false;
  if (warm_up_ < kMemoryWarmUpBlocks) {
    ++warm_up_;
    highest_ = std::max(highest_, made->median);
    return false;
  }
  excess = made->median - highest_;
  const RunPlace before = since;
  Count(*made, ExceededLevels(excess, 0, kMemoryFloors, capacity_bytes.value_or(highest_)));
  if (since.step != before.step || bytes_at_since_ == 0) bytes_at_since_ = highest_;
  highest_ = std::max(highest_, made->median);
  return true;
}

void MemoryTest::Resume() {
  blocks_.Clear();
  warm_up_ = 0;
  highest_ = 0;
}

std::optional<double> MemoryTest::BytesPerToken() const {
  const double tokens = static_cast<double>(block.last.token_count - since.token_count);
  const double bytes = block.median - bytes_at_since_;
  if (!(tokens > 0) || !(bytes > 0)) return std::nullopt;
  return bytes / tokens;
}

}  // namespace rhumb
