// SPDX-License-Identifier: Apache-2.0
#include "client/cli/version_command.h"

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/output.h"
#include "client/cli/version.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

int RunVersion(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (output->format == OutputFormat::kName) {
    return FailUsage(context, absl::InvalidArgumentError("--output: a version has no name"));
  }
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<std::string> server = home->client->ServerVersion();
  if (!server.ok()) return Fail(context, server.status());
  const std::string where = home->address.empty() ? "in-process" : home->address;
  const std::string json = absl::StrCat("{\n  \"client_version\": ", QuoteJson(kClientVersion),
                                        ",\n  \"server_version\": ", QuoteJson(*server),
                                        ",\n  \"server_address\": ", QuoteJson(where), "\n}");
  const auto table = [&] {
    if (!output->table.parsable)
      return absl::StrCat("rhumb  ", kClientVersion, "\nrhumbd ", *server, " (", where, ")\n");
    Table row;
    row.columns = {{.title = "CLIENT"}, {.title = "SERVER"}, {.title = "ADDRESS"}};
    row.rows = {{kClientVersion, *server, where}};
    return RenderTable(row, output->table, context.out_terminal);
  };
  const absl::Status written = WriteJson(json, *output, table, {}, context);
  if (!written.ok()) return Fail(context, written);
  if (*server != kClientVersion) {
    Remark(invocation, context,
           absl::StrCat("warning: the daemon has version ", *server, ", this client ",
                        kClientVersion, "; they may not know the same fields"));
  }
  return kExitOk;
}

}  // namespace

Command VersionCommand() {
  return {.words = {"version"},
          .summary = "Show the versions of client and daemon; warns if they differ.",
          .examples = {{"version --no-local", "is the daemon there, and which?"}},
          .run = RunVersion};
}

}  // namespace rhumb::cli
