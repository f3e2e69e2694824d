// SPDX-License-Identifier: Apache-2.0
// rhumb law list, show, delete: the scaling laws the daemon knows.
#ifndef RHUMB_CLIENT_CLI_LAW_COMMAND_H_
#define RHUMB_CLIENT_CLI_LAW_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command LawListCommand();
Command LawShowCommand();
Command LawDeleteCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LAW_COMMAND_H_
