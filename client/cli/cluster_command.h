// SPDX-License-Identifier: Apache-2.0
// rhumb cluster: the inventory of clusters.
#ifndef RHUMB_CLIENT_CLI_CLUSTER_COMMAND_H_
#define RHUMB_CLIENT_CLI_CLUSTER_COMMAND_H_

#include "client/cli/command.h"

namespace rhumb::cli {

Command ClusterApplyCommand();
Command ClusterListCommand();
Command ClusterShowCommand();
Command ClusterDeleteCommand();

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CLUSTER_COMMAND_H_
