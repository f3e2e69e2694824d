// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_drift_command.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/list_and_show.h"
#include "client/cli/output.h"
#include "client/cli/report.h"
#include "client/cli/run_facts.h"
#include "client/cli/run_progress_report.h"
#include "proto/json/json_printer.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {
namespace {

std::string Sentence(const v1::Run& run) {
  const int open = OpenAlarmCount(run);
  const int passed = run.alarms_size() - open;
  if (open > 0) {
    const char* const verb = !IsOpen(run) ? " lasted to its end" : open == 1 ? " lasts" : " last";
    return absl::StrCat(run.name(), ": ", Counted(open, "alarm"), verb,
                        passed > 0 ? absl::StrCat(", ", passed, " passed") : "", ".");
  }
  if (passed > 0) return absl::StrCat(run.name(), ": ", Counted(passed, "alarm"), " passed.");
  return run.has_last_sample()
             ? absl::StrCat(run.name(), ": no sign that it has left what was expected.")
             : absl::StrCat(run.name(), ": nothing was reported of it, so nothing was noticed.");
}

std::string Render(const v1::Run& run, bool wide, const Terminal& terminal) {
  Report report(terminal);
  report.Sentence(Sentence(run), OpenAlarmCount(run) > 0 ? Style::kBad : Style::kGood);
  for (const v1::DriftAlarm& alarm : AlarmsInOrder(run)) {
    const bool is_open = !alarm.has_clear_time();
    report.Row(DriftName(alarm.kind()), alarm.text(), is_open ? Style::kBad : Style::kDim);
    report.Row(
        "",
        absl::StrCat("since ", SinceText(alarm), "; ", MagnitudeText(alarm),
                     is_open ? "" : absl::StrCat("; passed ", FormatInstant(alarm.clear_time()))));
    if (wide) {
      report.Row("", absl::StrFormat("%s: statistic %.4g, threshold %.4g; at most %.2g false "
                                     "alarms in a healthy run, of all tests together",
                                     alarm.code(), alarm.statistic(), alarm.threshold(),
                                     alarm.false_alarm_rate()));
    }
    // Not wrapped: to be copied. Nothing is to be done any more about a run that has ended.
    if (is_open && IsOpen(run) && !alarm.directive().empty()) report.Line("", alarm.directive());
  }
  return report.text();
}

// {"alarms": [...], "open_count"}: a row an alarm in CSV.
std::string AlarmsJson(const v1::Run& run) {
  std::vector<std::string> alarms;
  for (const v1::DriftAlarm& alarm : AlarmsInOrder(run)) alarms.push_back(PrintJson(alarm));
  return absl::StrCat("{\n  \"alarms\": [", alarms.empty() ? "" : "\n    ",
                      absl::StrJoin(alarms, ",\n    "), alarms.empty() ? "" : "\n  ",
                      "],\n  \"name\": ", QuoteJson(run.name()),
                      ",\n  \"open_count\": ", OpenAlarmCount(run), "\n}");
}

int RunDrift(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  v1::GetRunRequest request;
  request.set_name(invocation.arguments[0]);
  const absl::StatusOr<v1::Run> run = home->client->GetRun(request);
  if (!run.ok()) return Fail(context, run.status());
  const auto table = [&] {
    return output->table.parsable
               ? RenderTable(AlarmsTable(AlarmsInOrder(*run)), output->table, context.out_terminal)
               : Render(*run, output->table.wide, context.out_terminal);
  };
  const absl::Status written = WriteJson(AlarmsJson(*run), *output, table, {run->name()}, context);
  if (!written.ok()) return Fail(context, written);
  return invocation.Has("exit-code") && OpenAlarmCount(*run) > 0 ? kExitDrift : kExitOk;
}

}  // namespace

Command RunDriftCommand() {
  return {
      .words = {"run", "drift"},
      .summary = "Has a run left what was expected of it?",
      .description =
          "The alarms of the sequential tests of loss, throughput and memory: what, since when, "
          "how much, and what to do. One bad sample is none.",
      .arguments = {{.name = "RUN",
                     .help = "name of a run, as runs/r-0123",
                     .completion = Completion::kRun}},
      .flags = {{.name = "exit-code",
                 .kind = FlagKind::kSwitch,
                 .help = "exit with 7 while an alarm lasts",
                 .group = "Alarms"}},
      .examples = {{"run drift runs/r-0123", "what was noticed"},
                   {"run drift r-0123 --exit-code -q", "in a script; 7 is an alarm that lasts"}},
      .run = RunDrift};
}

}  // namespace rhumb::cli
