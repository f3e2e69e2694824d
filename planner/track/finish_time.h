// SPDX-License-Identifier: Apache-2.0
// When a run will be done, from the times of its samples.
#ifndef RHUMB_PLANNER_TRACK_FINISH_TIME_H_
#define RHUMB_PLANNER_TRACK_FINISH_TIME_H_

#include <vector>

#include "planner/track/forecast.h"
#include "planner/track/run_sample.h"

namespace rhumb {

// `samples` of all attempts, in any order. Pace: the median of the newest seconds a token (pace.h),
// of `newest` where there are any (which are in order), times what the mean lay above the median
// so far, without stalls, in the latest attempt if that shows ten times between samples: pauses
// that every run makes. With too few of them the mean. What came on top so far (stalls in an
// attempt, time between attempts, tokens done anew) comes again as often by time, each as long as
// those seen. What was told before `pace.since_seconds` counts for nothing. `level` in (0, 1).
FinishForecast ForecastFinish(const std::vector<RunSample>& samples, double tokens_left,
                              double level, const std::vector<RunSample>& newest = {},
                              const PaceInForce& pace = {});

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_FINISH_TIME_H_
