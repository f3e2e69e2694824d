// SPDX-License-Identifier: Apache-2.0
#include "daemon/inventory.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

bool TakesJobs(const v1::Node& node) {
  return node.state() == v1::NODE_STATE_IDLE || node.state() == v1::NODE_STATE_MIXED;
}

bool IsInService(const v1::Node& node) {
  return node.state() != v1::NODE_STATE_DRAINED && node.state() != v1::NODE_STATE_DOWN;
}

bool IsIn(const v1::Node& node, const std::string& partition) {
  return partition.empty() || std::find(node.partitions().begin(), node.partitions().end(),
                                        partition) != node.partitions().end();
}

// As IsIn, but of the pools that nodes form themselves: without a name, of nodes in no partition.
bool IsInPool(const v1::Node& node, const std::string& partition) {
  return partition.empty() ? node.partitions().empty() : IsIn(node, partition);
}

bool IsKnown(const v1::NodeInventory& inventory, const std::string& gpu_type) {
  const auto& unknown = inventory.unknown_gpu_types();
  return std::find(unknown.begin(), unknown.end(), gpu_type) == unknown.end();
}

// FindFreeGpus of the nodes that `is_of` says.
template <typename IsOf>
std::vector<FreeGpus> FreeGpusOf(const v1::NodeInventory& inventory, const IsOf& is_of) {
  std::vector<FreeGpus> all;
  for (const v1::Node& node : inventory.nodes()) {
    if (node.gpu_count() == 0 || node.gpu_type().empty()) continue;
    if (!is_of(node) || !IsKnown(inventory, node.gpu_type())) continue;
    auto found = std::find_if(all.begin(), all.end(), [&](const FreeGpus& each) {
      return each.gpu_type == node.gpu_type() && each.gpus_per_node == node.gpu_count();
    });
    if (found == all.end()) {
      all.push_back({node.gpu_type(), node.gpu_count(), 0, 0});
      found = std::prev(all.end());
    }
    if (!TakesJobs(node)) continue;
    if (node.free_gpu_count() == node.gpu_count()) {
      ++found->whole_node_count;
    } else {
      found->most_on_a_node = std::max(found->most_on_a_node, node.free_gpu_count());
    }
  }
  return all;
}

// Names of partitions in order, those that only nodes name behind the others; an empty one last
// where nodes are in none.
std::vector<std::string> PartitionsOf(const v1::NodeInventory& inventory) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  bool some_in_none = false;
  for (const v1::NodePartition& each : inventory.partitions()) add(each.name());
  for (const v1::Node& node : inventory.nodes()) {
    for (const std::string& name : node.partitions()) add(name);
    some_in_none = some_in_none || node.partitions().empty();
  }
  if (some_in_none) names.emplace_back();
  return names;
}

// The pools that the nodes form, one a partition, GPU type and node size, with the nodes that are
// in service, which may be none. A node in several partitions is in a pool of each.
v1::Cluster PoolsOfNodes(const v1::NodeInventory& inventory) {
  v1::Cluster cluster;
  for (const std::string& partition : PartitionsOf(inventory)) {
    const auto is_of = [&](const v1::Node& node) { return IsInPool(node, partition); };
    for (const FreeGpus& gpus : FreeGpusOf(inventory, is_of)) {
      v1::Pool& pool = *cluster.add_pools();
      pool.set_gpu_type(gpus.gpu_type);
      pool.set_gpus_per_node(gpus.gpus_per_node);
      pool.set_partition(partition);
      pool.set_node_count(
          std::count_if(inventory.nodes().begin(), inventory.nodes().end(), [&](const auto& node) {
            return is_of(node) && IsInService(node) && node.gpu_type() == gpus.gpu_type &&
                   node.gpu_count() == gpus.gpus_per_node;
          }));
    }
  }
  return cluster;
}

void LimitByPartition(const v1::NodeInventory& inventory, v1::Pool& pool) {
  if (pool.has_max_wall_seconds()) return;
  for (const v1::NodePartition& each : inventory.partitions()) {
    if (each.name() == pool.partition() && each.has_max_wall_seconds()) {
      pool.set_max_wall_seconds(each.max_wall_seconds());
    }
  }
}

// Old news that comes late is old: what the agent says of when it looked counts too.
absl::Status CheckFresh(const v1::NodeInventory& inventory, int64_t now_ns) {
  // In seconds: an agent may say any time.
  int64_t seen_seconds = inventory.update_time().seconds();
  if (inventory.has_observe_time()) {
    seen_seconds = std::min(seen_seconds, inventory.observe_time().seconds());
  }
  const int64_t age_seconds = now_ns / 1'000'000'000 - seen_seconds;
  if (age_seconds <= kInventoryLifetimeNs / 1'000'000'000) return absl::OkStatus();
  return ErrorWithReason(
      absl::StatusCode::kFailedPrecondition, "STALE_INVENTORY",
      absl::StrFormat("the nodes of %s were last seen %d minutes ago; is its agent "
                      "(rhumb-slurm-agent) running?",
                      inventory.name(), age_seconds / 60));
}

absl::Status NoInventory(const std::string& cluster) {
  return ErrorWithReason(
      absl::StatusCode::kFailedPrecondition, "NO_INVENTORY",
      absl::StrCat("nobody has told which nodes of ", cluster,
                   " are free; run rhumb-slurm-agent there, or leave --free out"));
}

// `busy` names what has nothing free.
absl::Status NothingFree(const v1::NodeInventory& inventory, const std::vector<std::string>& busy) {
  const absl::string_view cluster = absl::StripPrefix(inventory.name(), "clusters/");
  std::string text =
      absl::StrCat("no GPU of ", cluster, " is free now (", absl::StrJoin(busy, ", "), ")");
  if (inventory.free_gpu_count() > 0 && inventory.reserved_gpu_count() > 0) {
    absl::StrAppend(&text, ": of its ", inventory.free_gpu_count(), " that no job holds, ",
                    inventory.reserved_gpu_count(), " are promised to others");
  }
  absl::StrAppend(&text, "; leave --free out (with sbatch --rhumb, give cluster=", cluster,
                  ") for its whole inventory");
  return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "NOTHING_FREE", text);
}

}  // namespace

v1::NodeInventory InventoryToStore(const v1::SyncNodesRequest& request,
                                   const std::vector<Gpu>& gpus, FieldViolations& violations) {
  ValidateValues(request, violations);
  v1::NodeInventory content;
  const v1::NodeInventory& in = request.inventory();
  content.set_name(ResourceName("clusters", in.name(), "inventory.name", violations));
  if (in.has_observe_time()) *content.mutable_observe_time() = in.observe_time();
  *content.mutable_partitions() = in.partitions();
  std::set<std::string> unknown;
  absl::flat_hash_set<std::string> names;
  for (int i = 0; i < in.nodes_size(); ++i) {
    v1::Node& node = *content.add_nodes() = in.nodes(i);
    const std::string path = absl::StrCat("inventory.nodes[", i, "]");
    if (node.name().empty()) violations.Add(path + ".name", "is missing");
    if (!names.insert(node.name()).second) {
      violations.Add(path + ".name", absl::StrCat("\"", node.name(), "\" stands there twice"));
    }
    if (node.free_gpu_count() > node.gpu_count()) {
      violations.Add(path + ".free_gpu_count",
                     absl::StrCat("is ", node.free_gpu_count(), " of ", node.gpu_count(), " GPUs"));
    }
    if (node.gpu_type().empty()) continue;
    const absl::StatusOr<Gpu> gpu = FindGpu(node.gpu_type(), gpus);
    if (gpu.ok()) {
      node.set_gpu_type(gpu->id);
    } else {
      unknown.insert(node.gpu_type());
    }
  }
  for (const std::string& type : unknown) content.add_unknown_gpu_types(type);
  for (int i = 0; i < in.running_jobs_size(); ++i) {
    v1::RunningJob& job = *content.add_running_jobs() = in.running_jobs(i);
    const std::string path = absl::StrCat("inventory.running_jobs[", i, "]");
    if (job.job_id().empty()) violations.Add(path + ".job_id", "is missing");
    job.set_plan(ResourceName("plans", job.plan(), path + ".plan", violations));
  }
  return content;
}

std::vector<StartedJob> StartedJobs(const std::optional<StoredResource>& before,
                                    const v1::NodeInventory& now) {
  absl::flat_hash_set<std::string> known;
  v1::NodeInventory old;
  // What is damaged knows no jobs: promises then end early rather than never.
  if (before.has_value() && old.ParseFromString(before->content)) {
    for (const v1::RunningJob& job : old.running_jobs()) known.insert(job.job_id());
  }
  std::vector<StartedJob> started;
  for (const v1::RunningJob& job : now.running_jobs()) {
    if (known.contains(job.job_id())) continue;
    started.push_back({job.plan(), job.owner_uid(), job.gpu_count()});
  }
  return started;
}

absl::StatusOr<v1::NodeInventory> ReadInventory(const StoredResource& stored,
                                                const std::vector<StoredReservation>& promised) {
  v1::NodeInventory inventory;
  if (!inventory.ParseFromString(stored.content)) {
    return absl::DataLossError(
        absl::StrCat("the nodes of ", stored.name, " are damaged in the store"));
  }
  inventory.set_name(stored.name);
  inventory.set_owner_uid(stored.owner_uid);
  *inventory.mutable_update_time() = ToTimestamp(stored.update_time_ns);
  inventory.set_node_count(inventory.nodes_size());
  int64_t gpus = 0, free = 0, reserved = 0;
  for (const v1::Node& node : inventory.nodes()) {
    gpus += node.gpu_count();
    if (TakesJobs(node) && IsKnown(inventory, node.gpu_type())) free += node.free_gpu_count();
  }
  for (const StoredReservation& reservation : promised) reserved += reservation.gpu_count;
  inventory.set_gpu_count(gpus);
  inventory.set_free_gpu_count(free);
  inventory.set_reserved_gpu_count(reserved);
  return inventory;
}

int64_t FreeGpus::AvailableGpuCount(int64_t promised_gpu_count) const {
  const int64_t whole = whole_node_count * gpus_per_node;
  if (promised_gpu_count == 0) return whole > 0 ? whole : most_on_a_node;
  // What is promised may come to lie anywhere: every node it could touch is taken off.
  const int64_t touched = (promised_gpu_count + gpus_per_node - 1) / gpus_per_node;
  return std::max<int64_t>(0, whole_node_count - touched) * gpus_per_node;
}

std::vector<FreeGpus> FindFreeGpus(const v1::NodeInventory& inventory,
                                   const std::string& partition) {
  return FreeGpusOf(inventory, [&](const v1::Node& node) { return IsIn(node, partition); });
}

int64_t PromisedGpuCount(const std::vector<StoredReservation>& promised,
                         const std::string& gpu_type) {
  int64_t count = 0;
  for (const StoredReservation& reservation : promised) {
    if (reservation.gpu_type == gpu_type) count += reservation.gpu_count;
  }
  return count;
}

absl::Status CheckPromise(const StoredReservation& asked, const v1::NodeInventory* inventory,
                          const std::vector<StoredReservation>& promised) {
  if (inventory == nullptr) return NoInventory(asked.cluster);
  RHUMB_RETURN_IF_ERROR(CheckFresh(*inventory, asked.create_time_ns));
  const int64_t taken = PromisedGpuCount(promised, asked.gpu_type);
  int64_t available = 0;
  for (const FreeGpus& free : FindFreeGpus(*inventory, asked.partition)) {
    if (free.gpu_type == asked.gpu_type) {
      available = std::max(available, free.AvailableGpuCount(taken));
    }
  }
  if (asked.gpu_count <= available) return absl::OkStatus();
  return ErrorWithReason(
      absl::StatusCode::kFailedPrecondition, "NOT_ENOUGH_FREE_GPUS",
      absl::StrCat(asked.gpu_count, " ", asked.gpu_type, " asked for on ", asked.cluster,
                   asked.partition.empty() ? "" : absl::StrCat(", partition ", asked.partition),
                   ": ", available, " can be had now, ", taken, " are promised to others"));
}

absl::StatusOr<std::optional<v1::Cluster>> SyncedCluster(const std::string& name, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> stored,
                         store.inventories().Find(name));
  if (!stored.has_value()) return std::nullopt;
  RHUMB_ASSIGN_OR_RETURN(const v1::NodeInventory inventory, ReadInventory(*stored, {}));
  const v1::Cluster all = PoolsOfNodes(inventory);
  v1::Cluster result;
  result.set_name(name);
  for (const v1::Pool& pool : all.pools()) {
    if (pool.node_count() == 0) continue;
    v1::Pool& kept = *result.add_pools() = pool;
    LimitByPartition(inventory, kept);
  }
  if (result.pools().empty()) {
    return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "NO_USABLE_NODES",
                           absl::StrCat("no node of ", absl::StripPrefix(name, "clusters/"),
                                        " that is in service has GPUs of a known type; `rhumb "
                                        "cluster nodes` shows them"));
  }
  return result;
}

absl::StatusOr<v1::Cluster> FreeCluster(const v1::Cluster& cluster, const std::string& partition,
                                        int64_t now_ns, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> stored,
                         store.inventories().Find(cluster.name()));
  if (!stored.has_value()) return NoInventory(cluster.name());
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReservation> promised,
                         store.reservations().List(cluster.name(), now_ns));
  RHUMB_ASSIGN_OR_RETURN(const v1::NodeInventory inventory, ReadInventory(*stored, promised));
  RHUMB_RETURN_IF_ERROR(CheckFresh(inventory, now_ns));
  const bool is_applied = !cluster.pools().empty();
  const v1::Cluster asked = is_applied ? cluster : PoolsOfNodes(inventory);
  v1::Cluster result;
  result.set_name(cluster.name());
  std::vector<std::string> busy;
  for (const v1::Pool& pool : asked.pools()) {
    if (!partition.empty() && pool.partition() != partition) continue;
    const auto is_of = [&](const v1::Node& node) {
      return is_applied ? IsIn(node, pool.partition()) : IsInPool(node, pool.partition());
    };
    int64_t available = 0;
    for (const FreeGpus& free : FreeGpusOf(inventory, is_of)) {
      if (free.gpu_type != pool.gpu_type() || free.gpus_per_node != pool.gpus_per_node()) continue;
      available = free.AvailableGpuCount(PromisedGpuCount(promised, free.gpu_type));
    }
    if (available == 0) {
      const std::string& name = pool.partition().empty() ? pool.gpu_type() : pool.partition();
      // Nodes of two types in a partition are two pools of it.
      if (std::find(busy.begin(), busy.end(), name) == busy.end()) busy.push_back(name);
      continue;
    }
    v1::Pool& free = *result.add_pools() = pool;
    // Some GPUs of one node are a node of so many.
    const bool whole = available >= pool.gpus_per_node();
    free.set_node_count(whole ? available / pool.gpus_per_node() : 1);
    if (!whole) free.set_gpus_per_node(available);
    LimitByPartition(inventory, free);
  }
  if (result.pools().empty() && !busy.empty()) {
    return NothingFree(inventory, busy);
  }
  return result;
}

}  // namespace rhumb::daemon
