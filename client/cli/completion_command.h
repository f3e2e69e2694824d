// SPDX-License-Identifier: Apache-2.0
// rhumb completion: scripts for bash, zsh and fish, made from the table of commands.
#ifndef RHUMB_CLIENT_CLI_COMPLETION_COMMAND_H_
#define RHUMB_CLIENT_CLI_COMPLETION_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command CompletionCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_COMPLETION_COMMAND_H_
