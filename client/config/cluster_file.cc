// SPDX-License-Identifier: Apache-2.0
#include "client/config/cluster_file.h"

#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/config/document.h"
#include "client/config/field_reader.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr size_t kMaxNameLength = 63;
constexpr size_t kMaxPoolCount = 1000;
constexpr int64_t kMaxGpuCount = 10'000'000;  // of one pool

bool IsLowerOrDigit(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c));
}

// ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$, the form of every resource id (AIP-122).
bool IsResourceId(absl::string_view text) {
  if (text.empty() || text.size() > kMaxNameLength) return false;
  if (!absl::ascii_islower(static_cast<unsigned char>(text.front())) ||
      !IsLowerOrDigit(text.back()))
    return false;
  for (const char c : text) {
    if (!IsLowerOrDigit(c) && c != '-') return false;
  }
  return true;
}

bool IsGpuTypeId(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '-') return false;
  }
  return !text.empty();
}

absl::StatusOr<PoolSpec> ReadPool(const DocumentValue& table, absl::string_view prefix) {
  FieldReader reader(table, prefix, QuotedNumbers::kHuman);
  reader.RefuseUnknownKeys({"gpu_type", "node_count", "gpus_per_node", "inter_node_gbps_per_gpu",
                            "partition", "price_usd_per_gpu_hour", "max_wall_seconds"});
  PoolSpec pool;
  pool.gpu_type = reader.Text({"gpu_type"});
  pool.node_count = reader.Integer({"node_count"}, 1);
  pool.gpus_per_node = reader.Integer({"gpus_per_node"}, 1);
  pool.inter_node_gbps_per_gpu = reader.OptionalNumber({"inter_node_gbps_per_gpu"});
  pool.partition = reader.OptionalText({"partition"}).value_or("");
  pool.price_usd_per_gpu_hour = reader.OptionalUsd({"price_usd_per_gpu_hour"});
  pool.max_wall_seconds = reader.OptionalDuration({"max_wall_seconds"});
  if (!IsGpuTypeId(pool.gpu_type)) {
    reader.Fail("gpu_type",
                absl::StrCat("must have letters, digits and dashes only, got ",
                             table.Find("gpu_type") == nullptr ? "nothing"
                                                               : table.Find("gpu_type")->Shown()));
  }
  // Each is at most 1e9, so that the product cannot overflow.
  if (pool.node_count * pool.gpus_per_node > kMaxGpuCount) {
    reader.Fail("node_count", absl::StrCat("times gpus_per_node must be at most ", kMaxGpuCount,
                                           ", got ", pool.node_count * pool.gpus_per_node));
  }
  if (!reader.status().ok()) return reader.status();
  return pool;
}

}  // namespace

absl::StatusOr<ClusterSpec> ParseCluster(absl::string_view text) {
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue table, ParseToml(text));
  FieldReader reader(table, "", QuotedNumbers::kHuman);
  reader.RefuseUnknownKeys({"name", "pools"});
  ClusterSpec cluster;
  cluster.name = reader.Text({"name"});
  if (!IsResourceId(cluster.name)) {
    reader.Fail(
        "name",
        absl::StrCat("must begin with a lower-case letter, go on with lower-case letters, digits "
                     "and dashes, and have at most ",
                     kMaxNameLength, " characters, got ",
                     table.Find("name") == nullptr ? "nothing" : table.Find("name")->Shown()));
  }
  const DocumentValue* pools = reader.OptionalList("pools");
  if (pools == nullptr || pools->items.empty()) {
    reader.Fail("pools", "is missing: a cluster needs one [[pools]] at least");
  } else if (pools->items.size() > kMaxPoolCount) {
    reader.Fail("pools", absl::StrCat("must have at most ", kMaxPoolCount, " entries, got ",
                                      pools->items.size()));
  }
  if (!reader.status().ok()) return reader.status();

  std::set<std::pair<std::string, std::string>> seen;
  for (size_t i = 0; i < pools->items.size(); ++i) {
    const DocumentValue& item = pools->items[i];
    if (item.kind != ValueKind::kTable) {
      reader.Fail("pools", absl::StrCat("must be tables ([[pools]]), got ", item.Shown()));
      return reader.status();
    }
    const std::string prefix = absl::StrCat("pools[", i, "].");
    RHUMB_ASSIGN_OR_RETURN(PoolSpec pool, ReadPool(item, prefix));
    if (!seen.insert({pool.partition, pool.gpu_type}).second) {
      FieldReader pool_reader(item, prefix, QuotedNumbers::kHuman);
      pool_reader.Fail("gpu_type",
                       absl::StrCat("\"", pool.gpu_type, "\" is given twice",
                                    pool.partition.empty()
                                        ? "; give the pools different partitions"
                                        : absl::StrCat(" in partition \"", pool.partition, "\"")));
      return pool_reader.status();
    }
    cluster.pools.push_back(std::move(pool));
  }
  return cluster;
}

absl::StatusOr<ClusterSpec> ReadClusterFile(absl::string_view path, const TextLimits& limits) {
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, limits));
  absl::StatusOr<ClusterSpec> cluster = ParseCluster(text);
  if (!cluster.ok()) {
    return absl::Status(cluster.status().code(),
                        absl::StrCat(path, ": ", cluster.status().message()));
  }
  return cluster;
}

}  // namespace rhumb
