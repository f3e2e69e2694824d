// SPDX-License-Identifier: Apache-2.0
#ifndef RHUMB_CLIENT_CLI_DOCTOR_COMMAND_H_
#define RHUMB_CLIENT_CLI_DOCTOR_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

// `rhumb doctor`.
Command DoctorCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_DOCTOR_COMMAND_H_
