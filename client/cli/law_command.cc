// SPDX-License-Identifier: Apache-2.0
#include "client/cli/law_command.h"

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
  const absl::StatusOr<v1::ListLawsResponse> list = AllLaws(*home->client);
  if (!list.ok()) return Fail(context, list.status());
  const std::vector<v1::Law> laws(list->laws().begin(), list->laws().end());
  std::vector<std::string> names;
  for (const v1::Law& law : laws) names.push_back(law.name());
  const auto table = [&] {
    return RenderTable(LawsTable(laws), output->table, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*list, *output, table, names, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

int RunShow(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::GetLawRequest request;
  request.set_name(invocation.arguments[0]);
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::Law> law = home->client->GetLaw(request);
  if (!law.ok()) return Fail(context, law.status());
  const auto table = [&] {
    return output->table.parsable
               ? RenderTable(LawsTable({*law}), output->table, context.out_terminal)
               : RenderLaw(*law, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*law, *output, table, {law->name()}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

}  // namespace

Command LawListCommand() {
  return {.words = {"law", "list"},
          .summary = "List the scaling laws.",
          .examples = {{"law list", "all laws"}, {"law list -o name", "their names, for scripts"}},
          .run = RunList};
}

Command LawShowCommand() {
  return {.words = {"law", "show"},
          .summary = "Show a law: constants, conventions, range, source.",
          .arguments = {{.name = "LAW",
                         .help = "name of a law, as besiroglu2024",
                         .completion = Completion::kLaw}},
          .examples = {{"law show besiroglu2024", "the default law"}},
          .run = RunShow};
}

}  // namespace rhumb::cli
