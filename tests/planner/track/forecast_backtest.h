// SPDX-License-Identifier: Apache-2.0
// Forecasts of curves whose end is known, made at fractions of the run.
#ifndef RHUMB_TESTS_PLANNER_TRACK_FORECAST_BACKTEST_H_
#define RHUMB_TESTS_PLANNER_TRACK_FORECAST_BACKTEST_H_

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "planner/laws/law.h"
#include "planner/track/curve_posterior.h"
#include "tests/planner/track/recorded_curves.h"

namespace rhumb {

struct BacktestCell {
  double fraction = 0;  // of the run; 0: all together
  int count = 0;
  int covered = 0;
  int below = 0;  // ended below the interval
  double median_half_width_nats = 0;
  double mean_abs_error_nats = 0, median_abs_error_nats = 0;
  double last_value_error_nats = 0;  // mean, of taking the last loss seen
  double prior_error_nats = 0;       // mean, of taking the prior; not a number without one
  double coverage() const { return static_cast<double>(covered) / count; }
};

using PriorOf = std::function<std::optional<FinalLossPrior>(const RecordedCurve&)>;

// 90% intervals at 0.1, 0.2, 0.35, 0.5, 0.7, 0.9 of each run, a cell each, then all together. Runs
// without a sample, or of which nothing can be said, count nowhere. `schedule_known`: the curve's
// is told.
std::vector<BacktestCell> BacktestForecasts(const std::vector<RecordedCurve>& curves,
                                            const PriorOf& prior_of, bool schedule_known);

// Laws by param_count, each fitted to the ends of the runs of all other sizes with E fixed at
// 1.69 nats (2203.15556, another corpus and tokenizer): these runs alone do not show it.
std::map<double, Law> LawsOfOtherSizes(const std::vector<RecordedCurve>& curves);

// 90% interval of one run under the law of the other sizes, as a prior.
PriorOf PriorFromOtherSizes(const std::map<double, Law>& laws);

// Share of recorded losses at the fractions that lie in the 90% band of the trajectory, of a law of
// other sizes shifted to the run's own end: the shape alone is judged.
std::vector<BacktestCell> BacktestTrajectories(const std::vector<RecordedCurve>& curves,
                                               const std::map<double, Law>& laws);

}  // namespace rhumb

#endif  // RHUMB_TESTS_PLANNER_TRACK_FORECAST_BACKTEST_H_
