// SPDX-License-Identifier: Apache-2.0
// `rhumb cluster nodes|sync|reserve|release|reservations`: what nodes do now, and who was promised
// what of them.
#ifndef RHUMB_CLIENT_CLI_NODES_COMMAND_H_
#define RHUMB_CLIENT_CLI_NODES_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command ClusterNodesCommand();
Command ClusterSyncCommand();
Command ClusterReserveCommand();
Command ClusterReleaseCommand();
Command ClusterReservationsCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_NODES_COMMAND_H_
