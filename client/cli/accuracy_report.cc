// SPDX-License-Identifier: Apache-2.0
#include "client/cli/accuracy_report.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/exit_code.h"
#include "client/cli/failure.h"
#include "client/cli/format.h"
#include "client/cli/output.h"
#include "client/cli/report.h"
#include "client/cli/request_fields.h"
#include "client/config/human_numbers.h"
#include "google/protobuf/util/time_util.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

using google::protobuf::util::TimeUtil;

std::string Ratio(double ratio) { return absl::StrFormat("%.3f", ratio); }

std::string Coverage(const v1::AccuracyGroup& group) {
  if (!group.has_coverage_fraction()) return "";
  return absl::StrCat(FormatFraction(group.coverage_fraction()),
                      group.has_level() ? absl::StrCat(" of ", FormatLevel(group.level())) : "",
                      group.has_coverage_low_fraction() && group.has_coverage_high_fraction()
                          ? absl::StrCat(" (", FormatFraction(group.coverage_low_fraction()), "-",
                                         FormatFraction(group.coverage_high_fraction()), ")")
                          : "");
}

// 2027-03-01, 2027-03-01T12:00:00Z, or as long ago as 30d.
absl::StatusOr<google::protobuf::Timestamp> ReadSince(const std::string& text, double now) {
  google::protobuf::Timestamp time;
  if (TimeUtil::FromString(text, &time) ||
      TimeUtil::FromString(absl::StrCat(text, "T00:00:00Z"), &time)) {
    return time;
  }
  const absl::StatusOr<double> ago = ParseDuration(text, std::nullopt);
  if (!ago.ok() || !(now - *ago > 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--since (since_time) must be a date as 2027-03-01, a time as 2027-03-01T12:00:00Z, or how "
        "long ago as 30d, got \"",
        text, "\""));
  }
  time.set_seconds(static_cast<int64_t>(std::floor(now - *ago)));
  return time;
}

absl::StatusOr<v1::GetAccuracyReportRequest> ReadQuestion(const Invocation& invocation,
                                                          double now) {
  v1::GetAccuracyReportRequest request;
  request.set_cluster(invocation.Value("cluster"));
  if (invocation.Has("by")) {
    const absl::Status grouping =
        SetField(request, "grouping", FlagKind::kChoice, invocation.Value("by"), now);
    if (!grouping.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--by (grouping): ", grouping.message(), "; --table groups by any column"));
    }
  }
  if (invocation.Has("since")) {
    RHUMB_ASSIGN_OR_RETURN(*request.mutable_since_time(),
                           ReadSince(invocation.Value("since"), now));
  }
  return request;
}

}  // namespace

Table AccuracyGroupsTable(const v1::AccuracyReport& report) {
  Table table;
  const bool has_keys = std::any_of(report.groups().begin(), report.groups().end(),
                                    [](const auto& group) { return !group.key().empty(); });
  table.columns = {{.title = "GROUP", .wide_only = !has_keys},
                   {.title = "QUANTITY"},
                   {.title = "RUNS", .number = true},
                   {.title = "MEDIAN", .number = true},
                   {.title = "68%"},
                   {.title = "ERROR", .number = true},
                   {.title = "COVERAGE"},
                   {.title = "INTERVALS", .number = true, .wide_only = true},
                   {.title = "NOTE"}};
  for (const v1::AccuracyGroup& group : report.groups()) {
    table.rows.push_back(
        {group.key().empty() ? "all" : group.key(), group.quantity(),
         absl::StrCat(group.run_count()), Ratio(group.median_ratio()),
         group.has_low_ratio() && group.has_high_ratio()
             ? absl::StrCat(Ratio(group.low_ratio()), "-", Ratio(group.high_ratio()))
             : "",
         FormatFraction(group.median_error_fraction()), Coverage(group),
         absl::StrCat(group.interval_count()), group.few() ? "few runs" : ""});
  }
  return table;
}

std::string RenderAccuracyReport(const v1::AccuracyReport& accuracy, const TableOptions& options,
                                 const Terminal& terminal) {
  Report report(terminal);
  if (accuracy.groups().empty()) {
    report.Sentence("No run that ended can be compared with its plan yet.", Style::kPlain);
  } else {
    report.Sentence(absl::StrCat(Counted(accuracy.run_count(), "run"),
                                 " that ended. MEDIAN and the span of 68% of the runs are of "
                                 "actual over planned; ERROR is the median of |planned / actual - "
                                 "1|, how far plans were off what happened; COVERAGE how many lay "
                                 "in their interval."),
                    Style::kPlain);
    report.Block(RenderTable(AccuracyGroupsTable(accuracy), options, terminal));
  }
  const char* label = "Left out";
  for (const v1::Advice& reason : accuracy.left_out()) {
    report.Row(label, reason.text());
    if (!reason.directive().empty()) report.Line("", reason.directive());
    label = "";
  }
  return report.text();
}

std::vector<Flag> AccuracyReportFlags() {
  constexpr char kGroup[] = "Runs that ended";
  return {{.name = "since",
           .field = "since_time",
           .kind = FlagKind::kText,
           .placeholder = "DATE",
           .help = "that ended since a date as 2027-03-01, or in the last 30d",
           .group = kGroup},
          {.name = "cluster",
           .field = "cluster",
           .kind = FlagKind::kText,
           .placeholder = "NAME",
           .help = "of this cluster alone",
           .group = kGroup,
           .completion = Completion::kCluster}};
}

int RunAccuracyReport(const Invocation& invocation, Context& context) {
  const absl::StatusOr<OutputOptions> output = ReadOutputOptions(invocation);
  if (!output.ok()) return FailUsage(context, output.status());
  const absl::StatusOr<v1::GetAccuracyReportRequest> request =
      ReadQuestion(invocation, context.now_unix_seconds);
  if (!request.ok()) return FailUsage(context, request.status());
  const absl::StatusOr<Home> home = context.open_home(invocation, context);
  if (!home.ok()) return Fail(context, home.status());
  const absl::StatusOr<v1::AccuracyReport> report = home->client->GetAccuracyReport(*request);
  if (!report.ok()) return Fail(context, report.status());
  const auto table = [&] {
    return output->table.parsable
               ? RenderTable(AccuracyGroupsTable(*report), output->table, context.out_terminal)
               : RenderAccuracyReport(*report, output->table, context.out_terminal);
  };
  const absl::Status written = WriteMessage(*report, *output, table, {}, context);
  return written.ok() ? kExitOk : Fail(context, written);
}

}  // namespace rhumb::cli
