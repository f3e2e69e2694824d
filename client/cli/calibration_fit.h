// SPDX-License-Identifier: Apache-2.0
// From tables of measured runs to a calibration: which rows can be used, what is fitted to them,
// and what rows that were left out say of it. Everything happens here, without a daemon.
#ifndef RHUMB_CLIENT_CLI_CALIBRATION_FIT_H_
#define RHUMB_CLIENT_CLI_CALIBRATION_FIT_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/judged_runs.h"
#include "rhumb/v1/calibration.pb.h"

namespace rhumb::cli {

// A row that nothing was learnt from, and why.
struct UnusedRow {
  std::string table, row_id, reason;
};

struct CalibrationFit {
  v1::Calibration calibration;  // without a name
  std::vector<UnusedRow> unused;
  // What a reader of the errors and the constants should know, as sentences without a full stop.
  std::vector<std::string> remarks;
  // Families whose search used up its rounds: another run of it might find better constants.
  std::vector<std::string> unfinished;
};

// Told how far the fit is; false ends it, and FitCalibration answers CANCELLED.
using FitWatch = std::function<bool(double fraction, absl::string_view stage)>;

// Fits the constants of every family that has enough usable runs, from the shipped ones. A family
// of one run is left out, its row unused; rows of one configuration count as one run.
// INVALID_ARGUMENT if no family is left, with the reasons of its rows, or if rows contradict each
// other or the model (planner/calibrate/repeated_runs.h, usable_runs.h).
absl::StatusOr<CalibrationFit> FitCalibration(const RunTables& tables, const FitWatch& watch);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CALIBRATION_FIT_H_
