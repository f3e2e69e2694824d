// SPDX-License-Identifier: Apache-2.0
#include "daemon/resolve_pools.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/identity.h"
#include "daemon/inventory.h"
#include "daemon/resolve.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"
#include "planner/units.h"
#include "proto/json/json_printer.h"

namespace rhumb::daemon {
namespace {

GpuPool PoolOfCluster(const v1::Pool& in, const Gpu& gpu, const std::string& cluster) {
  std::optional<double> network, price;
  if (in.has_inter_node_gbps_per_gpu())
    network = in.inter_node_gbps_per_gpu() * kBytesPerSecondPerGigabit;
  if (in.has_price_usd_per_gpu_hour()) price = in.price_usd_per_gpu_hour();
  GpuPool pool =
      ResolvePool(gpu, in.node_count() * in.gpus_per_node(), in.gpus_per_node(), network, price);
  if (in.has_max_wall_seconds()) pool.max_wall_seconds = in.max_wall_seconds();
  pool.cluster = cluster;
  pool.partition = in.partition();
  return pool;
}

// The cluster as it was applied, or of one that was not, as its nodes are known: without pools
// where what is free is asked for, which reads the nodes itself.
absl::StatusOr<std::optional<v1::Cluster>> FindCluster(const ClusterAsked& asked,
                                                       const std::string& name, Store& store,
                                                       bool& is_synced) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> stored, store.clusters().Find(name));
  v1::Cluster cluster;
  if (stored.has_value()) {
    if (!cluster.ParseFromString(stored->content))
      return absl::DataLossError(name + " is damaged in the store");
  } else if (!asked.free_at_ns.has_value()) {
    is_synced = true;
    return SyncedCluster(name, store);
  } else {
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredResource> nodes,
                           store.inventories().Find(name));
    if (!nodes.has_value()) return std::nullopt;
  }
  cluster.set_name(name);
  return cluster;
}

// What assumptions about a pool begin with; a partition may have pools of several GPU types.
std::string PathOfPool(const std::string& cluster, const std::string& partition,
                       const std::string& gpu_type) {
  return absl::StrCat(cluster, ".", partition, partition.empty() ? "" : ".", gpu_type);
}

// Notes how many GPUs of each pool there are, if the nodes say it.
void AssumeGpuCounts(const v1::Cluster& cluster, const char* field, const char* source,
                     std::vector<Assumption>& assumptions) {
  for (const v1::Pool& pool : cluster.pools()) {
    Assume(assumptions,
           absl::StrCat(PathOfPool(cluster.name(), pool.partition(), pool.gpu_type()), field),
           absl::StrCat(pool.node_count() * pool.gpus_per_node()), source);
  }
}

}  // namespace

void Assume(std::vector<Assumption>& assumptions, const std::string& field,
            const std::string& value, const std::string& source) {
  assumptions.push_back({field, value, source});
}

void AssumePrice(const std::string& field, const GpuPool& pool,
                 std::vector<Assumption>& assumptions) {
  const Gpu& gpu = pool.gpu;
  if (!gpu.price_usd_per_gpu_hour || pool.price_usd_per_gpu_hour != gpu.price_usd_per_gpu_hour)
    return;
  Assume(assumptions, field, PrintJsonNumber(*gpu.price_usd_per_gpu_hour),
         absl::StrCat("catalogue: ", gpu.price_source));
}

std::optional<GpuPool> ResolveGpuPool(const v1::GpuPool& in, const std::string& path,
                                      const std::vector<Gpu>& gpus,
                                      std::vector<Assumption>& assumptions,
                                      FieldViolations& violations) {
  if (in.gpu_type().empty()) return std::nullopt;  // reported by ValidateCreatePlanRequest
  const absl::StatusOr<Gpu> gpu = FindGpu(in.gpu_type(), gpus);
  if (!gpu.ok()) {
    violations.Add(path + ".gpu_type", std::string(gpu.status().message()));
    return std::nullopt;
  }
  std::optional<int64_t> gpus_per_node;
  if (in.has_gpus_per_node()) gpus_per_node = in.gpus_per_node();
  std::optional<double> network, price;
  if (in.has_inter_node_gbps_per_gpu())
    network = in.inter_node_gbps_per_gpu() * kBytesPerSecondPerGigabit;
  if (in.has_price_usd_per_gpu_hour()) price = in.price_usd_per_gpu_hour();
  GpuPool pool = ResolvePool(*gpu, in.count(), gpus_per_node, network, price);
  if (pool.gpus_per_node == DefaultGpusPerNode(*gpu)) {
    Assume(assumptions, path + ".gpus_per_node", absl::StrCat(pool.gpus_per_node),
           "default for " + gpu->id);
  }
  if (pool.inter_node_bytes_per_second_per_gpu == gpu->network_bytes_per_second) {
    Assume(assumptions, path + ".inter_node_gbps_per_gpu",
           PrintJsonNumber(gpu->network_bytes_per_second / kBytesPerSecondPerGigabit),
           absl::StrCat("catalogue: typical for ", gpu->id));
  }
  AssumePrice(path + ".price_usd_per_gpu_hour", pool, assumptions);
  return pool;
}

absl::StatusOr<std::vector<GpuPool>> ResolveCluster(const ClusterAsked& asked,
                                                    const std::vector<Gpu>& gpus, Store& store,
                                                    std::string& content,
                                                    std::vector<Assumption>& assumptions,
                                                    FieldViolations& violations) {
  std::vector<GpuPool> pools;
  const std::string name = absl::StrCat("clusters/", absl::StripPrefix(asked.name, "clusters/"));
  bool is_synced = false;
  RHUMB_ASSIGN_OR_RETURN(std::optional<v1::Cluster> known,
                         FindCluster(asked, name, store, is_synced));
  if (!known.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, store.clusters().Names());
    violations.Add("cluster", UnknownName("cluster", asked.name, names));
    return pools;
  }
  const std::string& partition = asked.partition;
  const std::optional<double>& price = asked.price_usd_per_gpu_hour;
  if (asked.free_at_ns.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(known, FreeCluster(*known, partition, *asked.free_at_ns, store));
    AssumeGpuCounts(*known, ".free_gpu_count",
                    "free now and promised to nobody, as the agent saw it", assumptions);
  } else if (is_synced) {
    AssumeGpuCounts(*known, ".gpu_count",
                    "nobody applied this cluster: its nodes as an agent told them, without those "
                    "that are down or drained",
                    assumptions);
  }
  const v1::Cluster& cluster = *known;
  content = DeterministicBytes(cluster);
  std::vector<std::string> partitions;
  for (const v1::Pool& in : cluster.pools()) {
    partitions.push_back(in.partition());
    if (!partition.empty() && in.partition() != partition) continue;
    const absl::StatusOr<Gpu> found = FindGpu(in.gpu_type(), gpus);
    if (!found.ok()) {  // deleted by another process since the cluster was applied
      violations.Add("cluster", absl::StrCat(name, " names an ", found.status().message()));
      return pools;
    }
    const Gpu& gpu = *found;
    v1::Pool priced = in;
    if (price.has_value() && !in.has_price_usd_per_gpu_hour())
      priced.set_price_usd_per_gpu_hour(*price);
    pools.push_back(PoolOfCluster(priced, gpu, name));
    const std::string path = PathOfPool(name, in.partition(), gpu.id);
    if (!in.has_inter_node_gbps_per_gpu()) {
      Assume(assumptions, path + ".inter_node_gbps_per_gpu",
             PrintJsonNumber(gpu.network_bytes_per_second / kBytesPerSecondPerGigabit),
             absl::StrCat("catalogue: typical for ", gpu.id));
    }
    if (!priced.has_price_usd_per_gpu_hour())
      AssumePrice(path + ".price_usd_per_gpu_hour", pools.back(), assumptions);
  }
  if (pools.empty()) violations.Add("partition", UnknownName("partition", partition, partitions));
  return pools;
}

}  // namespace rhumb::daemon
