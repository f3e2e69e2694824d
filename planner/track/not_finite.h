// SPDX-License-Identifier: Apache-2.0
// When a loss that is no number is more than a step that is skipped: the run has diverged, and what
// it measured before says nothing of where it is.
#ifndef RHUMB_PLANNER_TRACK_NOT_FINITE_H_
#define RHUMB_PLANNER_TRACK_NOT_FINITE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "planner/track/run_sample.h"

namespace rhumb {

// Overflows happen to healthy runs now and then, and their step is skipped; not as many in a row.
inline constexpr int kFewestNotFinite = 3;

// Why there is no loss at the end of `samples`, which are in order: the newest that tell of one
// have none that is finite. Nullopt if there is one, or none was told.
inline std::optional<std::string> WhyNoLossAtEnd(const std::vector<RunSample>& samples) {
  int count = 0;
  for (size_t i = samples.size(); i-- > 0 && !samples[i].loss_nats.has_value();) {
    count += samples[i].loss_not_finite ? 1 : 0;
  }
  if (count < kFewestNotFinite) return std::nullopt;
  return absl::StrCat("the loss of the newest ", count, " samples is NaN or infinite");
}

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_NOT_FINITE_H_
