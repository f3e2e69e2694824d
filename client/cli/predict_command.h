// SPDX-License-Identifier: Apache-2.0
// rhumb predict: the expected loss of a given model on given tokens.
#ifndef RHUMB_CLIENT_CLI_PREDICT_COMMAND_H_
#define RHUMB_CLIENT_CLI_PREDICT_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command PredictCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PREDICT_COMMAND_H_
