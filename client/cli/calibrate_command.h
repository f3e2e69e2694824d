// SPDX-License-Identifier: Apache-2.0
// rhumb calibrate: constants of the step-time model from measured runs.
#ifndef RHUMB_CLIENT_CLI_CALIBRATE_COMMAND_H_
#define RHUMB_CLIENT_CLI_CALIBRATE_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command CalibrateCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CALIBRATE_COMMAND_H_
