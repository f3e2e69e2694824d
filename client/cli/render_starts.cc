// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_starts.h"

#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/format.h"
#include "client/cli/json_object.h"
#include "client/cli/report.h"
#include "client/cli/table.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

// Slurm schedules by the half minute.
constexpr double kNowSeconds = 60;

Table StartsTable(const PlansByStart& starts, double now_unix_seconds) {
  Table table;
  table.columns = {{.title = "START"},
                   {.title = "END"},
                   {.title = "GPUS"},
                   {.title = "NODES"},
                   {.title = "PARTITION"},
                   {.title = "LOSS", .number = true},
                   {.title = "GPU-HOURS", .number = true},
                   {.title = "COST", .number = true},
                   {.title = "PLAN"}};
  for (const StartOption& option : starts.options) {
    const v1::Plan& plan = option.plan;
    table.rows.push_back(
        {DescribeWait(option.wait_seconds), UtcTime(now_unix_seconds + option.FinishSeconds()),
         absl::StrCat(plan.allocation().gpu_count(), "x", plan.allocation().gpu_type()),
         option.start.node_list, option.start.partition,
         plan.has_loss() ? FormatLoss(plan.loss().mean_nats()) : "",
         FormatInteger(std::llround(plan.cost().gpu_hours())),
         plan.cost().has_total_usd() ? FormatUsd(plan.cost().total_usd()) : "",
         BareName(plan.name())});
  }
  return table;
}

}  // namespace

std::string DescribeWait(double wait_seconds) {
  return wait_seconds <= kNowSeconds ? "now" : absl::StrCat("in ", FormatDuration(wait_seconds));
}

std::string UtcTime(double unix_seconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(std::llround(unix_seconds)),
                          absl::UTCTimeZone());
}

std::string RenderStarts(const PlansByStart& starts, double now_unix_seconds,
                         const Terminal& terminal) {
  Report report(terminal);
  report.Row("Starts", starts.options.size() > 1
                           ? "by Slurm's forecast, the best for the objective first; that plan is "
                             "shown above"
                           : "by Slurm's forecast");
  report.Block(RenderTable(StartsTable(starts, now_unix_seconds), {}, terminal));
  for (const std::string& remark : starts.remarks) report.Row("", remark);
  return report.text();
}

std::string JsonOfStarts(const PlansByStart& starts, double now_unix_seconds) {
  std::vector<std::string> items;
  for (const StartOption& option : starts.options) {
    const v1::Plan& plan = option.plan;
    JsonObject item;
    item.Text("plan", plan.name())
        .Text("start_time", UtcTime(static_cast<double>(option.start.start_unix_seconds)))
        .Number("wait_seconds", option.wait_seconds)
        .Text("finish_time", UtcTime(now_unix_seconds + option.FinishSeconds()))
        .Text("node_list", option.start.node_list)
        .Text("partition", option.start.partition)
        .Text("gpu_type", plan.allocation().gpu_type())
        .Integer("gpu_count", plan.allocation().gpu_count())
        .Number("wall_seconds", plan.time().wall_seconds());
    if (plan.has_loss()) item.Number("loss_nats", plan.loss().mean_nats());
    item.Number("gpu_hours", plan.cost().gpu_hours());
    if (plan.cost().has_total_usd()) item.Number("total_usd", plan.cost().total_usd());
    items.push_back(item.str());
  }
  return JsonList(items);
}

}  // namespace rhumb::cli
