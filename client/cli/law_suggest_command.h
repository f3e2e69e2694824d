// SPDX-License-Identifier: Apache-2.0
// rhumb law suggest: which small runs to make next, so that a law's answer gets narrower.
#ifndef RHUMB_CLIENT_CLI_LAW_SUGGEST_COMMAND_H_
#define RHUMB_CLIENT_CLI_LAW_SUGGEST_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command LawSuggestCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LAW_SUGGEST_COMMAND_H_
