// SPDX-License-Identifier: Apache-2.0
// How fast a run is now: what is left of it is foretold, and planned anew, by its newest samples.
#ifndef RHUMB_PLANNER_TRACK_PACE_H_
#define RHUMB_PLANNER_TRACK_PACE_H_

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "planner/track/median.h"

namespace rhumb {

// Of so many of the newest samples the median is taken, and no fewer say anything.
inline constexpr size_t kMostPaceSamples = 50;
inline constexpr size_t kFewestPaceSamples = 5;

// Median of the newest of `values`, which are last; nullopt of fewer than kFewestPaceSamples.
inline std::optional<double> RecentMedian(const std::vector<double>& values) {
  if (values.size() < kFewestPaceSamples) return std::nullopt;
  const size_t count = std::min(values.size(), kMostPaceSamples);
  return Median({values.end() - static_cast<std::ptrdiff_t>(count), values.end()});
}

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_PACE_H_
