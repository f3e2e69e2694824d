// SPDX-License-Identifier: Apache-2.0
// rhumb ingest: logs of training frameworks as samples of a run.
#ifndef RHUMB_CLIENT_CLI_INGEST_COMMAND_H_
#define RHUMB_CLIENT_CLI_INGEST_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command IngestCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_INGEST_COMMAND_H_
