// SPDX-License-Identifier: Apache-2.0
// rhumb check: does a given configuration fit, and does it finish?
#ifndef RHUMB_CLIENT_CLI_CHECK_COMMAND_H_
#define RHUMB_CLIENT_CLI_CHECK_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command CheckCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CHECK_COMMAND_H_
