// SPDX-License-Identifier: Apache-2.0
#include "client/cli/gpu_command.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/list_and_show.h"
#include "client/cli/output.h"
#include "client/cli/resources.h"

namespace rhumb::cli {
namespace {

int RunList(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const Listing<v1::ListGpuTypesResponse, v1::GpuType> listing = {
      .ask = AllGpuTypes, .items = &v1::ListGpuTypesResponse::gpu_types, .table = GpuTypesTable};
  return RunListing(listing, *output, invocation, context);
}

int RunShow(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::GetGpuTypeRequest request;
  request.set_name(invocation.arguments[0]);
  const Showing<v1::GpuType> showing = {
      .ask = [&](client::Client& client) { return client.GetGpuType(request); },
      .table = GpuTypesTable,
      .render = [&](const v1::GpuType& type) { return RenderGpuType(type, context.out_terminal); }};
  return RunShowing(showing, *output, invocation, context);
}

}  // namespace

Command GpuListCommand() {
  return {.words = {"gpu", "list"},
          .summary = "List the catalogue of GPU types.",
          .description = "Peaks are dense. An empty field is not known.",
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

}  // namespace rhumb::cli
