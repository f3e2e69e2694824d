// SPDX-License-Identifier: Apache-2.0
#include "client/cli/nodes_command.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/list_and_show.h"
#include "client/cli/message_document.h"
#include "client/cli/request_fields.h"
#include "client/config/human_numbers.h"
#include "client/config/text_file.h"
#include "google/protobuf/util/time_util.h"
#include "planner/status_macros.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

std::string StateName(v1::NodeState state) {
  return EnumChoice(*v1::NodeState_descriptor()->FindValueByNumber(state));
}

Table NodesTable(const v1::NodeInventory& inventory) {
  Table table;
  table.columns = {{.title = "NODE"},
                   {.title = "STATE"},
                   {.title = "GPU"},
                   {.title = "GPUS", .number = true},
                   {.title = "FREE", .number = true},
                   {.title = "PARTITIONS"},
                   {.title = "REASON"}};
  for (const v1::Node& node : inventory.nodes()) {
    table.rows.push_back({node.name(), StateName(node.state()), node.gpu_type(),
                          absl::StrCat(node.gpu_count()), absl::StrCat(node.free_gpu_count()),
                          absl::StrJoin(node.partitions(), ","), node.reason()});
  }
  return table;
}

std::string NodesSentence(const v1::NodeInventory& inventory) {
  std::string text =
      absl::StrCat(BareName(inventory.name()), ": ", FormatInteger(inventory.free_gpu_count()),
                   " of ", Counted(inventory.gpu_count(), "GPU"), " in ",
                   Counted(inventory.node_count(), "node"), " free");
  if (inventory.reserved_gpu_count() > 0) {
    absl::StrAppend(&text, ", ", FormatInteger(inventory.reserved_gpu_count()), " promised");
  }
  absl::StrAppend(&text, ", seen ", FormatInstant(inventory.update_time()), ".\n");
  if (!inventory.unknown_gpu_types().empty()) {
    absl::StrAppend(&text, "Unknown GPU types, which count nowhere: ",
                    absl::StrJoin(inventory.unknown_gpu_types(), ", "), ".\n");
  }
  return text;
}

Showing<v1::NodeInventory> ShowingNodes(
    std::function<absl::StatusOr<v1::NodeInventory>(client::Client&)> ask, const Context& context) {
  return {
      .ask = std::move(ask),
      .table = [](const std::vector<v1::NodeInventory>& all) { return NodesTable(all.front()); },
      .render =
          [&context](const v1::NodeInventory& inventory) {
            std::string text = NodesSentence(inventory);
            if (!inventory.nodes().empty()) {
              absl::StrAppend(&text, "\n",
                              RenderTable(NodesTable(inventory), {}, context.out_terminal));
            }
            return text;
          }};
}

int RunNodes(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::GetNodesRequest request;
  request.set_cluster(invocation.arguments[0]);
  return RunShowing(
      ShowingNodes([&](client::Client& client) { return client.GetNodes(request); }, context),
      *output, invocation, context);
}

// Times, as `cluster nodes -o json` writes them.
absl::Status ReadTime(const std::string& text, const google::protobuf::FieldDescriptor& field,
                      google::protobuf::Message& parent) {
  google::protobuf::Timestamp time;
  if (field.is_repeated() || field.message_type() != google::protobuf::Timestamp::descriptor()) {
    return absl::InvalidArgumentError(absl::StrCat("must be a table, got \"", text, "\""));
  }
  if (!google::protobuf::util::TimeUtil::FromString(text, &time)) {
    return absl::InvalidArgumentError(
        absl::StrCat("must be a time as 2026-03-01T12:00:00Z, got \"", text, "\""));
  }
  parent.GetReflection()->MutableMessage(&parent, &field)->CopyFrom(time);
  return absl::OkStatus();
}

absl::StatusOr<v1::NodeInventory> ReadInventoryFile(const std::string& path,
                                                    const TextLimits& limits) {
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path, limits));
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue document, ParseTomlOrJson(text));
  v1::NodeInventory inventory;
  const MessageForm form = {.kind_of =
                                [](absl::string_view field) {
                                  return absl::EndsWith(field, "seconds") ? FlagKind::kDuration
                                                                          : FlagKind::kCount;
                                },
                            .read_message_text = ReadTime};
  const absl::Status read = ReadMessageDocument(document, form, inventory);
  if (!read.ok()) return absl::Status(read.code(), absl::StrCat(path, ": ", read.message()));
  return inventory;
}

int RunSync(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<std::optional<double>> timeout = ReadTimeoutSeconds(invocation);
  if (!timeout.ok()) return FailUsage(context, timeout.status());
  const absl::StatusOr<v1::NodeInventory> inventory =
      ReadInventoryFile(invocation.arguments[0], {.timeout_seconds = *timeout});
  if (!inventory.ok()) return FailUsage(context, inventory.status());
  v1::SyncNodesRequest request;
  *request.mutable_inventory() = *inventory;
  request.set_validate_only(invocation.Has("dry-run"));
  return RunShowing(
      ShowingNodes([&](client::Client& client) { return client.SyncNodes(request); }, context),
      *output, invocation, context);
}

Table ReservationsTable(const std::vector<v1::Reservation>& reservations) {
  Table table;
  table.columns = {{.title = "NAME"},
                   {.title = "CLUSTER"},
                   {.title = "PARTITION"},
                   {.title = "GPUS"},
                   {.title = "PLAN"},
                   {.title = "EXPIRES"},
                   {.title = "OWNER", .number = true, .wide_only = true}};
  for (const v1::Reservation& each : reservations) {
    table.rows.push_back({BareName(each.name()), BareName(each.cluster()), each.partition(),
                          absl::StrCat(each.gpu_count(), "x", each.gpu_type()),
                          BareName(each.plan()), FormatInstant(each.expire_time()),
                          absl::StrCat(each.owner_uid())});
  }
  return table;
}

// Those of fields of the request.
std::vector<Flag> ReserveFlags() {
  constexpr char kGroup[] = "Reserve";
  return {{.name = "gpu",
           .field = "gpu_type",
           .kind = FlagKind::kText,
           .placeholder = "TYPE",
           .help = "GPU type",
           .group = kGroup},
          {.name = "count",
           .field = "gpu_count",
           .kind = FlagKind::kCount,
           .placeholder = "N",
           .help = "how many",
           .group = kGroup},
          {.name = "partition",
           .field = "partition",
           .kind = FlagKind::kText,
           .placeholder = "NAME",
           .help = "of this partition; default any",
           .group = kGroup},
          {.name = "for",
           .field = "duration_seconds",
           .kind = FlagKind::kDuration,
           .placeholder = "TIME",
           .help = "how long; default 5 minutes, at most an hour",
           .group = kGroup},
          {.name = "plan",
           .field = "plan",
           .kind = FlagKind::kText,
           .placeholder = "PLAN",
           .help = "stored plan that it is for",
           .group = kGroup},
          {.name = "request-id",
           .field = "request_id",
           .kind = FlagKind::kText,
           .placeholder = "UUID",
           .help = "makes a repetition answer the same",
           .group = kGroup}};
}

int RunReserve(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::ReserveAllocationRequest request;
  const absl::Status read =
      SetFieldsFromFlags(ReserveFlags(), invocation, /*now_unix_seconds=*/0, request);
  if (!read.ok()) return FailUsage(context, read);
  request.set_cluster(invocation.arguments[0]);
  const Showing<v1::Reservation> showing = {
      .ask = [&](client::Client& client) { return client.ReserveAllocation(request); },
      .table = ReservationsTable,
      .render =
          [](const v1::Reservation& each) {
            return absl::StrCat(BareName(each.name()), ": ", each.gpu_count(), " x ",
                                each.gpu_type(), " of ", BareName(each.cluster()),
                                " are promised to nobody else until ",
                                FormatInstant(each.expire_time()), ".\n");
          }};
  return RunShowing(showing, *output, invocation, context);
}

int RunRelease(const Invocation& invocation, Context& context) {
  v1::ReleaseAllocationRequest request;
  request.set_name(invocation.arguments[0]);
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::Status status = home->client->ReleaseAllocation(request);
  if (!status.ok()) return Fail(context, status);
  Remark(invocation, context, absl::StrCat(request.name(), " released"));
  return kExitOk;
}

int RunReservations(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::ListReservationsRequest request;
  if (!invocation.arguments.empty()) request.set_cluster(invocation.arguments[0]);
  const Listing<v1::ListReservationsResponse, v1::Reservation> listing = {
      .ask = [&](client::Client& client) { return client.ListReservations(request); },
      .items = &v1::ListReservationsResponse::reservations,
      .table = ReservationsTable};
  return RunListing(listing, *output, invocation, context);
}

Argument ClusterArgument(bool optional = false) {
  return {.name = "CLUSTER",
          .help = "name of a cluster",
          .completion = Completion::kCluster,
          .optional = optional};
}

}  // namespace

Command ClusterNodesCommand() {
  return {.words = {"cluster", "nodes"},
          .summary = "Show what the nodes of a cluster do now, as its agent saw them.",
          .arguments = {ClusterArgument()},
          .examples = {{"cluster nodes mine", "nodes, their GPUs and how many are free"}},
          .run = RunNodes};
}

Command ClusterSyncCommand() {
  return {
      .words = {"cluster", "sync"},
      .summary = "Tell what the nodes of a cluster do now.",
      .description =
          "For schedulers without an agent. The file is JSON or TOML: name, nodes with name, "
          "gpu_type,\n"
          "gpu_count, free_gpu_count, state (idle, mixed, allocated, drained, down, reserved), "
          "partitions, and\n"
          "partitions with name and max_wall_seconds. It replaces what was known, and is news "
          "for 10 minutes.",
      .arguments = {{.name = "FILE", .help = "inventory file", .completion = Completion::kFile}},
      .flags = {{.name = "dry-run",
                 .kind = FlagKind::kSwitch,
                 .help = "check only; change nothing",
                 .group = "Sync"}},
      .examples = {{"cluster sync nodes.json", "from a file"}},
      .run = RunSync};
}

Command ClusterReserveCommand() {
  return {.words = {"cluster", "reserve"},
          .summary = "Have free GPUs promised to nobody else for some minutes.",
          .description =
              "Between a plan and its job: plans with --free leave out what is promised. The "
              "scheduler decides all the\n"
              "same; the promise ends when a job of the plan holds the GPUs, or when its time is "
              "up.",
          .arguments = {ClusterArgument()},
          .flags = ReserveFlags(),
          .examples = {{"cluster reserve mine --gpu H100-SXM5-80GB --count 16 --for 10m",
                        "for ten minutes"}},
          .run = RunReserve};
}

Command ClusterReleaseCommand() {
  return {.words = {"cluster", "release"},
          .summary = "Give a reservation back before its time is up.",
          .arguments = {{.name = "RESERVATION", .help = "name of a reservation"}},
          .examples = {{"cluster release r-0123456789abcdef0123", "by name"}},
          .run = RunRelease};
}

Command ClusterReservationsCommand() {
  return {.words = {"cluster", "reservations"},
          .summary = "List what is promised to somebody.",
          .arguments = {ClusterArgument(/*optional=*/true)},
          .examples = {{"cluster reservations mine", "of one cluster"}},
          .run = RunReservations};
}

}  // namespace rhumb::cli
