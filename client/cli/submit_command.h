// SPDX-License-Identifier: Apache-2.0
// rhumb submit: a job script to sbatch, sized by a plan.
#ifndef RHUMB_CLIENT_CLI_SUBMIT_COMMAND_H_
#define RHUMB_CLIENT_CLI_SUBMIT_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command SubmitCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_SUBMIT_COMMAND_H_
