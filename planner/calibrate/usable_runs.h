// SPDX-License-Identifier: Apache-2.0
// Which measured runs constants can be learnt from. Changes no run and drops none in silence.
#ifndef RHUMB_PLANNER_CALIBRATE_USABLE_RUNS_H_
#define RHUMB_PLANNER_CALIBRATE_USABLE_RUNS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "planner/calibrate/calibrate.h"
#include "planner/cost/measured_run.h"

namespace rhumb {

// Fewest runs of a family that constants are fitted on: one cannot tell a slow machine from an odd
// row.
inline constexpr int kLeastCalibrationRuns = 2;

// A measured step this many times the predicted one, or the inverse, is not a slow machine but a
// wrong unit or column.
inline constexpr double kMostStepRatio = 10;

// Mean |ln(predicted / measured)| that constants may leave on the runs they were fitted on. The
// worst of the tables in docs/accuracy.md leaves a third of it without any calibration.
inline constexpr double kMostCalibratedError = 0.4;

// Median ln(predicted / measured) that may be left when every constant is at the bound that makes
// steps short. Beyond it lies more than the error of the model (docs/accuracy.md).
inline constexpr double kMostBeyondBounds = 0.1;

// Why nothing can be learnt from `run`, as "ran out of memory: no step was measured"; empty if
// something can. `predicted_step_seconds` is what the shipped constants say of it.
std::string WhyUnusable(const MeasuredRun& run, double predicted_step_seconds);

// INVALID_ARGUMENT if the runs of `family` in `groups` are faster than its bounds allow
// (kMostBeyondBounds); naming the worst rows, if it leaves more than kMostCalibratedError on them.
absl::Status CheckFits(const FamilyCalibration& family, const std::vector<RunGroup>& groups);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_USABLE_RUNS_H_
