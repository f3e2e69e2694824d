// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/pool.h"

#include <algorithm>

namespace rhumb {

GpuPool ResolvePool(const Gpu& gpu, int64_t gpu_count, std::optional<int64_t> gpus_per_node,
                    std::optional<double> inter_node_bytes_per_second_per_gpu,
                    std::optional<double> price_usd_per_gpu_hour) {
  GpuPool pool;
  pool.gpu = gpu;
  pool.gpu_count = gpu_count;
  pool.gpus_per_node = gpus_per_node.value_or(DefaultGpusPerNode(gpu));
  pool.inter_node_bytes_per_second_per_gpu =
      inter_node_bytes_per_second_per_gpu.value_or(gpu.network_bytes_per_second);
  pool.price_usd_per_gpu_hour =
      price_usd_per_gpu_hour.has_value() ? price_usd_per_gpu_hour : gpu.price_usd_per_gpu_hour;
  return pool;
}

std::vector<int64_t> UsableGpuCounts(const GpuPool& pool) {
  std::vector<int64_t> counts;
  const int64_t in_node = std::min(pool.gpu_count, pool.gpus_per_node);
  for (int64_t count = 1; count <= in_node; ++count) counts.push_back(count);
  for (int64_t nodes = 2; nodes * pool.gpus_per_node <= pool.gpu_count; ++nodes) {
    counts.push_back(nodes * pool.gpus_per_node);
  }
  return counts;
}

}  // namespace rhumb
