// SPDX-License-Identifier: Apache-2.0
// Calibrations of the step-time model as API messages and back; the names and bounds of constants.
#ifndef RHUMB_CONVERT_CALIBRATION_MESSAGE_H_
#define RHUMB_CONVERT_CALIBRATION_MESSAGE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "planner/calibrate/calibrate.h"
#include "planner/cost/time_calibration.h"
#include "planner/cost/time_constants.h"
#include "rhumb/v1/calibration.pb.h"

namespace rhumb::convert {

// A constant as messages name it.
struct NamedConstant {
  const char* name;
  double TimeConstants::*member;
  double least, most;  // allowed values
  const char* unit;
};

// The constants that a family has, in the order messages list them: those that a fit may move
// (planner/calibrate/constant_space.h) within its bounds, then those that only hold for a board.
std::vector<NamedConstant> NamedConstantsOf(absl::string_view family);

// Gives `family` every constant of NamedConstantsOf, in that order, with unit and default; missing
// ones at the default. Names that the family does not have are dropped.
void CompleteConstants(v1::CalibratedFamily& family);

// Names and bounds are taken as valid; a family without `error` has the one that holds without a
// calibration.
TimeCalibration FromProto(const v1::Calibration& calibration);

v1::StepTimeError ToProto(const TimeError& error);

// Constants, counts and errors of a fit; no left-out error.
v1::CalibratedFamily ToProto(const FamilyCalibration& family);

}  // namespace rhumb::convert

#endif  // RHUMB_CONVERT_CALIBRATION_MESSAGE_H_
