// SPDX-License-Identifier: Apache-2.0
// GPUs named by a question, from catalogue and inventory, with every default noted.
#ifndef RHUMB_DAEMON_RESOLVE_POOLS_H_
#define RHUMB_DAEMON_RESOLVE_POOLS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/rpc_status.h"
#include "daemon/store/store.h"
#include "planner/plan/plan.h"
#include "planner/plan/pool.h"
#include "rhumb/v1/cluster.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::daemon {

// A default is an assumption whenever it holds, whether or not somebody wrote it down: otherwise
// one question would have two answers.
void Assume(std::vector<Assumption>& assumptions, const std::string& field,
            const std::string& value, const std::string& source);

// Notes the price of `pool` if it is the catalogue's.
void AssumePrice(const std::string& field, const GpuPool& pool,
                 std::vector<Assumption>& assumptions);

// A pool of a question or of a check, of one of `gpus`; nullopt after a violation.
std::optional<GpuPool> ResolveGpuPool(const v1::GpuPool& in, const std::string& path,
                                      const std::vector<Gpu>& gpus,
                                      std::vector<Assumption>& assumptions,
                                      FieldViolations& violations);

// A cluster as a question names it: one that was applied, or whose nodes an agent tells of.
struct ClusterAsked {
  std::string name;
  std::string partition;  // empty: any
  std::optional<double> price_usd_per_gpu_hour;
  // Only what a job can have at this time, of a cluster whose nodes an agent tells of.
  std::optional<int64_t> free_at_ns;
};

// Pools of a stored cluster. Empty after a violation. `content` is what the answer depends on.
// Errors: of the store, and those of SyncedCluster and FreeCluster.
absl::StatusOr<std::vector<GpuPool>> ResolveCluster(const ClusterAsked& asked,
                                                    const std::vector<Gpu>& gpus, Store& store,
                                                    std::string& content,
                                                    std::vector<Assumption>& assumptions,
                                                    FieldViolations& violations);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RESOLVE_POOLS_H_
