// SPDX-License-Identifier: Apache-2.0
// What agents saw of nodes: from messages to the store and back, and which GPUs of it are free.
#ifndef RHUMB_DAEMON_INVENTORY_H_
#define RHUMB_DAEMON_INVENTORY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/rpc_status.h"
#include "daemon/store/store.h"
#include "planner/cost/hardware.h"
#include "rhumb/v1/cluster.pb.h"
#include "rhumb/v1/cluster_service.pb.h"
#include "rhumb/v1/inventory.pb.h"

namespace rhumb::daemon {

// An inventory that is older is no news of what is free.
inline constexpr int64_t kInventoryLifetimeNs = int64_t{10} * 60 * 1'000'000'000;

// What is stored of a request: nodes under the ids of their GPU types in `gpus` (unknown ones as
// they were), without what only the store says. Adds all violations.
v1::NodeInventory InventoryToStore(const v1::SyncNodesRequest& request,
                                   const std::vector<Gpu>& gpus, FieldViolations& violations);

// Running jobs of `now` that `before` (nullopt: nothing) does not have.
std::vector<StartedJob> StartedJobs(const std::optional<StoredResource>& before,
                                    const v1::NodeInventory& now);

// A stored inventory with its counts, and what `promised` holds of it. DATA_LOSS if its bytes are
// no message.
absl::StatusOr<v1::NodeInventory> ReadInventory(const StoredResource& stored,
                                                const std::vector<StoredReservation>& promised);

// GPUs of one type that a job can have now, in nodes of one size.
struct FreeGpus {
  std::string gpu_type;
  int64_t gpus_per_node = 0;
  int64_t whole_node_count = 0;  // nodes all of whose GPUs are free
  int64_t most_on_a_node = 0;    // of nodes that are free in part
  // A job takes whole nodes, or some GPUs of one node where no whole node is left.
  int64_t AvailableGpuCount(int64_t promised_gpu_count) const;
};

// Of `partition` (empty: of any), one entry a type and node size, in the order of the nodes. Of
// each type only the nodes that `inventory` knows it of.
std::vector<FreeGpus> FindFreeGpus(const v1::NodeInventory& inventory,
                                   const std::string& partition);

// GPUs of `gpu_type` that are promised to anybody, whatever the partition: partitions share nodes.
int64_t PromisedGpuCount(const std::vector<StoredReservation>& promised,
                         const std::string& gpu_type);

// Refuses what asks for more than is free and not promised: FAILED_PRECONDITION, with the reasons
// NO_INVENTORY, STALE_INVENTORY, NOT_ENOUGH_FREE_GPUS.
absl::Status CheckPromise(const StoredReservation& asked, const v1::NodeInventory* inventory,
                          const std::vector<StoredReservation>& promised);

// The cluster that its nodes form, of one that nobody applied: a pool for each partition, GPU type
// and node size, with the nodes that are neither down nor drained, under the limits of the
// partitions; partitions that share nodes are alternatives. How long ago the nodes were seen plays
// no part. nullopt if no agent ever told of them; NO_USABLE_NODES if no pool has any.
absl::StatusOr<std::optional<v1::Cluster>> SyncedCluster(const std::string& name, Store& store);

// `cluster` as it is free now: pools with the nodes that a job can have, those without any left
// out; pools that were never applied come from the nodes themselves. Limits of partitions hold
// where a pool states none. Errors as CheckPromise, NOTHING_FREE if no pool is left.
absl::StatusOr<v1::Cluster> FreeCluster(const v1::Cluster& cluster, const std::string& partition,
                                        int64_t now_ns, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_INVENTORY_H_
