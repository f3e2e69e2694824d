// SPDX-License-Identifier: Apache-2.0
// How well a law predicts runs larger than those it was fitted to, with the coverage of its
// prediction intervals. Each run counts once, at its last row.
#ifndef RHUMB_PLANNER_FIT_BACKTEST_H_
#define RHUMB_PLANNER_FIT_BACKTEST_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/prediction.h"
#include "planner/fit/rollout.h"
#include "planner/fit/rows.h"

namespace rhumb {

struct BacktestOptions {
  RollOutAxis axis = RollOutAxis::kCompute;
  double level = 0.9;
  int max_splits = 3;
  PredictorOptions predictor = {.draw_count = 400, .rollout_draw_count = 40};
};

// One split: trains a predictor on `train` alone and judges it on the last row of each run of
// `test`. Errors are those of the fit on `train`.
absl::StatusOr<BacktestSplit> BacktestOn(const FormSpec& law, const std::vector<FormSpec>& rivals,
                                         const Rows& train, const Rows& test,
                                         const BacktestOptions& options);

// Rolls out over up to `max_splits` origins. No splits where there are too few runs. Cancelled by
// options.predictor.progress, or by minimize.should_stop of the options of any spec.
absl::StatusOr<Backtest> RollOutBacktest(const FormSpec& law, const std::vector<FormSpec>& rivals,
                                         const Rows& rows, const BacktestOptions& options);

// The totals of splits: every prediction one vote.
Backtest Summarize(std::string family, std::vector<BacktestSplit> splits, double level);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_BACKTEST_H_
