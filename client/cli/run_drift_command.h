// SPDX-License-Identifier: Apache-2.0
// rhumb run drift: what the sequential tests noticed.
#ifndef RHUMB_CLIENT_CLI_RUN_DRIFT_COMMAND_H_
#define RHUMB_CLIENT_CLI_RUN_DRIFT_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command RunDriftCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_DRIFT_COMMAND_H_
