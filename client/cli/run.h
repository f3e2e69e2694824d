// SPDX-License-Identifier: Apache-2.0
// One run of `rhumb`: words in, exit code out. Everything but the process itself.
#ifndef RHUMB_CLIENT_CLI_RUN_H_
#define RHUMB_CLIENT_CLI_RUN_H_

#include <string>
#include <vector>

#include "client/cli/context.h"

namespace rhumb::cli {

// `words` without the program's name. Of `context` everything but `command` must be set.
int Run(const std::vector<std::string>& words, Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_H_
