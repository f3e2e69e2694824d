// SPDX-License-Identifier: Apache-2.0
// The constants that are shipped, from measured runs: all of them at once, every table weighing the
// same, each held by what is believed of it without runs. Pure and deterministic.
#ifndef RHUMB_PLANNER_CALIBRATE_SHIPPED_FIT_H_
#define RHUMB_PLANNER_CALIBRATE_SHIPPED_FIT_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/calibrate/calibrate.h"
#include "planner/calibrate/shipped_axes.h"

namespace rhumb {

struct ShippedFitOptions {
  // Cost of a constant that lies its spread from where it is believed to be, as mean |ln(predicted
  // / measured)| of one table. Chosen on tables that were left out (docs/accuracy.md).
  double pull = 0.007;
  // Errors much below this one count by their square, those above by their size.
  double error_scale = 0.02;
  int max_iteration_count = 400;
};

struct ShippedFit {
  std::vector<double> values;       // one an axis of ShippedAxes()
  std::vector<int64_t> run_counts;  // that depend on it
  // Of the curvature of what was minimised, the runs' part: near 0, the value is what was believed.
  std::vector<double> data_shares;
  int64_t run_count = 0;
  int64_t table_count = 0;
  double error = 0;  // mean over tables of mean |ln(predicted / measured)|
  int iteration_count = 0;
  bool complete = false;  // false: ended by max_iteration_count
};

// Fits the constants that measured steps choose. Minimises the sum over tables of the mean over
// their runs of sqrt(e^2 + s^2) - s, e = ln(predicted / measured), plus pull / 2 times the sum over
// constants of (ln(value / (centre x parent)) / spread)^2, by damped Gauss-Newton steps within the
// bounds. INVALID_ARGUMENT if no run has a measured step.
absl::StatusOr<ShippedFit> FitShippedConstants(const std::vector<RunGroup>& groups,
                                               const ShippedFitOptions& options);

// `run` under the fitted constants.
RunPrediction PredictRunAt(const std::vector<double>& values, const MeasuredRun& run);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_SHIPPED_FIT_H_
