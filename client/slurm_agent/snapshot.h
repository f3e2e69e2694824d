// SPDX-License-Identifier: Apache-2.0
// What Slurm said as messages to the daemon. Pure: the same in, the same out.
#ifndef RHUMB_CLIENT_SLURM_AGENT_SNAPSHOT_H_
#define RHUMB_CLIENT_SLURM_AGENT_SNAPSHOT_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "client/slurm/gpu_names.h"
#include "client/slurm_agent/cluster_source.h"
#include "rhumb/v1/inventory.pb.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::slurm_agent {

// All that a source has told so far.
struct ClusterState {
  std::vector<SourceNode> nodes;
  std::vector<SourcePartition> partitions;
  std::vector<SourceReservation> reservations;
  std::vector<SourceJob> jobs;

  // Takes over what changed; whether anything did.
  bool Update(SourceNews news);
};

// Nodes and partitions as they are at `now_seconds`, for SyncNodes; in the order of the source.
// - GPUs that are free count on idle and mixed nodes alone.
// - A node within a reservation of Slurm's that has begun is RESERVED, and DRAINED if that is for
//   maintenance; its reason names the reservation. A node without a partition that is up takes no
//   jobs.
// - GPU types are of the catalogue where `gpu_names` knows them, as Slurm calls them elsewhere;
//   GPUs without a type are "untyped" there. A node of several types counts with the one it has
//   most of.
// - running_jobs: of plans, that hold GPUs.
v1::NodeInventory MakeInventory(const ClusterState& state, const std::string& cluster,
                                const slurm::GpuNames& gpu_names, int64_t now_seconds);

// Names of nodes with GPUs of several types.
std::vector<std::string> MixedTypeNodes(const ClusterState& state);

// Jobs of plans and those in `watched_ids`, for SyncJobs. Elements of an array that wait in one
// record are told one by one, at most `kMaxWaitingElements` of it; the others when they start.
// Jobs in states that nobody knows are left out.
std::vector<v1::Job> MakeJobs(const ClusterState& state, const std::set<std::string>& watched_ids,
                              const slurm::GpuNames& gpu_names, int64_t now_seconds);

inline constexpr size_t kMaxWaitingElements = 100;

// As Slurm's commands and users call it: 123, 120_3 of an array, 120+1 of a heterogeneous job,
// whose first is called 120.
std::string JobIdText(const SourceJob& job);

// What GPUs it holds, or asks for as long as it waits.
struct JobGpus {
  std::string type;  // as gres.conf calls it
  int64_t count = 0;
};
JobGpus GpusOfJob(const SourceJob& job);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_SNAPSHOT_H_
