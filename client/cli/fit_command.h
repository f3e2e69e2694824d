// SPDX-License-Identifier: Apache-2.0
// rhumb fit: a scaling law from a table of measured losses.
#ifndef RHUMB_CLIENT_CLI_FIT_COMMAND_H_
#define RHUMB_CLIENT_CLI_FIT_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command FitCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_FIT_COMMAND_H_
