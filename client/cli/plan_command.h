// SPDX-License-Identifier: Apache-2.0
// rhumb plan: asks for a plan, or sweeps one value of the question.
#ifndef RHUMB_CLIENT_CLI_PLAN_COMMAND_H_
#define RHUMB_CLIENT_CLI_PLAN_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command PlanCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PLAN_COMMAND_H_
