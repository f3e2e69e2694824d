// SPDX-License-Identifier: Apache-2.0
#include "client/cli/calibration_fit.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/config/utf8.h"
#include "planner/calibrate/calibrate.h"
#include "planner/calibrate/constant_space.h"
#include "planner/calibrate/fold_errors.h"
#include "planner/calibrate/repeated_runs.h"
#include "planner/calibrate/usable_runs.h"
#include "planner/plan/make_plan.h"
#include "planner/status_macros.h"
#include "proto/convert/calibration_message.h"

namespace rhumb::cli {
namespace {

constexpr size_t kNamedTables = 8;
// Change of a constant, and bias of a family, from which on they are worth a remark.
constexpr double kShownChange = 5e-4;
constexpr double kShownBias = 0.03;
// Factor within which a constant stands at its bound: half of the search's last step.
constexpr double kAtBound = 1.0025;
constexpr size_t kShownReasons = 4;
// Rounds that a search takes, about: progress is a guess until it ends.
constexpr double kUsualRounds = 30;

// A name from a file as part of a sentence: no control characters, valid UTF-8.
std::string Printable(const std::string& name) {
  return IsUtf8(name) ? absl::Utf8SafeCHexEscape(name) : absl::CHexEscape(name);
}

// The usable runs by table, in the order of their first rows.
std::vector<RunGroup> UsableRuns(const RunTables& tables, std::vector<UnusedRow>& unused) {
  std::vector<RunGroup> groups;
  for (const JudgedRun& run : tables.runs) {
    std::string reason;
    if (run.prediction.has_value()) {
      reason = WhyUnusable(*run.row.run, run.prediction->step_seconds);
    } else {
      // Without the line, so that rows share reasons.
      const RunDefect& defect = run.row.defect;
      reason = absl::StrCat(defect.column.empty() ? "" : absl::StrCat(defect.column, ": "),
                            defect.reason);
    }
    if (!reason.empty()) {
      unused.push_back({run.table, run.row.row_id, reason});
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

// How many rows and configurations there are of a family.
struct FamilySize {
  int64_t rows = 0;
  int64_t configurations = 0;
};

std::string RowsOf(const FamilySize& size) {
  return absl::StrCat(Counted(size.rows, "row"), " of ",
                      Counted(size.configurations, "configuration"));
}

const std::string& FamilyOf(const Configuration& rows) { return rows.front().run->gpu.family; }

std::map<std::string, FamilySize> SizesOf(const std::vector<Configuration>& configurations) {
  std::map<std::string, FamilySize> sizes;
  for (const Configuration& rows : configurations) {
    FamilySize& size = sizes[FamilyOf(rows)];
    size.rows += static_cast<int64_t>(rows.size());
    ++size.configurations;
  }
  return sizes;
}

// Takes out families with too few configurations: `configurations` keeps the others.
void LeaveOutSmallFamilies(std::vector<Configuration>& configurations,
                           std::vector<UnusedRow>& unused) {
  const std::map<std::string, FamilySize> sizes = SizesOf(configurations);
  std::vector<Configuration> kept;
  for (Configuration& rows : configurations) {
    const std::string& family = FamilyOf(rows);
    const FamilySize& size = sizes.at(family);
    if (size.configurations >= kLeastCalibrationRuns) {
      kept.push_back(std::move(rows));
      continue;
    }
    const std::string reason =
        size.rows == 1 ? absl::StrCat("the only usable run of ", family, "; at least ",
                                      kLeastCalibrationRuns, " are needed")
                       : absl::StrCat(family, " has ", RowsOf(size),
                                      ", which counts once, however often it ran; at least ",
                                      kLeastCalibrationRuns, " configurations are needed");
    for (const TableRow& row : rows) unused.push_back({*row.table, row.run->row_id, reason});
  }
  configurations = std::move(kept);
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

// "240 rows of 8 configurations of a, b", or "8 runs of a, b" where each has a row.
std::string SourceOf(const std::vector<Configuration>& configurations) {
  FamilySize all = {.rows = 0, .configurations = static_cast<int64_t>(configurations.size())};
  std::vector<std::string> tables;
  for (const Configuration& rows : configurations) {
    all.rows += static_cast<int64_t>(rows.size());
    for (const TableRow& row : rows) {
      if (std::find(tables.begin(), tables.end(), *row.table) != tables.end()) continue;
      tables.push_back(*row.table);
    }
  }
  std::string names;
  for (size_t i = 0; i < tables.size() && i < kNamedTables; ++i) {
    absl::StrAppend(&names, i > 0 ? ", " : "", Printable(tables[i]).substr(0, 100));
  }
  if (tables.size() > kNamedTables) {
    absl::StrAppend(&names, " and ", tables.size() - kNamedTables, " more");
  }
  return absl::StrCat(
      all.rows > all.configurations ? RowsOf(all) : Counted(all.configurations, "run"), " of ",
      names);
}

// What of a family's rows a reader of its errors should know.
void AddRowRemarks(const std::string& family, const FamilySize& size, int least_run_count,
                   std::vector<std::string>& remarks) {
  if (size.rows == size.configurations) return;
  remarks.push_back(absl::StrCat(
      family, ": ", RowsOf(size), "; rows of one configuration count as one run",
      size.configurations < least_run_count
          ? absl::StrCat(", and fewer than ", least_run_count, " are too few to judge by")
          : ""));
}

// What of the constants does not rest on the family's own runs, and what stands at a bound.
void AddConstantRemarks(const FamilyCalibration& family, const std::vector<RunGroup>& groups,
                        std::vector<std::string>& remarks) {
  const TimeConstants& constants = family.constants;
  const TimeConstants& defaults = TimeConstantsOf(constants.family);
  const std::vector<std::string> unseen = UnseenConstants(groups, constants);
  std::vector<std::string> moved, bound;
  for (const ConstantAxis& axis : AxesOf(defaults)) {
    const double value = constants.*axis.member, change = value / defaults.*axis.member - 1;
    if (std::abs(change) < kShownChange) continue;
    if (std::find(unseen.begin(), unseen.end(), axis.name) != unseen.end()) {
      moved.push_back(absl::StrFormat("%s %+.1f%%", axis.name, 100 * change));
    } else if (value <= axis.least * kAtBound || value * kAtBound >= axis.most) {
      bound.push_back(axis.name);
    }
  }
  if (!moved.empty()) {
    remarks.push_back(absl::StrCat(constants.family, ": no run depends on ",
                                   absl::StrJoin(moved, ", "),
                                   "; they follow what all rates of the machine share"));
  }
  if (!bound.empty()) {
    remarks.push_back(absl::StrCat(constants.family, ": ", absl::StrJoin(bound, ", "),
                                   bound.size() == 1 ? " is at its bound" : " are at their bounds",
                                   "; the runs ask for more"));
  }
}

void AddBiasRemark(const FoldErrors& errors, std::vector<std::string>& remarks) {
  const double median = errors.OneSidedMedian();
  if (std::abs(median) < kShownBias) return;
  remarks.push_back(absl::StrFormat(
      "%s: runs left out took %+.1f%% in the median, and nearly all of them %s than predicted: the "
      "constants went part of the way to these few runs; the interval reaches from the prediction "
      "to them",
      errors.family, 100 * (std::exp(median) - 1), median > 0 ? "longer" : "less"));
}

}  // namespace

absl::StatusOr<CalibrationFit> FitCalibration(const RunTables& tables, const FitWatch& watch) {
  CalibrationFit fit;
  const std::vector<RunGroup> usable = UsableRuns(tables, fit.unused);
  std::vector<Configuration> configurations = ConfigurationsOf(usable);
  LeaveOutSmallFamilies(configurations, fit.unused);
  if (configurations.empty()) return NothingToLearn(fit.unused);
  RHUMB_RETURN_IF_ERROR(CheckRunsAgree(configurations));
  fit.remarks = RepeatRemarks(configurations);
  const std::map<std::string, FamilySize> sizes = SizesOf(configurations);
  const std::vector<RunGroup> groups = OnceEach(configurations);

  FoldOptions options;
  const double searches = static_cast<double>(sizes.size()) * (1 + options.fold_count);
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
  RHUMB_ASSIGN_OR_RETURN(std::vector<FoldErrors> left_out, JudgeByFolds(usable, options));
  left_out.erase(
      std::remove_if(left_out.begin(), left_out.end(),
                     [&](const FoldErrors& errors) { return sizes.count(errors.family) == 0; }),
      left_out.end());
  if (cancelled) return absl::CancelledError("the calibration was stopped");

  v1::Calibration& calibration = fit.calibration;
  calibration.set_source(SourceOf(configurations));
  calibration.set_rows_sha256(tables.sha256);
  calibration.set_planner_version(kPlannerVersion);
  int64_t run_count = 0, table_count = 0;
  for (size_t i = 0; i < fitted.families.size(); ++i) {
    v1::CalibratedFamily& family = *calibration.add_families();
    family = convert::ToProto(fitted.families[i]);
    const FoldErrors& errors = left_out[i];  // both in alphabetic order of families
    AddRowRemarks(errors.family, sizes.at(errors.family), options.least_run_count, fit.remarks);
    AddBiasRemark(errors, fit.remarks);
    AddConstantRemarks(fitted.families[i], groups, fit.remarks);
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
