// SPDX-License-Identifier: Apache-2.0
#include "client/cli/accuracy_command.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/accuracy_report.h"
#include "client/cli/calibration_lookup.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/judged_runs.h"
#include "client/cli/output.h"
#include "client/cli/render_accuracy.h"
#include "planner/calibrate/accuracy.h"

namespace rhumb::cli {
namespace {

// Tables in the order of their first rows.
std::vector<TableAccuracy> TablesOf(const std::vector<JudgedRun>& runs,
                                    const TimeCalibration* calibration) {
  std::vector<TableAccuracy> tables;
  for (const JudgedRun& run : runs) {
    TableAccuracy* table = nullptr;
    for (TableAccuracy& known : tables) {
      if (known.name == run.table) table = &known;
    }
    if (table == nullptr) {
      table = &tables.emplace_back();
      table->name = run.table;
    }
    if (run.prediction.has_value()) {
      AddRun(*run.row.run, *run.prediction, TimeErrorWith(calibration, run.row.run->gpu.family),
             *table);
    } else {
      // Without the line, so that rows share reasons.
      const RunDefect& defect = run.row.defect;
      AddUnexpressed(run.row.row_id,
                     absl::StrCat(defect.column.empty() ? "" : absl::StrCat(defect.column, ": "),
                                  defect.reason),
                     *table);
    }
  }
  return tables;
}

std::vector<Flag> Flags() {
  std::vector<Flag> flags = AccuracyReportFlags();
  flags.push_back(RunTableFlag());
  flags.push_back(GroupColumnFlag());
  flags.back().help =
      "gpu-type, layout, framework or cluster; of a table, what shares a cell of this column";
  flags.push_back(CalibrationFlag("predict with its constants"));
  return flags;
}

int RunAccuracy(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  if (output->format == OutputFormat::kName) {
    return FailUsage(context, absl::InvalidArgumentError("--output: an accuracy has no name"));
  }
  if (!invocation.Has("table")) {
    if (invocation.Has("calibration")) {
      return FailUsage(context, absl::InvalidArgumentError(
                                    "--calibration needs --table: runs are judged by their plans"));
    }
    return RunAccuracyReport(invocation, context);
  }
  for (const char* flag : {"since", "cluster"}) {
    if (invocation.Has(flag)) {
      return FailUsage(context, absl::InvalidArgumentError(absl::StrCat(
                                    "--", flag, " contradicts --table, whose rows have no such")));
    }
  }
  const absl::StatusOr<std::optional<TimeCalibration>> calibration =
      FetchCalibration(invocation, context);
  if (!calibration.ok()) return Fail(context, calibration.status());
  const TimeCalibration* used = calibration->has_value() ? &**calibration : nullptr;
  const absl::StatusOr<RunTables> read =
      JudgeRuns(invocation, invocation.Value("by"), used, context);
  if (!read.ok()) return FailUsage(context, read.status());
  const std::vector<TableAccuracy> tables = TablesOf(read->runs, used);
  const auto text = [&] {
    return output->table.parsable
               ? RenderTable(AccuracyTable(tables), output->table, context.out_terminal)
               : RenderAccuracy(tables, output->table, context.out_terminal);
  };
  const absl::Status written = WriteJson(AccuracyJson(tables), *output, text, {}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

}  // namespace

Command AccuracyCommand() {
  return {
      .words = {"accuracy"},
      .summary = "How far off have plans been? How far is the model from measured runs?",
      .description =
          "Without --table: what happened over what was planned, of the runs that ended, by GPU "
          "type,\n"
          "layout, framework or cluster: median, spread, the median of |planned / actual - 1|, and "
          "how\n"
          "many lay in their intervals.\n"
          "With --table: "
          "predicts every row of tables of measured runs and compares: mean absolute error (MAPE), "
          "median,\n"
          "bias and worst row of step time and peak memory, a table each and over all. Nothing "
          "measured\n"
          "enters a prediction. Rows that cannot be expressed are counted with their reasons. The "
          "format is\n"
          "in docs/accuracy.md; rhumb check --table prints the rows themselves.",
      .flags = Flags(),
      .examples = {{"accuracy --by gpu-type", "of the runs that this daemon knows"},
                   {"accuracy --since 30d --cluster mine", "of one cluster in the last month"},
                   {"accuracy --table runs.csv", "of your own runs"},
                   {"accuracy --table runs.csv --by model", "which models are worst?"},
                   {"accuracy --table new.csv --calibration mine",
                    "do constants fitted to other runs hold for these?"},
                   {"accuracy --table runs/ --json", "of every .csv file of a folder"}},
      .run = RunAccuracy};
}

}  // namespace rhumb::cli
