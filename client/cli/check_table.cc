// SPDX-License-Identifier: Apache-2.0
#include "client/cli/check_table.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/calibration_lookup.h"
#include "client/cli/check_fields.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/judged_runs.h"
#include "client/cli/output.h"
#include "client/cli/render_runs.h"

namespace rhumb::cli {
namespace {

// Flags that say what a row says, or what only a single answer has.
absl::Status CheckFlagsBesideTable(const Invocation& invocation, const Command& command) {
  for (const Flag& flag : command.flags) {
    if (flag.name == "table" || flag.name == "calibration" || !invocation.Has(flag.name)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--table: every row says what it ran; leave out --", flag.name));
  }
  return absl::OkStatus();
}

// Rows without a prediction, a line a reason.
void RemarkOnReasons(const std::vector<JudgedRun>& runs, const Invocation& invocation,
                     Context& context) {
  struct Rows {
    int count = 0;
    const JudgedRun* first = nullptr;
  };
  std::map<std::string, Rows> reasons;
  for (const JudgedRun& run : runs) {
    if (run.prediction.has_value()) continue;
    Rows& rows = reasons[absl::StrCat(run.table, run.row.defect.column, run.row.defect.reason)];
    if (rows.count++ == 0) rows.first = &run;
  }
  for (const auto& [reason, rows] : reasons) {
    const std::string more =
        rows.count > 1 ? absl::StrCat(" (and ", Counted(rows.count - 1, "more row"), ")") : "";
    Remark(invocation, context,
           absl::StrCat(rows.first->table, ": not expressed: ", ReasonOf(*rows.first), more));
  }
}

}  // namespace

int RunCheckTable(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadCheckOutput(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::Status flags = CheckFlagsBesideTable(invocation, *context.command);
  if (!flags.ok()) return FailUsage(context, flags);
  const absl::StatusOr<std::optional<TimeCalibration>> calibration =
      FetchCalibration(invocation, context);
  if (!calibration.ok()) return Fail(context, calibration.status());
  const TimeCalibration* used = calibration->has_value() ? &**calibration : nullptr;
  const absl::StatusOr<RunTables> read = JudgeRuns(invocation, "", used, context);
  if (!read.ok()) return FailUsage(context, read.status());
  const std::vector<JudgedRun>& runs = read->runs;
  if (output->format == OutputFormat::kCsv) {
    // Columns of their own: those of the format, whatever the first row lacks.
    *context.out << RunsCsv(runs, output->table.header);
    return kExitOk;
  }
  const bool is_table =
      output->format == OutputFormat::kTable || output->format == OutputFormat::kWide;
  const absl::Status written = WriteJson(
      is_table ? "" : RunsJson(runs, used), *output,
      [&] { return RenderTable(RunsTable(runs), output->table, context.out_terminal); }, {},
      context);
  if (!written.ok()) return Fail(context, written);
  if (is_table) RemarkOnReasons(runs, invocation, context);
  return kExitOk;
}

}  // namespace rhumb::cli
