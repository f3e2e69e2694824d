// SPDX-License-Identifier: Apache-2.0
// The median of any number of values; block_median.h has those of a few that keep no memory.
#ifndef RHUMB_PLANNER_TRACK_MEDIAN_H_
#define RHUMB_PLANNER_TRACK_MEDIAN_H_

#include <algorithm>
#include <cstddef>
#include <vector>

namespace rhumb {

// There must be one value; of two in the middle their mean.
inline double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_MEDIAN_H_
