// SPDX-License-Identifier: Apache-2.0
// Slurm by its commands: of any version, with nothing of it linked.
#ifndef RHUMB_CLIENT_SLURM_AGENT_JSON_SOURCE_H_
#define RHUMB_CLIENT_SLURM_AGENT_JSON_SOURCE_H_

#include <memory>

#include "absl/time/time.h"
#include "client/slurm_agent/cluster_source.h"

namespace rhumb::slurm_agent {

// Each look runs four commands, each of which lasts `deadline` at most, and tells everything anew.
// PrepareCommandEnvironment() comes before.
std::unique_ptr<ClusterSource> MakeJsonSource(absl::Duration deadline);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_JSON_SOURCE_H_
