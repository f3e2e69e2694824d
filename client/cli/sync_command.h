// SPDX-License-Identifier: Apache-2.0
// rhumb sync: what launchers kept while no daemon was there.
#ifndef RHUMB_CLIENT_CLI_SYNC_COMMAND_H_
#define RHUMB_CLIENT_CLI_SYNC_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command SyncCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_SYNC_COMMAND_H_
