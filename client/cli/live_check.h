// SPDX-License-Identifier: Apache-2.0
// What a live cluster says of a job script: when Slurm would start it, what its nodes and
// partitions allow, what else is free.
#ifndef RHUMB_CLIENT_CLI_LIVE_CHECK_H_
#define RHUMB_CLIENT_CLI_LIVE_CHECK_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/ask_slurm.h"
#include "client/cli/context.h"
#include "client/cli/terminal.h"
#include "client/launch/job_facts.h"
#include "client/slurm/gpu_names.h"
#include "rhumb/v1/inventory.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// What was asked of whom; each part by itself, with the reason where there is no answer.
struct LiveCluster {
  std::string name;
  absl::StatusOr<StartForecast> start;
  std::vector<std::string> start_nodes;  // of the forecast, one by one; empty if they are not known
  absl::StatusOr<v1::NodeInventory> nodes;
  double now_unix_seconds = 0;
};

// Asks Slurm for the start of the script at `path`, and the daemon for the nodes of the cluster.
// UNAVAILABLE if there is no Slurm here.
absl::StatusOr<LiveCluster> AskLiveCluster(const std::string& path, const Home& home,
                                           const Context& context);

// Adds advice: NEVER_STARTS, WRONG_GPUS, PARTITION_LIMIT, FEWER_NODES, OTHERS_FREE; and keeps the
// time that other advice asks for within the partition's limit. GPU types are called by `names`.
void AdviseOnLiveCluster(const LiveCluster& live, const launch::JobFacts& facts,
                         const slurm::GpuNames& names, v1::CheckConfigurationResponse& answer);

// Whether Slurm would not do with the job what was judged: NEVER_STARTS or WRONG_GPUS.
bool RunsOtherwise(const v1::CheckConfigurationResponse& answer);

std::string RenderLiveCluster(const LiveCluster& live, const Terminal& terminal);

// {"cluster", "start_time", "wait_seconds", "node_list", "partition", "gpu_count",
// "free_gpu_count", "update_time"}; "start_problem" or "nodes_problem" where one is not known.
std::string JsonOfLiveCluster(const LiveCluster& live);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_LIVE_CHECK_H_
