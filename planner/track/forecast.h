// SPDX-License-Identifier: Apache-2.0
// Where a run is going, from its samples so far: the loss it will end at and when, each with an
// interval. Not whether it has left its plan (drift.h), and nothing of what the plan says but a
// prior of the loss.
#ifndef RHUMB_PLANNER_TRACK_FORECAST_H_
#define RHUMB_PLANNER_TRACK_FORECAST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/track/curve_posterior.h"
#include "planner/track/learning_rate_schedule.h"
#include "planner/track/run_sample.h"

namespace rhumb {

// Median and two-sided interval.
struct ForecastRange {
  double expected = 0;
  double low = 0;
  double high = 0;
};

// What the report of the finished run will show as its loss: the median of its last five samples.
struct FinalLossForecast {
  std::optional<ForecastRange> loss_nats;
  std::string source;  // what it rests on; without a forecast, why there is none
  int64_t used_count = 0, spike_count = 0;  // samples used, and left out as spikes
};

// All from the last sample on. Pauses and restarts go on as they came so far: none seen, none
// expected.
struct FinishForecast {
  std::optional<ForecastRange> seconds_left;
  std::optional<ForecastRange> finish_seconds;  // instant, since 1970
  // What GPU-hours so far are multiplied by to have those at the end; time between attempts counts
  // for neither.
  std::optional<ForecastRange> gpu_hours_factor;
  std::string source;  // as above
};

struct Forecast {
  double level = 0;
  int64_t token_count = 0;  // of the model of today
  double tokens_left = 0;
  FinalLossForecast final_loss;
  FinishForecast finish;
};

// Since when the run goes as it goes now.
struct PaceInForce {
  // What was told before is of another plan, on other GPUs.
  double since_seconds = 0;
  // What that plan says, overheads included, for as long as too little was told since. A standard
  // deviation of its ln.
  std::optional<double> planned_seconds_per_token;
  double planned_log_std = 0;
};

struct ForecastQuestion {
  std::vector<RunSample> samples;  // in any order; later attempts supersede
  // Where `samples` are means of several: the newest one by one, of one attempt, in order.
  std::vector<RunSample> newest;
  PaceInForce pace;
  double total_token_count = 0;   // of the whole run
  LearningRateSchedule schedule;  // kUnknown: told from the samples' learning rates, or open
  std::optional<FinalLossPrior> prior;
  double level = 0.9;  // of the intervals, in (0, 1)
};

// InvalidArgument naming the field: total_token_count not positive, a schedule that
// ValidateSchedule refuses, a prior that is not positive and finite, level outside (0, 1). Too
// little to say something is no error: what cannot be said is absent, with the reason. 5 ms for
// 2,000 samples.
absl::StatusOr<Forecast> MakeForecast(const ForecastQuestion& question);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_FORECAST_H_
