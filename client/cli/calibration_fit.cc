// SPDX-License-Identifier: Apache-2.0
#include "client/cli/calibration_fit.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/config/utf8.h"
#include "planner/calibrate/calibrate.h"
#include "planner/calibrate/fold_errors.h"
#include "planner/calibrate/usable_runs.h"
#include "planner/plan/make_plan.h"
#include "planner/status_macros.h"
#include "proto/convert/calibration_message.h"

namespace rhumb::cli {
namespace {

constexpr size_t kNamedTables = 8;
constexpr size_t kShownReasons = 4;
// Rounds that a search takes, about: progress is a guess until it ends.
constexpr double kUsualRounds = 30;

// A name from a file as part of a sentence: no control characters, valid UTF-8.
std::string Printable(const std::string& name) {
  return IsUtf8(name) ? absl::Utf8SafeCHexEscape(name) : absl::CHexEscape(name);
}

// The usable runs by table, in the order of their first rows. Families with too few are taken out.
std::vector<RunGroup> UsableRuns(const RunTables& tables, std::vector<UnusedRow>& unused) {
  std::map<std::string, int> run_count;  // by family
  std::vector<std::string> reasons(tables.runs.size());
  for (size_t i = 0; i < tables.runs.size(); ++i) {
    const JudgedRun& run = tables.runs[i];
    if (!run.prediction.has_value()) {
      // Without the line, so that rows share reasons.
      const RunDefect& defect = run.row.defect;
      reasons[i] = absl::StrCat(defect.column.empty() ? "" : absl::StrCat(defect.column, ": "),
                                defect.reason);
      continue;
    }
    reasons[i] = WhyUnusable(*run.row.run, run.prediction->step_seconds);
    if (reasons[i].empty()) ++run_count[run.row.run->gpu.family];
  }
  std::vector<RunGroup> groups;
  for (size_t i = 0; i < tables.runs.size(); ++i) {
    const JudgedRun& run = tables.runs[i];
    if (reasons[i].empty() && run_count[run.row.run->gpu.family] < kLeastCalibrationRuns) {
      reasons[i] = absl::StrCat("the only usable run of ", run.row.run->gpu.family, "; at least ",
                                kLeastCalibrationRuns, " are needed");
    }
    if (!reasons[i].empty()) {
      unused.push_back({run.table, run.row.row_id, reasons[i]});
      continue;
    }
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const RunGroup& known) { return known.name == run.table; });
    if (group == groups.end()) {
      groups.push_back({.name = run.table, .runs = {}});
      group = groups.end() - 1;
    }
    group->runs.push_back(*run.row.run);
  }
  return groups;
}

absl::Status NothingToLearn(const std::vector<UnusedRow>& unused) {
  std::string text = "no constants can be fitted to these rows:";
  for (size_t i = 0; i < unused.size() && i < kShownReasons; ++i) {
    absl::StrAppend(&text, "\n", Printable(unused[i].table), " ", Printable(unused[i].row_id), ": ",
                    unused[i].reason);
  }
  if (unused.size() > kShownReasons) {
    absl::StrAppend(&text, "\nand ",
                    Counted(static_cast<int64_t>(unused.size() - kShownReasons), "more row"));
  }
  return absl::InvalidArgumentError(text);
}

std::string SourceOf(const std::vector<RunGroup>& groups) {
  size_t runs = 0;
  std::string names;
  for (size_t i = 0; i < groups.size(); ++i) {
    runs += groups[i].runs.size();
    if (i < kNamedTables) {
      absl::StrAppend(&names, i > 0 ? ", " : "", Printable(groups[i].name).substr(0, 100));
    }
  }
  if (groups.size() > kNamedTables) {
    absl::StrAppend(&names, " and ", groups.size() - kNamedTables, " more");
  }
  return absl::StrCat(Counted(static_cast<int64_t>(runs), "run"), " of ", names);
}

size_t FamilyCount(const std::vector<RunGroup>& groups) {
  std::map<std::string, int> families;
  for (const RunGroup& group : groups) {
    for (const MeasuredRun& run : group.runs) ++families[run.gpu.family];
  }
  return families.size();
}

}  // namespace

absl::StatusOr<CalibrationFit> FitCalibration(const RunTables& tables, const FitWatch& watch) {
  CalibrationFit fit;
  const std::vector<RunGroup> groups = UsableRuns(tables, fit.unused);
  if (groups.empty()) return NothingToLearn(fit.unused);
  RHUMB_RETURN_IF_ERROR(CheckRunsAgree(groups));

  FoldOptions options;
  const double searches = static_cast<double>(FamilyCount(groups)) * (1 + options.fold_count);
  double rounds = 0;
  bool cancelled = false;
  absl::string_view stage = "fitting";
  options.calibration.should_stop = [&] {
    const double done = std::min(++rounds / (kUsualRounds * searches), 0.99);
    cancelled = cancelled || !watch(done, stage);
    return cancelled;
  };
  RHUMB_ASSIGN_OR_RETURN(const Calibration fitted, Calibrate(groups, options.calibration));
  if (cancelled) return absl::CancelledError("the calibration was stopped");
  for (const FamilyCalibration& family : fitted.families) {
    RHUMB_RETURN_IF_ERROR(CheckFits(family, groups));
    if (!family.complete) fit.unfinished.push_back(family.constants.family);
  }
  stage = "leaving out";
  RHUMB_ASSIGN_OR_RETURN(const std::vector<FoldErrors> left_out, JudgeByFolds(groups, options));
  if (cancelled) return absl::CancelledError("the calibration was stopped");

  v1::Calibration& calibration = fit.calibration;
  calibration.set_source(SourceOf(groups));
  calibration.set_rows_sha256(tables.sha256);
  calibration.set_planner_version(kPlannerVersion);
  int64_t run_count = 0, table_count = 0;
  for (size_t i = 0; i < fitted.families.size(); ++i) {
    v1::CalibratedFamily& family = *calibration.add_families();
    family = convert::ToProto(fitted.families[i]);
    const FoldErrors& errors = left_out[i];  // both in alphabetic order of families
    if (!errors.runs.empty()) family.set_left_out_error_fraction(errors.MeanAbs());
    *family.mutable_error() = convert::ToProto(
        ErrorOfFolds(errors, TimeErrorOf(family.family()), options.calibration.default_run_count));
    run_count += family.run_count();
    table_count += family.table_count();
  }
  calibration.set_run_count(run_count);
  calibration.set_table_count(table_count);
  return fit;
}

}  // namespace rhumb::cli
