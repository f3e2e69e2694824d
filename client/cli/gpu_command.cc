// SPDX-License-Identifier: Apache-2.0
#include "client/cli/gpu_command.h"

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
#include "client/cli/gpu_type_file.h"
#include "client/cli/list_and_show.h"
#include "client/cli/output.h"
#include "client/cli/request_fields.h"
#include "client/cli/resources.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

int RunList(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const Listing<v1::ListGpuTypesResponse, v1::GpuType> listing = {
      .ask = AllGpuTypes, .items = &v1::ListGpuTypesResponse::gpu_types, .table = GpuTypesTable};
  return RunListing(listing, *output, invocation, context);
}

// A type as `ask` answers it.
Showing<v1::GpuType> ShowingOf(std::function<absl::StatusOr<v1::GpuType>(client::Client&)> ask,
                               const Context& context) {
  return {
      .ask = std::move(ask), .table = GpuTypesTable, .render = [&context](const v1::GpuType& type) {
        return RenderGpuType(type, context.out_terminal);
      }};
}

int RunShow(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::GetGpuTypeRequest request;
  request.set_name(invocation.arguments[0]);
  return RunShowing(
      ShowingOf([&](client::Client& client) { return client.GetGpuType(request); }, context),
      *output, invocation, context);
}

int RunApply(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<std::optional<double>> timeout = ReadTimeoutSeconds(invocation);
  if (!timeout.ok()) return FailUsage(context, timeout.status());
  const absl::StatusOr<v1::GpuType> type =
      ReadGpuTypeFile(invocation.arguments[0], {.timeout_seconds = *timeout});
  if (!type.ok()) return FailUsage(context, type.status());
  v1::ApplyGpuTypeRequest request;
  *request.mutable_gpu_type() = *type;
  return RunApplication(request, &client::Client::ApplyGpuType, ShowingOf({}, context), *output,
                        invocation, context);
}

int RunDelete(const Invocation& invocation, Context& context) {
  return RunDeletion(&client::Client::DeleteGpuType, invocation, context);
}

}  // namespace

Command GpuListCommand() {
  return {.words = {"gpu", "list"},
          .summary = "List the GPU types: the catalogue, and those applied.",
          .description =
              "Peaks are dense. An empty field is not known. ORIGIN says whether a type "
              "is the catalogue's or was applied.",
          .examples = {{"gpu list -o wide", "with aliases and sources"}},
          .run = RunList};
}

Command GpuShowCommand() {
  return {.words = {"gpu", "show"},
          .summary = "Show a GPU type: peaks, memory, links, power, price, sources.",
          .arguments = {{.name = "GPU",
                         .help = "id or alias of a GPU type, as H100-SXM5-80GB",
                         .completion = Completion::kGpu}},
          .examples = {{"gpu show H100-SXM5-80GB", "by id"}, {"gpu show A100-80G", "by alias"}},
          .run = RunShow};
}

Command GpuApplyCommand() {
  return {.words = {"gpu", "apply"},
          .summary = "Add a GPU type from a file, or replace one whole.",
          .description =
              "The file is TOML or JSON with the keys that `gpu show TYPE -o json` prints: name, "
              "family, memory_bytes,\nmemory_bytes_per_second, peak_bf16_flops_per_second (and "
              "fp16, fp8, fp4: dense), scale_up_link,\nscale_up_bytes_per_second, "
              "gpus_per_scale_up_domain, network_bytes_per_second, board_watts, and optionally\n"
              "aliases, price_usd_per_gpu_hour, price_source, source. A type of the catalogue is "
              "replaced by one of its name;\n`gpu delete` brings it back.",
          .arguments = {{.name = "FILE",
                         .help = "file of a GPU type",
                         .completion = Completion::kFile}},
          .flags = ApplyFlags(),
          .examples = {{"gpu apply h20.toml", "store it"},
                       {"gpu apply h20.toml --dry-run", "check the file"}},
          .run = RunApply};
}

Command GpuDeleteCommand() {
  return {.words = {"gpu", "delete"},
          .summary = "Delete an applied GPU type; the catalogue's of its name holds again.",
          .arguments = {{.name = "GPU",
                         .help = "name of an applied GPU type",
                         .completion = Completion::kGpu}},
          .flags = {{.name = "dry-run",
                     .kind = FlagKind::kSwitch,
                     .help = "only say whether it could be deleted",
                     .group = "Delete"}},
          .examples = {{"gpu delete H20-SXM-96GB --dry-run", "would it go?"}},
          .run = RunDelete};
}

}  // namespace rhumb::cli
