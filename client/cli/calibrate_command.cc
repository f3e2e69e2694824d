// SPDX-License-Identifier: Apache-2.0
#include "client/cli/calibrate_command.h"

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/cli/calibration_fit.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/interrupt_watch.h"
#include "client/cli/judged_runs.h"
#include "client/cli/learned_runs.h"
#include "client/cli/output.h"
#include "client/cli/progress_bar.h"
#include "client/cli/render_calibration.h"
#include "client/cli/report.h"
#include "planner/calibrate/usable_runs.h"
#include "planner/status_macros.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

// Asks for the name before the work, so that a bad one, or a daemon that does not answer, is not
// found out after it.
absl::Status CheckName(const std::string& name, client::Client& client) {
  if (absl::StrContains(name, '@')) {
    return absl::InvalidArgumentError(
        "--name: must be without a version: calibrate makes the next one");
  }
  v1::GetCalibrationRequest request;
  request.set_name(name);
  const absl::Status status = client.GetCalibration(request).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

// Where the rows come from: exactly one place.
absl::Status CheckSource(const Invocation& invocation) {
  const bool from_runs = invocation.Has("from-runs");
  if (invocation.Has("table") == from_runs) {
    return absl::InvalidArgumentError(
        from_runs ? "--table and --from-runs are two sources of rows: give one"
                  : "--table must be given, or --from-runs");
  }
  if (from_runs && invocation.Has("by")) {
    return absl::InvalidArgumentError(
        "--by is a column of --table; runs go by cluster and "
        "framework");
  }
  for (const char* flag : {"cluster", "framework"}) {
    if (!from_runs && invocation.Has(flag)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " chooses among finished runs: it needs --from-runs"));
    }
  }
  return absl::OkStatus();
}

// Finished runs as rows.
absl::StatusOr<RunTables> TablesOfRuns(const Invocation& invocation, client::Client& client) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<FinishedRun> runs,
                         FinishedRuns(invocation.Value("cluster"), client));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, KnownGpus(client));
  return JudgeFinishedRuns(runs, gpus, invocation.Value("framework"), nullptr);
}

// Why nothing can be fitted to finished runs, each reason once; empty where it is none of these.
std::string WhyTooFew(const RunTables& tables) {
  struct Runs {
    std::string reason, first;
    int64_t count = 0;
  };
  std::vector<Runs> all;  // in the order of their first runs
  for (const JudgedRun& run : tables.runs) {
    const std::string reason =
        run.row.run.has_value()
            ? absl::StrCat("of ", run.row.run->gpu.family,
                           " in too few configurations: one counts once, however often it ran, "
                           "and at least ",
                           kLeastCalibrationRuns, " are needed")
            : run.row.defect.reason;
    auto known = std::find_if(all.begin(), all.end(),
                              [&](const Runs& each) { return each.reason == reason; });
    if (known == all.end()) known = all.insert(known, {.reason = reason, .first = run.row.row_id});
    ++known->count;
  }
  std::string text;
  for (const Runs& each : all) {
    absl::StrAppend(&text, "\n", Counted(each.count, "run"), ", first ", each.first, ": ",
                    each.reason);
  }
  return text;
}

// What was fitted, under its name as the daemon stores it or, with --dry-run, would.
absl::StatusOr<v1::Calibration> Store(const v1::Calibration& fitted, const Invocation& invocation,
                                      client::Client& client) {
  v1::ApplyCalibrationRequest request;
  *request.mutable_calibration() = fitted;
  request.mutable_calibration()->set_name(invocation.Value("name"));
  request.set_validate_only(invocation.Has("dry-run"));
  request.set_request_id(invocation.Value("request-id"));
  return client.ApplyCalibration(request);
}

std::string Render(const v1::Calibration& calibration, const CalibrationFit& fit, bool stored,
                   const Terminal& terminal) {
  Report report(terminal);
  const char* label = "Not used";
  for (const std::string& reason : ReasonsOfUnused(fit.unused)) {
    report.Row(label, reason);
    label = "";
  }
  label = "Note";
  for (const std::string& remark : fit.remarks) {
    report.Row(label, remark, Style::kWarning);
    label = "";
  }
  if (stored) {
    const std::string name = BareName(calibration.name());
    report.Row("Next", absl::StrCat("rhumb plan --calibration ", name,
                                    " ..., rhumb accuracy --table NEW.csv --calibration ", name));
  }
  return absl::StrCat(RenderCalibration(calibration, terminal), report.text());
}

int RunCalibrate(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::Status source = CheckSource(invocation);
  if (!source.ok()) return FailUsage(context, source);
  if (!invocation.Has("name") && !invocation.Has("dry-run")) {
    return FailUsage(context, absl::InvalidArgumentError(
                                  "--name must be given: what to store the calibration as; "
                                  "--dry-run only shows it"));
  }
  const bool from_runs = invocation.Has("from-runs");
  absl::StatusOr<RunTables> tables = RunTables{};
  if (!from_runs) {
    tables = JudgeRuns(invocation, invocation.Value("by"), nullptr, context);
    if (!tables.ok()) return FailUsage(context, tables.status());
  }
  absl::StatusOr<Home> home = absl::NotFoundError("nobody is asked without a name");
  if (invocation.Has("name") || from_runs) {
    home = context.open_home(invocation, context);
    if (!home.ok()) return Fail(context, home.status());
  }
  if (invocation.Has("name")) {
    const absl::Status name = CheckName(invocation.Value("name"), *home->client);
    if (!name.ok()) return Fail(context, name);
  }
  if (from_runs) {
    tables = TablesOfRuns(invocation, *home->client);
    if (!tables.ok()) return Fail(context, tables.status());
  }
  absl::StatusOr<CalibrationFit> fit = absl::InternalError("not fitted");
  {
    ProgressBar progress(context);
    const InterruptWatch watch;
    fit = FitCalibration(*tables, [&](double fraction, absl::string_view stage) {
      progress.Show(fraction, stage);
      return !InterruptWatch::interrupted();
    });
  }
  if (absl::IsCancelled(fit.status())) {
    *context.err << "rhumb: cancelled; nothing was stored\n";
    return kExitError;
  }
  if (!fit.ok() && from_runs && absl::IsInvalidArgument(fit.status())) {
    // No flag is to blame.
    const std::string why = WhyTooFew(*tables);
    return Fail(context, absl::FailedPreconditionError(
                             absl::StrCat("no constants can be fitted to the runs that have ended:",
                                          why.empty() ? " there are none" : why)));
  }
  if (!fit.ok()) return FailUsage(context, fit.status());
  if (from_runs) {
    for (std::string& remark : RemarksOnGain(fit->calibration)) {
      fit->remarks.push_back(std::move(remark));
    }
  }
  absl::StatusOr<v1::Calibration> calibration = fit->calibration;
  if (invocation.Has("name")) calibration = Store(fit->calibration, invocation, *home->client);
  if (!calibration.ok()) return Fail(context, calibration.status());
  // In-process without a store it was kept in memory only: no version that will be there again.
  const bool kept = invocation.Has("name") &&
                    (home->local == nullptr || (context.storage_now && context.storage_now().ok()));
  if (!kept) {
    calibration->clear_version();
    calibration->clear_create_time();
    calibration->clear_owner_uid();
  }
  const bool stored = calibration->version() > 0;

  const bool is_table =
      output->format == OutputFormat::kTable || output->format == OutputFormat::kWide;
  const auto text = [&] {
    return output->table.parsable
               ? RenderTable(ConstantsTable(*calibration), output->table, context.out_terminal)
               : Render(*calibration, *fit, stored, context.out_terminal);
  };
  const std::vector<std::string> names = calibration->name().empty()
                                             ? std::vector<std::string>{}
                                             : std::vector<std::string>{calibration->name()};
  const absl::Status written = WriteMessage(*calibration, *output, text, names, context);
  if (!written.ok()) return Fail(context, written);
  if (!is_table || output->table.parsable) {
    for (const std::string& reason : ReasonsOfUnused(fit->unused)) {
      Remark(invocation, context, absl::StrCat("not used: ", reason));
    }
    for (const std::string& remark : fit->remarks) Remark(invocation, context, remark);
  }
  for (const std::string& family : fit->unfinished) {
    Remark(invocation, context,
           absl::StrCat("the search for constants of ", family,
                        " ended at its limit of rounds; they may not be the best"));
  }
  if (invocation.Has("dry-run")) {
    Remark(invocation, context, "nothing was stored, as --dry-run says");
  }
  return kExitOk;
}

}  // namespace

Command CalibrateCommand() {
  return {
      .words = {"calibrate"},
      .summary = "Fit the step-time model to measured runs of your machine.",
      .description =
          "Reads tables of measured runs (the format is in docs/accuracy.md), fits the constants "
          "of "
          "each family\n"
          "of GPUs in them, starting from the shipped ones and staying close to them where runs "
          "are "
          "few, and\n"
          "stores them under NAME for rhumb plan --calibration NAME. Shown are runs, constants and "
          "errors before\n"
          "and after, and the error on runs that were left out, which is what other runs will see. "
          "Another table\n"
          "under the same name makes its next version.",
      .flags = {RunTableFlag(),
                GroupColumnFlag(),
                {.name = "from-runs",
                 .kind = FlagKind::kSwitch,
                 .help = "runs of the daemon that have ended, with what they measured, instead of "
                         "--table",
                 .group = "Measured runs"},
                {.name = "cluster",
                 .placeholder = "CLUSTER",
                 .help = "of --from-runs those of this cluster alone",
                 .group = "Measured runs",
                 .completion = Completion::kCluster},
                {.name = "framework",
                 .placeholder = "NAME",
                 .help = "of --from-runs those of plans with this framework alone",
                 .group = "Measured runs"},
                {.name = "name",
                 .field = "calibration.name",
                 .kind = FlagKind::kText,
                 .placeholder = "NAME",
                 .help = "store the calibration under this name",
                 .group = "Calibration"},
                {.name = "dry-run",
                 .kind = FlagKind::kSwitch,
                 .help = "fit and show; store nothing",
                 .group = "Calibration"},
                {.name = "request-id",
                 .field = "request_id",
                 .kind = FlagKind::kText,
                 .placeholder = "UUID",
                 .help = "makes a repetition answer the same",
                 .group = "Calibration"}},
      .examples = {{"calibrate --table runs.csv --name mine", "fit and store"},
                   {"calibrate --table runs/ --by model --dry-run",
                    "every .csv file of a folder, a table a model; only look"},
                   {"calibrate --from-runs --cluster mine --dry-run",
                    "what would the runs that have ended teach?"},
                   {"calibrate --table runs.csv --dry-run --json",
                    "as a file to edit, or for somebody else to apply"}},
      .run = RunCalibrate};
}

}  // namespace rhumb::cli
