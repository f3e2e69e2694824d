// SPDX-License-Identifier: Apache-2.0
// What unseen runs of the same machine will see of a calibration: every run judged with constants
// that it was not fitted on, and the interval of wall time that follows.
#ifndef RHUMB_PLANNER_CALIBRATE_FOLD_ERRORS_H_
#define RHUMB_PLANNER_CALIBRATE_FOLD_ERRORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/calibrate/calibrate.h"
#include "planner/cost/time_constants.h"

namespace rhumb {

struct FoldOptions {
  CalibrationOptions calibration;
  int fold_count = 5;
  int least_run_count = 5;  // of a family with fewer none is left out
  uint64_t seed = 1;
};

// A row with what constants that were fitted on no row of its configuration say.
struct LeftOutRun {
  double log_ratio = 0;  // ln(measured / predicted)
  // Rows of a configuration share its weight, every table of the family weighs the same, and the
  // sum is the count of configurations.
  double weight = 1;
};

struct FoldErrors {
  std::string family;
  // "tables", "models" or "runs": what is left out together, the widest of which there are three.
  // Runs of one table, and of one model, resemble each other more than those of the next plan.
  std::string unit;
  std::vector<LeftOutRun> runs;     // empty: too few configurations
  int64_t configuration_count = 0;  // that they are of
  int64_t table_count = 0;          // that they are of
  bool complete = true;             // false: ended by should_stop

  // Weighted mean |log_ratio|; 0 without runs.
  double MeanAbs() const;
  // The weighted median where at least 95% of the weight is on its side of 0, so that an interval
  // of these runs excludes the prediction; 0 otherwise.
  double OneSidedMedian() const;
};

// For every family of the runs, in alphabetic order. Rows of one configuration are left out
// together and fitted on as their mean, so that no copy of a row vouches for it. Errors: those of
// Calibrate.
absl::StatusOr<std::vector<FoldErrors>> JudgeByFolds(const std::vector<RunGroup>& groups,
                                                     const FoldOptions& options);

// Quantiles of `errors` and of the `shipped` error together, the latter weighing as
// `default_run_count` runs: few left-out runs hardly move it, many replace it. `shipped` itself,
// relabelled, if no run was left out. The prediction itself always lies within
// (log_quantile_05 <= 0 <= log_quantile_95): where runs lie on one side of it, because few of them
// moved the constants part of the way only, the interval reaches from the prediction to their far
// end.
TimeError ErrorOfFolds(const FoldErrors& errors, const TimeError& shipped,
                       double default_run_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_FOLD_ERRORS_H_
