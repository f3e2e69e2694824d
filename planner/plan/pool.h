// SPDX-License-Identifier: Apache-2.0
// From what a user says of GPUs to a pool the planner can use, and the GPU counts a plan may take
// from it.
#ifndef RHUMB_PLANNER_PLAN_POOL_H_
#define RHUMB_PLANNER_PLAN_POOL_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "planner/cost/hardware.h"

namespace rhumb {

// A pool of `gpu_count` GPUs; unset parts come from the catalogue entry (network, price) or
// DefaultGpusPerNode.
GpuPool ResolvePool(const Gpu& gpu, int64_t gpu_count, std::optional<int64_t> gpus_per_node,
                    std::optional<double> inter_node_bytes_per_second_per_gpu,
                    std::optional<double> price_usd_per_gpu_hour);

// Counts a plan may use, ascending: every number of GPUs inside one node, then every number of
// whole nodes. Nested: what a smaller pool offers, a larger one offers too. A count that is no
// multiple of gpus_per_node leaves the GPUs of the last, partial node unused.
std::vector<int64_t> UsableGpuCounts(const GpuPool& pool);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_POOL_H_
