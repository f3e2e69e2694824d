// SPDX-License-Identifier: Apache-2.0
// What Slurm's commands write as text, in forms that its versions share. Pure.
#ifndef RHUMB_CLIENT_SLURM_AGENT_COMMAND_FORMS_H_
#define RHUMB_CLIENT_SLURM_AGENT_COMMAND_FORMS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/slurm_agent/cluster_source.h"

namespace rhumb::slurm_agent {

// Of `sinfo -a -h -o "%R|%a|%l"`, without their nodes; a partition of several kinds of nodes counts
// once. DATA_LOSS: not such a text.
absl::StatusOr<std::vector<SourcePartition>> ParsePartitions(absl::string_view text);

// Of `scontrol -o show reservation` with times in seconds since 1970.
std::vector<SourceReservation> ParseReservations(absl::string_view text);

// Of `scontrol show config`. DATA_LOSS: no ClusterName in it.
absl::StatusOr<SourceIdentity> ParseConfiguration(absl::string_view text);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_COMMAND_FORMS_H_
