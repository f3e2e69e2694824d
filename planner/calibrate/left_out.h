// SPDX-License-Identifier: Apache-2.0
// What unseen runs will see of a calibration: constants fitted on some tables, or on some rows,
// judged on the others.
#ifndef RHUMB_PLANNER_CALIBRATE_LEFT_OUT_H_
#define RHUMB_PLANNER_CALIBRATE_LEFT_OUT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/calibrate/accuracy.h"
#include "planner/calibrate/calibrate.h"
#include "planner/calibrate/shipped_fit.h"

namespace rhumb {

struct LeftOutOptions {
  CalibrationOptions calibration;  // JudgeAfterFewRuns
  ShippedFitOptions shipped_fit;   // JudgeOnLeftOutTables
  int split_count = 10;
  double held_out_fraction = 1.0 / 3;  // of the tables
  uint64_t seed = 1;
  // Rows of a table that take part in a fit, evenly spread; all are judged. 0: all.
  int max_fitted_rows = 0;
};

// With which the shipped errors and the strength of the pull were found: at most 100 rows of a
// table take part in a fit, which changes the outcome little and takes a third of the time.
LeftOutOptions ShippedLeftOutOptions();

// At most `max_rows` of its runs, evenly spread; 0: all.
RunGroup Thinned(const RunGroup& group, int max_rows);

// Errors of rows of tables that their constants were not fitted on.
struct LeftOutErrors {
  double mean_abs = 0;  // mean over splits of the mean over held-out tables of mean |error|
  std::vector<double> by_split;
  // Every judged row with the table it is of: once a split that holds it out.
  std::vector<TableAccuracy> tables;
};

// Fits all that the shipped constants are fitted with on random tables and judges on the others, as
// often as there are splits; groups without measured steps do not count. INVALID_ARGUMENT with
// fewer than three tables.
absl::StatusOr<LeftOutErrors> JudgeOnLeftOutTables(const std::vector<RunGroup>& groups,
                                                   const LeftOutOptions& options);

// Leaves out one table after the other, fits all that the shipped constants are fitted with on the
// rest and judges on the table; of families that only one table has runs of, one model (shape)
// after the other instead. Rows come once, `by_split` is of the tables.
absl::StatusOr<LeftOutErrors> JudgeOnEachLeftOutTable(const std::vector<RunGroup>& groups,
                                                      const LeftOutOptions& options);

// The spread of `errors` for intervals, by family in alphabetic order: quantiles in which every
// table weighs the same; the 90% interval is the wider of that one and of the one in which every
// run weighs the same, so that neither many small tables nor one long one rule it.
struct FamilyError {
  std::string family;
  TimeError error;
};
std::vector<FamilyError> TimeErrorsOf(const LeftOutErrors& errors);

// Calibrates on `run_count` random runs of each group and judges on its other runs, as often as
// there are splits. Groups with fewer than `least_rows` measured steps do not count.
absl::StatusOr<LeftOutErrors> JudgeAfterFewRuns(const std::vector<RunGroup>& groups, int run_count,
                                                int least_rows, const LeftOutOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_LEFT_OUT_H_
