// SPDX-License-Identifier: Apache-2.0
// rhumb version: of both sides, with a warning if they differ.
#ifndef RHUMB_CLIENT_CLI_VERSION_COMMAND_H_
#define RHUMB_CLIENT_CLI_VERSION_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command VersionCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_VERSION_COMMAND_H_
