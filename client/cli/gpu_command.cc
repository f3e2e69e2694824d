// SPDX-License-Identifier: Apache-2.0
#include "client/cli/gpu_command.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/output.h"
#include "client/cli/resources.h"

namespace rhumb::cli {
namespace {

int RunList(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::ListGpuTypesResponse> list = AllGpuTypes(*home->client);
  if (!list.ok()) return Fail(context, list.status());
  const std::vector<v1::GpuType> types(list->gpu_types().begin(), list->gpu_types().end());
  std::vector<std::string> names;
  for (const v1::GpuType& type : types) names.push_back(type.name());
  const auto table = [&] {
    return RenderTable(GpuTypesTable(types), output->table, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*list, *output, table, names, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

int RunShow(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::GetGpuTypeRequest request;
  request.set_name(invocation.arguments[0]);
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::GpuType> type = home->client->GetGpuType(request);
  if (!type.ok()) return Fail(context, type.status());
  const auto table = [&] {
    return output->table.parsable
               ? RenderTable(GpuTypesTable({*type}), output->table, context.out_terminal)
               : RenderGpuType(*type, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*type, *output, table, {type->name()}, context);
  return written.ok() ? kExitOk : Fail(context, written);
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
