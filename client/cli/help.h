// SPDX-License-Identifier: Apache-2.0
// The help texts, made from the table of commands.
#ifndef RHUMB_CLIENT_CLI_HELP_H_
#define RHUMB_CLIENT_CLI_HELP_H_

#include <string>

#include "absl/strings/string_view.h"
#include "client/cli/command.h"
#include "client/cli/terminal.h"

namespace rhumb::cli {

// What `rhumb --help` shows; with `group` ("law") only the commands that begin with it.
std::string GeneralHelp(absl::string_view group, const Terminal& terminal);

// What `rhumb COMMAND --help` shows.
std::string CommandHelp(const Command& command, const Terminal& terminal);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_HELP_H_
