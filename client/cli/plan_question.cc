// SPDX-License-Identifier: Apache-2.0
#include "client/cli/plan_question.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/architecture_message.h"
#include "client/cli/pool_flags.h"
#include "client/cli/question_file.h"
#include "client/cli/question_flags.h"
#include "client/cli/request_fields.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

// The pools that `request` offers: its own, or those of its cluster.
absl::StatusOr<std::vector<v1::GpuPool>> PoolsOf(const v1::CreatePlanRequest& request,
                                                 const Home& home) {
  std::vector<v1::GpuPool> pools(request.gpu_pools().begin(), request.gpu_pools().end());
  if (request.cluster().empty()) return pools;
  v1::GetClusterRequest get;
  get.set_name(request.cluster());
  const absl::StatusOr<v1::Cluster> cluster = home.client->GetCluster(get);
  // One that nobody applied, whose nodes an agent told of, states no network.
  if (absl::IsNotFound(cluster.status())) return pools;
  if (!cluster.ok()) return cluster.status();
  for (const v1::Pool& pool : cluster->pools()) {
    if (!request.partition().empty() && pool.partition() != request.partition()) continue;
    v1::GpuPool& offered = pools.emplace_back();
    offered.set_gpu_type(pool.gpu_type());
    if (pool.has_inter_node_gbps_per_gpu()) {
      offered.set_inter_node_gbps_per_gpu(pool.inter_node_gbps_per_gpu());
    }
  }
  return pools;
}

}  // namespace

std::vector<Flag> PlanQuestionFlags() {
  std::vector<Flag> flags = PlanFieldFlags();
  const std::vector<Flag> more = PoolDetailFlags();
  flags.insert(flags.end(), more.begin(), more.end());
  flags.push_back(ArchitectureFlag());
  flags.push_back({.name = "file",
                   .kind = FlagKind::kFile,
                   .placeholder = "FILE",
                   .help = "read the question from TOML; flags win over it",
                   .group = "Question",
                   .completion = Completion::kFile,
                   .short_name = 'f'});
  return flags;
}

absl::StatusOr<v1::CreatePlanRequest> ReadPlanQuestionFile(const Invocation& invocation,
                                                           const Context& context) {
  if (!invocation.Has("file")) return v1::CreatePlanRequest();
  RHUMB_ASSIGN_OR_RETURN(const std::optional<double> timeout, ReadTimeoutSeconds(invocation));
  absl::StatusOr<v1::CreatePlanRequest> read =
      ReadQuestionFile(invocation.Value("file"), context.now_unix_seconds, timeout);
  if (read.ok()) return read;
  return absl::Status(read.status().code(), absl::StrCat("--file: ", read.status().message()));
}

absl::StatusOr<v1::CreatePlanRequest> ReadPlanQuestion(v1::CreatePlanRequest request,
                                                       const Invocation& invocation,
                                                       const Context& context) {
  // Pools are choices: those of the flags replace the file's, not join them.
  if (invocation.Has("gpus")) request.clear_gpu_pools();
  std::vector<Flag> flags = PlanFieldFlags();
  RHUMB_RETURN_IF_ERROR(SetFieldsFromFlags(flags, invocation, context.now_unix_seconds, request));
  RHUMB_ASSIGN_OR_RETURN(std::optional<v1::Architecture> model, ReadArchitectureFlag(invocation));
  if (model.has_value()) *request.mutable_architecture() = *std::move(model);
  std::vector<v1::GpuPool*> pools;
  for (v1::GpuPool& pool : *request.mutable_gpu_pools()) pools.push_back(&pool);
  RHUMB_RETURN_IF_ERROR(ApplyPoolDetails(invocation, pools, request));
  return request;
}

absl::StatusOr<launch::LaunchOptions> LaunchOptionsOf(const v1::CreatePlanRequest& request,
                                                      const Home& home) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<v1::GpuPool> pools, PoolsOf(request, home));
  launch::LaunchOptions options;
  for (size_t i = 0; i < pools.size(); ++i) {
    std::optional<double> gbps;
    if (pools[i].has_inter_node_gbps_per_gpu()) gbps = pools[i].inter_node_gbps_per_gpu();
    if (i > 0 && gbps != options.inter_node_gbps_per_gpu) return launch::LaunchOptions();
    options.inter_node_gbps_per_gpu = gbps;
  }
  return options;
}

}  // namespace rhumb::cli
