// SPDX-License-Identifier: Apache-2.0
// rhumb run compare: planned against actual in full, and the loss curve.
#ifndef RHUMB_CLIENT_CLI_RUN_COMPARE_COMMAND_H_
#define RHUMB_CLIENT_CLI_RUN_COMPARE_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command RunCompareCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_COMPARE_COMMAND_H_
