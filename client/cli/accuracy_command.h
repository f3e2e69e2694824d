// SPDX-License-Identifier: Apache-2.0
// `rhumb accuracy`: how far predictions are from measured runs.
#ifndef RHUMB_CLIENT_CLI_ACCURACY_COMMAND_H_
#define RHUMB_CLIENT_CLI_ACCURACY_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command AccuracyCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_ACCURACY_COMMAND_H_
