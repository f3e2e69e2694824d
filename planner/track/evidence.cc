// SPDX-License-Identifier: Apache-2.0
#include "planner/track/evidence.h"

#include <algorithm>
#include <cmath>

namespace rhumb {
namespace {

// Share of observations that exceed a level once something is wrong, which the stakes are best for.
constexpr double kFaultyFraction = 0.6;
// 1 / sum over n >= 2 of 1 / (n (ln n)^2), rounded down.
constexpr double kWeightScale = 0.47;

// Factors of the capital: 1 + stake (x - p0) for x = 1 and 0, by the best stake for
// kFaultyFraction.
struct LogFactors {
  double exceeded, not_exceeded;
};

LogFactors FactorsOf(double p0) {
  return {std::log(kFaultyFraction / p0), std::log((1 - kFaultyFraction) / (1 - p0))};
}

double LogSum(double a, double b) {
  const double larger = std::max(a, b);
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

}  // namespace

bool Evidence::Observe(int exceeded_level_count) {
  ++count_;
  const double n = static_cast<double>(count_) + 1;
  const double log_n = std::log(n);
  const double log_weight = std::log(kWeightScale / kLevelCount) - log_n - 2 * std::log(log_n);
  bool begins = false;
  for (int level = 0; level < kLevelCount; ++level) {
    static const std::array<LogFactors, kLevelCount> factors = {FactorsOf(kHealthyFraction[0]),
                                                                FactorsOf(kHealthyFraction[1]),
                                                                FactorsOf(kHealthyFraction[2])};
    const double factor =
        level < exceeded_level_count ? factors[level].exceeded : factors[level].not_exceeded;
    log_capital_[level] = LogSum(log_capital_[level], log_weight) + factor;
    if (level == 0) {
      begins = growth_ <= 0 && factor > 0;
      growth_ = std::max(0.0, growth_ + factor);
    }
  }
  return begins;
}

double Evidence::LogCapital() const {
  return LogSum(LogSum(log_capital_[0], log_capital_[1]), log_capital_[2]);
}

void Evidence::Restart() {
  log_capital_.fill(-1e300);
  growth_ = 0;
}

}  // namespace rhumb
