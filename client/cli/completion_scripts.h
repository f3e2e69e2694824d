// SPDX-License-Identifier: Apache-2.0
// Completion scripts, made from the table of commands. Names of laws, GPUs, clusters and plans are
// asked of `rhumb` itself when the person presses the key.
#ifndef RHUMB_CLIENT_CLI_COMPLETION_SCRIPTS_H_
#define RHUMB_CLIENT_CLI_COMPLETION_SCRIPTS_H_

#include <string>

namespace rhumb::cli {

std::string BashCompletion();
std::string ZshCompletion();
std::string FishCompletion();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_COMPLETION_SCRIPTS_H_
