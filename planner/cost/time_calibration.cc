// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/time_calibration.h"

namespace rhumb {

const CalibratedFamily* FindFamily(const TimeCalibration* calibration, absl::string_view family) {
  if (calibration == nullptr) return nullptr;
  for (const CalibratedFamily& calibrated : calibration->families) {
    if (calibrated.constants.family == family) return &calibrated;
  }
  return nullptr;
}

const TimeConstants& TimeConstantsWith(const TimeCalibration* calibration,
                                       absl::string_view family) {
  const CalibratedFamily* calibrated = FindFamily(calibration, family);
  return calibrated != nullptr ? calibrated->constants : TimeConstantsOf(family);
}

const TimeError& TimeErrorWith(const TimeCalibration* calibration, absl::string_view family) {
  const CalibratedFamily* calibrated = FindFamily(calibration, family);
  return calibrated != nullptr ? calibrated->error : TimeErrorOf(family);
}

}  // namespace rhumb
