// SPDX-License-Identifier: Apache-2.0
// Flags for what is trained and on what, of the commands that create runs.
#ifndef RHUMB_CLIENT_CLI_RUN_SETTINGS_FLAGS_H_
#define RHUMB_CLIENT_CLI_RUN_SETTINGS_FLAGS_H_

#include <vector>

#include "client/cli/command.h"

namespace rhumb::cli {

// The fields of Run.settings, in a CreateRunRequest.
std::vector<Flag> RunSettingsFlags();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_SETTINGS_FLAGS_H_
