// SPDX-License-Identifier: Apache-2.0
// rhumb calibration: the stored calibrations of the step-time model.
#ifndef RHUMB_CLIENT_CLI_CALIBRATION_COMMAND_H_
#define RHUMB_CLIENT_CLI_CALIBRATION_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command CalibrationListCommand();
Command CalibrationShowCommand();
Command CalibrationApplyCommand();
Command CalibrationRevertCommand();
Command CalibrationDeleteCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CALIBRATION_COMMAND_H_
