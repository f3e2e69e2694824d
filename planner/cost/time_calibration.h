// SPDX-License-Identifier: Apache-2.0
// Constants and errors of the step-time model that stand in the place of the shipped ones, for the
// families of GPUs that somebody calibrated. Fits nothing (planner/calibrate) and stores nothing.
#ifndef RHUMB_PLANNER_COST_TIME_CALIBRATION_H_
#define RHUMB_PLANNER_COST_TIME_CALIBRATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "planner/cost/time_constants.h"

namespace rhumb {

// One family of GPUs.
struct CalibratedFamily {
  TimeConstants constants;
  TimeError error;  // of predictions with `constants`, for intervals of wall time
  int64_t run_count = 0;
  int64_t table_count = 0;
  // Mean |ln(predicted / measured)| on runs that constants were not fitted on; negative: unknown.
  double left_out_error = -1;
};

struct TimeCalibration {
  std::string name;  // "calibrations/..."
  int64_t version = 0;
  std::vector<CalibratedFamily> families;  // each once
};

// What `calibration` says of `family`, or null if it is null or has no runs of the family.
const CalibratedFamily* FindFamily(const TimeCalibration* calibration, absl::string_view family);

// The constants and the error to predict steps of `family` with: those of `calibration`, or the
// shipped ones where FindFamily is null.
const TimeConstants& TimeConstantsWith(const TimeCalibration* calibration,
                                       absl::string_view family);
const TimeError& TimeErrorWith(const TimeCalibration* calibration, absl::string_view family);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_TIME_CALIBRATION_H_
