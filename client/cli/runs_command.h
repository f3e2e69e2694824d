// SPDX-License-Identifier: Apache-2.0
// rhumb run: runs of plans, and how their jobs ended.
#ifndef RHUMB_CLIENT_CLI_RUNS_COMMAND_H_
#define RHUMB_CLIENT_CLI_RUNS_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command RunListCommand();
Command RunShowCommand();
Command RunCreateCommand();
Command RunFinishCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUNS_COMMAND_H_
