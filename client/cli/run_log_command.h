// SPDX-License-Identifier: Apache-2.0
// rhumb run log: the samples of a run.
#ifndef RHUMB_CLIENT_CLI_RUN_LOG_COMMAND_H_
#define RHUMB_CLIENT_CLI_RUN_LOG_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command RunLogCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_LOG_COMMAND_H_
