// SPDX-License-Identifier: Apache-2.0
// Mistakes of data that can be seen before any fit: units, duplicates, unfinished schedules. What
// is impossible rather than odd is refused by rows.h.
#ifndef RHUMB_PLANNER_FIT_OBSERVATION_WARNINGS_H_
#define RHUMB_PLANNER_FIT_OBSERVATION_WARNINGS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "planner/fit/observation.h"

namespace rhumb {

// Code and text, which says what was seen and what to do:
//   PARAM_COUNT_UNIT_DOUBTFUL, TOKEN_COUNT_UNIT_DOUBTFUL
//                            no count is as large as any language model's or its data, or the
//                            counts fall into two groups 300 times apart
//   TOKENS_PER_PARAM_DOUBTFUL
//                            D/N below 1/10 or above a million in the median: one of the two is
//                            in another unit
//   FLOPS_LOOK_LIKE_PF_DAYS  training_flops near 6ND / 8.64e19, in any row
//   FLOPS_UNITS_MIXED        rows whose training_flops / 6ND is 100 times from the median
//   FLOPS_DIFFER_FROM_6ND    training_flops more than a factor 3 from 6ND in the median
//   ROWS_LOOK_LIKE_CHECKPOINTS
//                            sizes with many lengths each, and no row names its run
//   DUPLICATE_ROWS           rows equal in N, D, unique tokens and loss
//   LOSS_UNIT_DOUBTFUL       losses that are worse than guessing, in the median worse than counting
//                            words, far too steep, or below 0.1 nats
// Nothing is said of bits per byte, which look like the losses of a better model.
std::vector<std::pair<std::string, std::string>> ObservationWarnings(
    absl::Span<const Observation> observations);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_OBSERVATION_WARNINGS_H_
