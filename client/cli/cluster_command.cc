// SPDX-License-Identifier: Apache-2.0
#include "client/cli/cluster_command.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/list_and_show.h"
#include "client/cli/output.h"
#include "client/cli/request_fields.h"
#include "client/cli/resources.h"
#include "client/config/cluster_file.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

v1::Cluster ClusterMessage(const ClusterSpec& spec) {
  v1::Cluster cluster;
  cluster.set_name(absl::StrCat("clusters/", spec.name));
  for (const PoolSpec& from : spec.pools) {
    v1::Pool& pool = *cluster.add_pools();
    pool.set_gpu_type(from.gpu_type);
    pool.set_node_count(from.node_count);
    pool.set_gpus_per_node(from.gpus_per_node);
    if (from.inter_node_gbps_per_gpu.has_value())
      pool.set_inter_node_gbps_per_gpu(*from.inter_node_gbps_per_gpu);
    pool.set_partition(from.partition);
    if (from.price_usd_per_gpu_hour.has_value())
      pool.set_price_usd_per_gpu_hour(*from.price_usd_per_gpu_hour);
    if (from.max_wall_seconds.has_value()) pool.set_max_wall_seconds(*from.max_wall_seconds);
  }
  return cluster;
}

// A cluster as `ask` answers it.
Showing<v1::Cluster> ShowingOf(std::function<absl::StatusOr<v1::Cluster>(client::Client&)> ask,
                               const Context& context) {
  return {.ask = std::move(ask),
          .table = ClustersTable,
          .render = [&context](const v1::Cluster& cluster) {
            return RenderCluster(cluster, context.out_terminal);
          }};
}

int RunApply(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<std::optional<double>> timeout = ReadTimeoutSeconds(invocation);
  if (!timeout.ok()) return FailUsage(context, timeout.status());
  const absl::StatusOr<ClusterSpec> spec =
      ReadClusterFile(invocation.arguments[0], {.timeout_seconds = *timeout});
  if (!spec.ok()) return FailUsage(context, spec.status());
  v1::ApplyClusterRequest request;
  *request.mutable_cluster() = ClusterMessage(*spec);
  return RunApplication(request, &client::Client::ApplyCluster, ShowingOf({}, context), *output,
                        invocation, context);
}

int RunList(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const Listing<v1::ListClustersResponse, v1::Cluster> listing = {
      .ask = AllClusters, .items = &v1::ListClustersResponse::clusters, .table = ClustersTable};
  return RunListing(listing, *output, invocation, context);
}

int RunShow(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::GetClusterRequest request;
  request.set_name(invocation.arguments[0]);
  return RunShowing(
      ShowingOf([&](client::Client& client) { return client.GetCluster(request); }, context),
      *output, invocation, context);
}

int RunDelete(const Invocation& invocation, Context& context) {
  return RunDeletion(&client::Client::DeleteCluster, invocation, context);
}

Argument ClusterArgument() {
  return {
      .name = "CLUSTER", .help = "name of a stored cluster", .completion = Completion::kCluster};
}

}  // namespace

Command ClusterApplyCommand() {
  return {.words = {"cluster", "apply"},
          .summary = "Create a cluster from a file, or replace it whole.",
          .description =
              "The file is TOML: name, and for each pool [[pools]] with gpu_type, node_count, "
              "gpus_per_node and\n"
              "optionally inter_node_gbps_per_gpu, partition, price_usd_per_gpu_hour, "
              "max_wall_seconds.",
          .arguments = {{.name = "FILE", .help = "cluster file", .completion = Completion::kFile}},
          .flags = ApplyFlags(),
          .examples = {{"cluster apply mine.toml", "store it"},
                       {"cluster apply mine.toml --dry-run", "check the file"}},
          .run = RunApply};
}

Command ClusterListCommand() {
  return {.words = {"cluster", "list"},
          .summary = "List the stored clusters.",
          .examples = {{"cluster list", "all of them"}},
          .run = RunList};
}

Command ClusterShowCommand() {
  return {.words = {"cluster", "show"},
          .summary = "Show a cluster's pools.",
          .arguments = {ClusterArgument()},
          .examples = {{"cluster show mine", "by name"}},
          .run = RunShow};
}

Command ClusterDeleteCommand() {
  return {.words = {"cluster", "delete"},
          .summary = "Delete a cluster; plans made for it stay.",
          .arguments = {ClusterArgument()},
          .flags = {{.name = "dry-run",
                     .kind = FlagKind::kSwitch,
                     .help = "only say whether it could be deleted",
                     .group = "Delete"}},
          .examples = {{"cluster delete mine --dry-run", "would it go?"}},
          .run = RunDelete};
}

}  // namespace rhumb::cli
