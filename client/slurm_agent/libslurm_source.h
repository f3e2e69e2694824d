// SPDX-License-Identifier: Apache-2.0
// Slurm by libslurm: of the version that it was built with alone.
#ifndef RHUMB_CLIENT_SLURM_AGENT_LIBSLURM_SOURCE_H_
#define RHUMB_CLIENT_SLURM_AGENT_LIBSLURM_SOURCE_H_

#include <memory>

#include "client/slurm_agent/cluster_source.h"

namespace rhumb::slurm_agent {

// Reads slurm.conf at once; without a usable one libslurm ends the process with a line of its own.
// A look at what has not changed costs slurmctld next to nothing. Of one thread, one per process.
std::unique_ptr<ClusterSource> MakeLibslurmSource();

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_LIBSLURM_SOURCE_H_
