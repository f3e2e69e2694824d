// SPDX-License-Identifier: Apache-2.0
// The cluster a user describes in TOML: pools of like GPUs, as they stand in the partitions.
#ifndef RHUMB_CLIENT_CONFIG_CLUSTER_FILE_H_
#define RHUMB_CLIENT_CONFIG_CLUSTER_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/config/text_file.h"

namespace rhumb {

// GPUs of one type in one partition.
struct PoolSpec {
  std::string gpu_type;  // id or alias as written; whether it exists is for the catalogue to say
  int64_t node_count = 0;
  int64_t gpus_per_node = 0;
  std::optional<double> inter_node_gbps_per_gpu;  // Gb/s (1e9 bits), one direction; not GB/s
  std::string partition;                          // empty: none
  std::optional<double> price_usd_per_gpu_hour;
  std::optional<double> max_wall_seconds;  // of one job in the partition
};

struct ClusterSpec {
  std::string name;
  std::vector<PoolSpec> pools;  // one at least
};

// The cluster that `text` states: `name` and one `[[pools]]` or more with gpu_type, node_count,
// gpus_per_node and optionally inter_node_gbps_per_gpu, partition, price_usd_per_gpu_hour (a number
// or "$2.5"), max_wall_seconds (a number or "24h"). Two pools may not share both partition and GPU
// type.
//
// INVALID_ARGUMENT with line and column: a syntax error, an unknown key (with the allowed ones), a
// missing key, a wrong type, a value out of range. `name` must match
// ^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$, a GPU type [A-Za-z0-9-]+.
absl::StatusOr<ClusterSpec> ParseCluster(absl::string_view text);

// As ParseCluster, of the file at `path`, which stands in front of every message. NOT_FOUND if
// there is no such file, FAILED_PRECONDITION if it cannot be read.
absl::StatusOr<ClusterSpec> ReadClusterFile(absl::string_view path, const TextLimits& limits = {});

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_CLUSTER_FILE_H_
