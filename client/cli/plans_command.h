// SPDX-License-Identifier: Apache-2.0
// rhumb plans: what is stored of earlier answers.
#ifndef RHUMB_CLIENT_CLI_PLANS_COMMAND_H_
#define RHUMB_CLIENT_CLI_PLANS_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command PlansListCommand();
Command PlansShowCommand();
Command PlansDeleteCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PLANS_COMMAND_H_
