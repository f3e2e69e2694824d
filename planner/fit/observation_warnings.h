// SPDX-License-Identifier: Apache-2.0
// Mistakes of data that can be seen before any fit: units, duplicates, unfinished schedules.
#ifndef RHUMB_PLANNER_FIT_OBSERVATION_WARNINGS_H_
#define RHUMB_PLANNER_FIT_OBSERVATION_WARNINGS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "planner/fit/observation.h"

namespace rhumb {

// Code and text:
//   FLOPS_LOOK_LIKE_PF_DAYS  training_flops near 6ND / 8.64e19
//   FLOPS_DIFFER_FROM_6ND    training_flops more than a factor 3 from 6ND in the median
//   DUPLICATE_ROWS           rows equal in N, D, unique tokens and loss
//   LOSS_UNIT_DOUBTFUL       losses above 20 (perplexity?) or below 0.1 nats
std::vector<std::pair<std::string, std::string>> ObservationWarnings(
    absl::Span<const Observation> observations);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_OBSERVATION_WARNINGS_H_
