// SPDX-License-Identifier: Apache-2.0
// `rhumb check --table`: what the model says of measured runs, a row each.
#ifndef RHUMB_CLIENT_CLI_CHECK_TABLE_H_
#define RHUMB_CLIENT_CLI_CHECK_TABLE_H_

#include "client/cli/command.h"
#include "client/cli/context.h"

namespace rhumb::cli {

// Answers the exit code: 0 whether or not every row fits or can be expressed.
int RunCheckTable(const Invocation& invocation, Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CHECK_TABLE_H_
