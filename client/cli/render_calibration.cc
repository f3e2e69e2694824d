// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_calibration.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "google/protobuf/util/time_util.h"

namespace rhumb::cli {
namespace {

constexpr size_t kShownHashDigits = 12;

// Of a percent, as Percent shows them.
int64_t Tenths(double fraction) { return std::llround(1000 * fraction); }

std::string Percent(double fraction) { return absl::StrFormat("%.1f%%", 100 * fraction); }

// Of a constant: 0.72, 2e6.
std::string Three(double value) { return ShortExponents(absl::StrFormat("%.3g", value)); }

std::string Change(const v1::StepTimeConstant& constant) {
  if (constant.default_value() == 0) return "";
  const double change = constant.value() / constant.default_value() - 1;
  return std::abs(change) < 5e-4 ? "" : absl::StrFormat("%+.1f%%", 100 * change);
}

std::string LeftOut(const v1::CalibratedFamily& family) {
  return family.has_left_out_error_fraction() ? Percent(family.left_out_error_fraction()) : "";
}

std::string RunsOf(int64_t runs, int64_t tables) {
  return absl::StrCat(Counted(runs, "run"), " of ", Counted(tables, "table"));
}

Table FamilyTable(const v1::CalibratedFamily& family) {
  Table table;
  table.columns = {{.title = "CONSTANT"},
                   {.title = "DEFAULT", .number = true},
                   {.title = "CALIBRATED", .number = true},
                   {.title = "CHANGE", .number = true},
                   {.title = "UNIT"}};
  for (const v1::StepTimeConstant& constant : family.constants()) {
    table.rows.push_back({constant.name(), Three(constant.default_value()), Three(constant.value()),
                          Change(constant), constant.unit()});
  }
  return table;
}

void AddFamily(const v1::CalibratedFamily& family, Report& report) {
  report.Row(family.family(), RunsOf(family.run_count(), family.table_count()));
  report.Row("", absl::StrCat("error ", Percent(family.default_error_fraction()),
                              " out of the box, ", Percent(family.error_fraction()),
                              " on these runs with the constants below"));
  report.Row("", family.has_left_out_error_fraction()
                     ? absl::StrCat("error ", LeftOut(family),
                                    " on runs that the constants were not fitted on: expect this")
                     : "too few runs to leave any out: what other runs will see is not known");
  if (family.has_left_out_error_fraction() &&
      Tenths(family.left_out_error_fraction()) >= Tenths(family.default_error_fraction())) {
    report.Row("", "no better than out of the box on runs left out: plan without it, or bring more",
               Style::kWarning);
  }
  if (family.has_error()) {
    report.Row("", absl::StrFormat("90%% of steps %+.1f%% to %+.1f%% of the prediction",
                                   100 * (std::exp(family.error().log_quantile_05()) - 1),
                                   100 * (std::exp(family.error().log_quantile_95()) - 1)));
    report.Row("", absl::StrCat("interval: ", family.error().source()));
  }
  report.Block(RenderTable(FamilyTable(family), {}, report.terminal()));
}

std::string SentenceOf(const v1::Calibration& calibration) {
  std::vector<std::string> families;
  for (const v1::CalibratedFamily& family : calibration.families()) {
    const std::string after =
        family.has_left_out_error_fraction()
            ? absl::StrCat(LeftOut(family), " on runs left out")
            : absl::StrCat(Percent(family.error_fraction()), " on the same runs");
    families.push_back(absl::StrCat(family.family(), " ", Percent(family.default_error_fraction()),
                                    " out of the box, ", after));
  }
  const std::string name =
      calibration.name().empty()
          ? "Calibration"
          : absl::StrCat(
                BareName(calibration.name()),
                calibration.version() > 0 ? absl::StrCat(", version ", calibration.version()) : "");
  return absl::StrCat(name, ": ", RunsOf(calibration.run_count(), calibration.table_count()),
                      "; error of step times: ", absl::StrJoin(families, "; "), ".");
}

}  // namespace

Table CalibrationsTable(const std::vector<v1::Calibration>& calibrations) {
  Table table;
  table.columns = {{.title = "NAME"},
                   {.title = "VERSION", .number = true},
                   {.title = "FAMILIES"},
                   {.title = "RUNS", .number = true},
                   {.title = "TABLES", .number = true},
                   {.title = "DEFAULT ERROR", .number = true},
                   {.title = "LEFT-OUT ERROR", .number = true},
                   {.title = "CREATED"},
                   {.title = "OWNER", .number = true, .wide_only = true},
                   {.title = "SOURCE", .wide_only = true}};
  for (const v1::Calibration& calibration : calibrations) {
    std::vector<std::string> families, before, after;
    for (const v1::CalibratedFamily& family : calibration.families()) {
      families.push_back(family.family());
      before.push_back(Percent(family.default_error_fraction()));
      after.push_back(family.has_left_out_error_fraction() ? LeftOut(family) : "?");
    }
    table.rows.push_back(
        {BareName(calibration.name()), absl::StrCat(calibration.version()),
         absl::StrJoin(families, ","), absl::StrCat(calibration.run_count()),
         absl::StrCat(calibration.table_count()), absl::StrJoin(before, ","),
         absl::StrJoin(after, ","),
         google::protobuf::util::TimeUtil::ToString(calibration.create_time()).substr(0, 19) + "Z",
         absl::StrCat(calibration.owner_uid()), calibration.source()});
  }
  return table;
}

Table ConstantsTable(const v1::Calibration& calibration) {
  Table table;
  for (const v1::CalibratedFamily& family : calibration.families()) {
    Table of_family = FamilyTable(family);
    table.columns = std::move(of_family.columns);
    for (std::vector<std::string>& row : of_family.rows) {
      row.insert(row.begin(), family.family());
      table.rows.push_back(std::move(row));
    }
  }
  table.columns.insert(table.columns.begin(), {.title = "FAMILY"});
  return table;
}

std::string RenderCalibration(const v1::Calibration& calibration, const Terminal& terminal) {
  Report report(terminal);
  report.Sentence(SentenceOf(calibration), Style::kBold);
  for (const v1::CalibratedFamily& family : calibration.families()) AddFamily(family, report);
  report.Row("Source", calibration.source());
  if (!calibration.rows_sha256().empty()) {
    report.Row("Rows",
               absl::StrCat("SHA-256 ", calibration.rows_sha256().substr(0, kShownHashDigits)));
  }
  if (!calibration.planner_version().empty()) {
    report.Row("Made by", absl::StrCat("planner ", calibration.planner_version()));
  }
  if (calibration.version() > 0) {
    report.Row(
        "Stored",
        absl::StrCat(
            calibration.name(), "@", calibration.version(), ", ",
            google::protobuf::util::TimeUtil::ToString(calibration.create_time()).substr(0, 19),
            "Z, by uid ", calibration.owner_uid()));
  }
  return report.text();
}

std::vector<std::string> ReasonsOfUnused(const std::vector<UnusedRow>& unused) {
  struct Rows {
    int count = 0;
    const UnusedRow* first = nullptr;
  };
  std::vector<std::pair<std::string, Rows>> reasons;  // in the order of their first rows
  for (const UnusedRow& row : unused) {
    const std::string key = absl::StrCat(row.table, "\n", row.reason);
    auto known = std::find_if(reasons.begin(), reasons.end(),
                              [&](const auto& reason) { return reason.first == key; });
    if (known == reasons.end()) {
      reasons.push_back({key, {0, &row}});
      known = reasons.end() - 1;
    }
    ++known->second.count;
  }
  std::vector<std::string> lines;
  for (const auto& [key, rows] : reasons) {
    lines.push_back(absl::StrCat(rows.first->table, ": ", Counted(rows.count, "row"), ", first ",
                                 rows.first->row_id, ": ", rows.first->reason));
  }
  return lines;
}

}  // namespace rhumb::cli
