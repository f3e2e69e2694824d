// SPDX-License-Identifier: Apache-2.0
// rhumb law import, law export: a law as a file.
#ifndef RHUMB_CLIENT_CLI_LAW_IMPORT_COMMAND_H_
#define RHUMB_CLIENT_CLI_LAW_IMPORT_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command LawImportCommand();
Command LawExportCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LAW_IMPORT_COMMAND_H_
