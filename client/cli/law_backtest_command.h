// SPDX-License-Identifier: Apache-2.0
// rhumb law backtest: how well a law predicts runs that were measured.
#ifndef RHUMB_CLIENT_CLI_LAW_BACKTEST_COMMAND_H_
#define RHUMB_CLIENT_CLI_LAW_BACKTEST_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command LawBacktestCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LAW_BACKTEST_COMMAND_H_
