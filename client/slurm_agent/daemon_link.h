// SPDX-License-Identifier: Apache-2.0
// Whom the agent tells.
#ifndef RHUMB_CLIENT_SLURM_AGENT_DAEMON_LINK_H_
#define RHUMB_CLIENT_SLURM_AGENT_DAEMON_LINK_H_

#include <memory>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "rhumb/v1/cluster_service.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::slurm_agent {

class DaemonLink {
 public:
  virtual ~DaemonLink() = default;
  virtual absl::StatusOr<v1::NodeInventory> SyncNodes(const v1::SyncNodesRequest& request) = 0;
  // UNIMPLEMENTED: a daemon that knows nothing of jobs.
  virtual absl::StatusOr<v1::SyncJobsResponse> SyncJobs(const v1::SyncJobsRequest& request) = 0;
};

// rhumbd at `address` (empty: where `rhumb` looks), connected when it is first needed and anew
// after it was UNAVAILABLE. One call lasts `timeout` at most.
std::unique_ptr<DaemonLink> MakeDaemonLink(std::string address, absl::Duration timeout);

// Writes what would be told to `out`, one JSON object a line, and answers like a daemon that knows
// nothing.
std::unique_ptr<DaemonLink> MakePrintingLink(std::ostream& out);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_DAEMON_LINK_H_
