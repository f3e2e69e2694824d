// SPDX-License-Identifier: Apache-2.0
// Constants of GPU families from measured runs: a bounded pattern search from given defaults, to
// which few runs stay close. Pure: what becomes of the constants is the caller's business.
#ifndef RHUMB_PLANNER_CALIBRATE_CALIBRATE_H_
#define RHUMB_PLANNER_CALIBRATE_CALIBRATE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/cost/measured_run.h"

namespace rhumb {

// Runs that belong together: every table weighs the same, whatever its length.
struct RunGroup {
  std::string name;
  std::vector<MeasuredRun> runs;
};

struct CalibrationOptions {
  // Where each family starts and what few runs stay close to. Default: TimeConstantsOf.
  std::function<const TimeConstants&(absl::string_view family)> defaults = TimeConstantsOf;
  // How many runs the defaults are worth.
  double default_run_count = 3;
  // How far constants of one machine lie from those of its family, as logarithms: all rates
  // together, and each constant of its own. On tables that the defaults were fitted without, after
  // three of their runs, no pair is better by more than 0.1 points of error (docs/accuracy.md).
  double shared_log_spread = 0.06;
  double own_log_spread = 0.1;
  // Rounds of the search over all constants; a round that moves nothing halves the step.
  int max_round_count = 200;
  // Asked once a round; true ends the search with what it has.
  std::function<bool()> should_stop = nullptr;
};

// The outcome for one family of GPUs.
struct FamilyCalibration {
  TimeConstants constants;  // `fitted`, with a source that says from how many runs
  int64_t run_count = 0;    // with a measured step
  int64_t table_count = 0;
  // Mean over tables of mean |ln(predicted / measured)|, with the defaults and with the constants.
  double default_error = 0;
  double error = 0;
  bool complete = true;  // false: ended by should_stop or max_round_count
};

struct Calibration {
  std::vector<FamilyCalibration> families;  // of the runs, in alphabetic order
};

// Fits what the runs of each family say about it; families without runs are absent. Every run
// counts once: rows of one configuration are for the caller to put together (repeated_runs.h).
// Deterministic.
//
// Minimises mean |ln(predicted / measured)| + penalty, where the penalty is
// default_run_count / run_count * 0.05 * (h(m / shared) + sum over constants of h(d / own)): m is
// the mean of ln(constant / default) over the rates, d what of it is a constant's own, `shared` and
// `own` the spreads. h(z) is z^2 up to two spreads and goes on along its tangent, 4 |z| - 4: ten
// runs that say the same outweigh the defaults however far off they are. A rate that no run
// depends on has no d: it moves by m, as of a machine that is slower as a whole; others stay.
// INVALID_ARGUMENT if no run has a measured step.
absl::StatusOr<Calibration> Calibrate(const std::vector<RunGroup>& groups,
                                      const CalibrationOptions& options);

// Names of the constants that no run of their family in `groups` depends on: neither bound changes
// a prediction.
std::vector<std::string> UnseenConstants(const std::vector<RunGroup>& groups,
                                         const TimeConstants& constants);

// The constants of `family` after `calibration`: those fitted, or the options' defaults.
const TimeConstants& ConstantsOf(const Calibration& calibration, const CalibrationOptions& options,
                                 absl::string_view family);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_CALIBRATE_CALIBRATE_H_
