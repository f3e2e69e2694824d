// SPDX-License-Identifier: Apache-2.0
// rhumb watch: a run while it goes on.
#ifndef RHUMB_CLIENT_CLI_WATCH_COMMAND_H_
#define RHUMB_CLIENT_CLI_WATCH_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command WatchCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_WATCH_COMMAND_H_
