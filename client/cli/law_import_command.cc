// SPDX-License-Identifier: Apache-2.0
#include "client/cli/law_import_command.h"

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "client/cli/argument_text.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/output.h"
#include "client/cli/render_law.h"
#include "client/config/document.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"
#include "proto/json/json_reader.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::cli {
namespace {

// The law in `text`: a Law, or the answer of `rhumb fit -o json`, which holds one.
absl::StatusOr<v1::Law> LawOfJson(const std::string& text) {
  RHUMB_ASSIGN_OR_RETURN(const DocumentValue tree, ParseJson(text));
  const bool is_fit = tree.Find("diagnostics") != nullptr;
  if (!is_fit) {
    v1::Law law;
    RHUMB_RETURN_IF_ERROR(ReadJson(text, &law));
    return law;
  }
  v1::LawFitResult fit;
  RHUMB_RETURN_IF_ERROR(ReadJson(text, &fit));
  if (!fit.has_law()) {
    return absl::InvalidArgumentError("this fit determined no law; there is nothing to import");
  }
  return fit.law();
}

absl::StatusOr<v1::Law> ReadLawFile(const Invocation& invocation) {
  const std::string& path = invocation.arguments[0];
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadArgumentText(path, invocation));
  absl::StatusOr<v1::Law> law = LawOfJson(text);
  if (!law.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(ShownPath(path), ": ", law.status().message()));
  }
  return law;
}

int RunImport(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<v1::Law> read = ReadLawFile(invocation);
  if (!read.ok()) return FailUsage(context, read.status());
  v1::CreateLawRequest request;
  *request.mutable_law() = *read;
  if (invocation.Has("name")) request.mutable_law()->set_name(invocation.Value("name"));
  if (request.law().name().empty()) {
    return FailUsage(context, absl::InvalidArgumentError(
                                  "the file names no law; say what to store it as with --name"));
  }
  request.set_validate_only(invocation.Has("dry-run"));
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::Law> law = home->client->CreateLaw(request);
  if (!law.ok()) return Fail(context, law.status());
  const auto table = [&] {
    if (output->table.parsable) {
      return RenderTable(LawsTable({*law}), output->table, context.out_terminal);
    }
    return absl::StrCat(request.validate_only() ? "Would store " : "Stored ", BareName(law->name()),
                        ", version ", law->version(), ".\n");
  };
  const absl::Status written = WriteMessage(*law, *output, table, {law->name()}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

int RunExport(const Invocation& invocation, Context& context) {
  absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  v1::GetLawRequest request;
  request.set_name(invocation.arguments[0]);
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::Law> law = home->client->GetLaw(request);
  if (!law.ok()) return Fail(context, law.status());
  // A file to read back is wanted, so that JSON is what "table" means here.
  if (output->format == OutputFormat::kTable || output->format == OutputFormat::kWide) {
    output->format = OutputFormat::kJson;
  }
  const absl::Status written = WriteMessage(
      *law, *output, [] { return std::string(); }, {law->name()}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

}  // namespace

Command LawImportCommand() {
  return {.words = {"law", "import"},
          .summary = "Store a law from a JSON file.",
          .description =
              "FILE is what rhumb law export or rhumb fit -o json printed, or written by hand:\n"
              "{\"name\": \"mine\", \"family\": \"chinchilla\", \"constants\": {\"E\": 1.8, \"A\": "
              "482, \"B\": 2085,\n\"alpha\": 0.348, \"beta\": 0.366}, \"dataset\": \"...\", "
              "\"source\": \"...\"}. - reads stdin.",
          .arguments = {{.name = "FILE", .help = "JSON", .completion = Completion::kFile}},
          .flags = {{.name = "name",
                     .kind = FlagKind::kText,
                     .placeholder = "NAME",
                     .help = "store it under this name instead of the file's",
                     .group = "Law"},
                    {.name = "dry-run",
                     .kind = FlagKind::kSwitch,
                     .help = "check it, store nothing",
                     .group = "Law"}},
          .examples = {{"law import mine.json", "store it under its own name"},
                       {"law import fit.json --name mine", "the law of a fit's answer"}},
          .run = RunImport};
}

Command LawExportCommand() {
  return {.words = {"law", "export"},
          .summary = "Print a law as JSON, to keep or to import elsewhere.",
          .arguments = {{.name = "LAW",
                         .help = "name of a law, as mine or mine@2",
                         .completion = Completion::kLaw}},
          .examples = {{"law export mine", "with its covariance"}},
          .run = RunExport};
}

}  // namespace rhumb::cli
