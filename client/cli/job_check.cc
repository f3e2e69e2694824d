// SPDX-License-Identifier: Apache-2.0
#include "client/cli/job_check.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/argument_text.h"
#include "client/cli/check_fields.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/gpu_names_file.h"
#include "client/cli/json_object.h"
#include "client/cli/live_check.h"
#include "client/cli/pool_flags.h"
#include "client/cli/render_check.h"
#include "client/cli/report.h"
#include "client/cli/request_fields.h"
#include "client/config/text_file.h"
#include "client/config/utf8.h"
#include "client/launch/emit_parts.h"
#include "client/launch/job_question.h"
#include "client/launch/job_script.h"
#include "client/slurm/gpu_names.h"
#include "planner/status_macros.h"
#include "proto/json/json_printer.h"

namespace rhumb::cli {
namespace {

// The daemon's default, which its answer does not repeat.
constexpr double kDefaultLevel = 0.9;

absl::StatusOr<launch::JobFacts> ReadJob(const std::string& path, const slurm::GpuNames& names,
                                         const Invocation& invocation) {
  RHUMB_ASSIGN_OR_RETURN(const std::string text, ReadArgumentText(path, invocation));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<double> timeout, ReadTimeoutSeconds(invocation));
  const TextLimits limits = {.timeout_seconds = timeout};
  // Named as the job would find it from here, or beside the script.
  const launch::FileReader read_file = [&](const std::string& name) {
    absl::StatusOr<std::string> here = ReadTextFile(name, limits);
    const size_t slash = path.rfind('/');
    if (here.ok() || slash == std::string::npos || name[0] == '/') return here;
    absl::StatusOr<std::string> beside =
        ReadTextFile(absl::StrCat(path.substr(0, slash + 1), name), limits);
    return beside.ok() ? beside : here;
  };
  const launch::GpuTypeOf gpu_type_of = [&](const std::string& name) { return names.TypeOf(name); };
  absl::StatusOr<launch::JobFacts> facts = launch::ReadJobScript(text, read_file, gpu_type_of);
  if (facts.ok()) return facts;
  return absl::Status(facts.status().code(), absl::StrCat(path, ": ", facts.status().message()));
}

std::string LinePrefix(int line) { return line > 0 ? absl::StrCat("line ", line, ": ") : ""; }

std::string DescribeNotRead(const launch::NotRead& item) {
  return launch::OneLine(absl::StrCat(LinePrefix(item.line), item.text, ": ", item.reason,
                                      item.remedies.empty() ? "" : "; say it by ", item.Flags()));
}

// Flags that make up the model in one paragraph, everything else in a row each.
void AddRead(const std::vector<launch::ReadFact>& facts, Report& report) {
  const char* label = "Read";
  std::vector<std::string> model;
  int first_line = 0;
  int last_line = 0;
  bool overruled = false;
  for (const launch::ReadFact& fact : facts) {
    if (fact.field == "architecture") {
      model.push_back(fact.text);
      if (first_line == 0 || fact.line < first_line) first_line = fact.line;
      if (fact.line > last_line) last_line = fact.line;
      overruled = fact.overruled;
      continue;
    }
    report.Row(label, launch::OneLine(absl::StrCat(
                          LinePrefix(fact.line), fact.text, ": ", fact.field, " ", fact.value,
                          fact.overruled ? " (overruled by a flag)" : "")));
    label = "";
  }
  if (model.empty()) return;
  const std::string lines = first_line == last_line
                                ? LinePrefix(first_line)
                                : absl::StrCat("lines ", first_line, "-", last_line, ": ");
  report.Row(label, launch::OneLine(absl::StrCat(lines, "the model: ", absl::StrJoin(model, " "),
                                                 overruled ? " (overruled by a flag)" : "")));
}

std::string RenderReading(const launch::JobQuestion& question, const Terminal& terminal) {
  Report report(terminal);
  AddRead(question.read, report);
  const char* label = "Not read";
  for (const launch::NotRead& item : question.not_read) {
    report.Row(label, DescribeNotRead(item),
               item.remedies.empty() ? Style::kPlain : Style::kWarning);
    label = "";
  }
  return report.text();
}

// What stands where in the script.
JsonObject JsonOfPlace(int line, const std::string& text) {
  JsonObject place;
  place.Integer("line", line).Text("text", launch::OneLine(text));
  return place;
}

// The answer's JSON with what was read of the job as one more key.
std::string JsonOfJob(const v1::CheckConfigurationResponse& answer, const std::string& path,
                      const launch::JobQuestion& question, const std::optional<LiveCluster>& live) {
  std::vector<std::string> read;
  for (const launch::ReadFact& fact : question.read) {
    read.push_back(JsonOfPlace(fact.line, fact.text)
                       .Text("field", fact.field)
                       .Text("value", fact.value)
                       .Bool("overruled", fact.overruled)
                       .str());
  }
  std::vector<std::string> not_read;
  for (const launch::NotRead& item : question.not_read) {
    not_read.push_back(JsonOfPlace(item.line, item.text)
                           .Text("reason", item.reason)
                           .Text("flag", item.Flags())
                           .str());
  }
  JsonObject job;
  job.Text("script", ToUtf8(launch::OneLine(path)))
      .Json("read", JsonList(read))
      .Json("not_read", JsonList(not_read));
  if (live.has_value()) job.Json("live", JsonOfLiveCluster(*live));
  return WithMember(PrintJson(answer, {.indent = 2}), "job", job.str());
}

absl::Status MissingStatus(const std::string& path, const launch::JobQuestion& question) {
  std::vector<std::string> lines;
  for (const launch::NotRead& item : question.not_read) {
    if (item.is_cause || !item.remedies.empty())
      lines.push_back(absl::StrCat(path, ": ", DescribeNotRead(item)));
  }
  for (const launch::NotRead& item : question.missing) {
    lines.push_back(absl::StrCat(path, ": ", DescribeNotRead(item)));
  }
  return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
}

// What was not read and flags say anyway is no longer worth a word.
void DropAnswered(const Invocation& invocation, std::vector<launch::NotRead>& not_read) {
  const auto answered = [&](const launch::Remedy& remedy) {
    for (absl::string_view word : absl::StrSplit(remedy.flag, ' ')) {
      if (absl::ConsumePrefix(&word, "--") && invocation.Has(word)) return true;
    }
    return false;
  };
  std::vector<launch::NotRead> rest;
  for (launch::NotRead& item : not_read) {
    const bool had_remedies = !item.remedies.empty();
    std::vector<launch::Remedy>& remedies = item.remedies;
    remedies.erase(std::remove_if(remedies.begin(), remedies.end(), answered), remedies.end());
    if (!had_remedies || !remedies.empty()) rest.push_back(std::move(item));
  }
  not_read = std::move(rest);
}

// A field that one of the flags about pools sets wins over the script as well.
void MarkPoolDetails(const Invocation& invocation, launch::JobQuestion& question) {
  for (const Flag& flag : PoolDetailFlags()) {
    if (!invocation.Has(flag.name)) continue;
    for (launch::ReadFact& fact : question.read) {
      fact.overruled = fact.overruled || fact.field == absl::StrCat("gpu_pool.", flag.field);
    }
  }
}

}  // namespace

Flag LiveFlag() {
  return {.name = "live",
          .kind = FlagKind::kSwitch,
          .help = "also ask Slurm when JOB would start, and look at the cluster's nodes",
          .group = "Hardware"};
}

Flag JobGpuTypeFlag() {
  return {.name = "gpu",
          .kind = FlagKind::kText,
          .placeholder = "TYPE",
          .help = "GPU type of a job script that does not say it",
          .group = "Hardware",
          .completion = Completion::kGpu};
}

std::string RenderChecked(const v1::CheckConfigurationResponse& answer, const CheckShown& shown,
                          const OutputOptions& output, const Context& context) {
  const v1::CheckConfigurationRequest& request = *shown.request;
  if (output.table.parsable) {
    return RenderTable(CheckTable(answer, request.has_token_count()), output.table,
                       context.out_terminal);
  }
  return RenderCheck(answer,
                     {.level = request.has_level() ? request.level() : kDefaultLevel,
                      .whole_run = request.has_token_count(),
                      .explain = shown.explain,
                      .wide = output.table.wide},
                     context.out_terminal);
}

int ExitCodeOfCheck(const v1::CheckConfigurationResponse& answer) {
  const bool no =
      !answer.fits() || (answer.has_finishes() && !answer.finishes()) || RunsOtherwise(answer);
  return no ? kExitNo : kExitOk;
}

int RunJobCheck(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadCheckOutput(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (invocation.Has("table")) {
    return FailUsage(context,
                     absl::InvalidArgumentError("--table: JOB is checked, or a table, not both"));
  }
  const std::string path = invocation.arguments.front();
  if (invocation.Has("live") && path == "-") {
    return FailUsage(context, absl::InvalidArgumentError(
                                  "--live: JOB must be a file, as sbatch reads it once more"));
  }
  const absl::StatusOr<v1::CheckConfigurationRequest> given = ReadCheckFields(invocation, context);
  if (!given.ok()) return FailUsage(context, given.status());
  const absl::StatusOr<slurm::GpuNames> names = ReadGpuNames(invocation);
  if (!names.ok()) return FailUsage(context, names.status());
  absl::StatusOr<launch::JobFacts> facts = ReadJob(path, *names, invocation);
  if (!facts.ok()) return FailUsage(context, facts.status());
  DropAnswered(invocation, facts->not_read);
  launch::JobQuestion question = launch::MakeJobQuestion(*facts, *given, invocation.Value("gpu"));
  MarkPoolDetails(invocation, question);
  if (!question.missing.empty()) return FailUsage(context, MissingStatus(path, question));
  const absl::Status details = ApplyCheckPoolDetails(invocation, question.request);
  if (!details.ok()) return FailUsage(context, details);

  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  absl::StatusOr<v1::CheckConfigurationResponse> answer =
      home->client->CheckConfiguration(question.request);
  if (!answer.ok()) return Fail(context, answer.status());
  launch::AdviseOnJob(*facts, *given, *answer);
  std::optional<LiveCluster> live;
  if (invocation.Has("live")) {
    absl::StatusOr<LiveCluster> asked = AskLiveCluster(path, *home, context);
    if (!asked.ok()) return Fail(context, asked.status());
    live = *std::move(asked);
    AdviseOnLiveCluster(*live, *facts, *names, *answer);
  }
  const CheckShown shown = {.request = &question.request, .explain = invocation.Has("explain")};
  const auto table = [&] {
    const std::string verdict = RenderChecked(*answer, shown, *output, context);
    if (output->table.parsable) return verdict;
    return absl::StrCat(RenderReading(question, context.out_terminal),
                        live.has_value() ? RenderLiveCluster(*live, context.out_terminal) : "",
                        "\n", verdict);
  };
  const absl::Status written =
      WriteJson(JsonOfJob(*answer, path, question, live), *output, table, {}, context);
  if (!written.ok()) return Fail(context, written);
  return ExitCodeOfCheck(*answer);
}

}  // namespace rhumb::cli
