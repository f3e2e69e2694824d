// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_replan.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/cli/render_plan.h"
#include "client/cli/report.h"
#include "client/cli/request_fields.h"
#include "client/cli/table.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

std::string LayoutText(const v1::Plan& plan) {
  const v1::Layout& layout = plan.layout();
  std::string text = absl::StrCat("tensor ", layout.tensor_parallel_size(), ", pipeline ",
                                  layout.pipeline_parallel_size());
  if (layout.virtual_pipeline_stages() > 1) {
    absl::StrAppend(&text, " x ", layout.virtual_pipeline_stages());
  }
  if (layout.context_parallel_size() > 1) {
    absl::StrAppend(&text, ", context ", layout.context_parallel_size());
  }
  if (layout.expert_parallel_size() > 1) {
    absl::StrAppend(&text, ", expert ", layout.expert_parallel_size());
  }
  return absl::StrCat(text, ", data ", layout.data_parallel_size());
}

std::string BatchText(const v1::Plan& plan) {
  const v1::Layout& layout = plan.layout();
  return absl::StrCat(FormatInteger(plan.batch().global_batch_tokens()),
                      " tokens = ", layout.micro_batch_size(), " x ",
                      layout.gradient_accumulation_steps(), " x ", layout.data_parallel_size(),
                      " sequences");
}

struct ComparedRow {
  const char* title;
  std::string (*text)(const v1::Plan& plan);
};

// What both plans say; the time that they take is of different parts of the run.
constexpr ComparedRow kRows[] = {
    {"GPUs",
     [](const v1::Plan& plan) {
       return absl::StrCat(plan.allocation().gpu_count(), " x ", plan.allocation().gpu_type());
     }},
    {"layout", LayoutText},
    {"batch", BatchText},
    {"ZeRO stage", [](const v1::Plan& plan) { return absl::StrCat(plan.layout().zero_stage()); }},
    {"recompute",
     [](const v1::Plan& plan) {
       return EnumChoice(*v1::Recompute_descriptor()->FindValueByNumber(plan.layout().recompute()));
     }},
    {"tokens in all",
     [](const v1::Plan& plan) { return FormatCount(static_cast<double>(plan.token_count())); }},
    {"last step", [](const v1::Plan& plan) { return FormatInteger(plan.batch().step_count()); }},
    {"step time",
     [](const v1::Plan& plan) { return absl::StrFormat("%.4g s", plan.time().step_seconds()); }},
    {"MFU", [](const v1::Plan& plan) { return FormatFraction(plan.time().mfu()); }},
    {"peak memory", [](const v1::Plan& plan) { return FormatBytes(plan.memory().peak_bytes()); }},
    {"expected loss", [](const v1::Plan& plan) { return FormatLossEstimate(plan.loss()); }},
};

std::string Comparison(const std::optional<v1::Plan>& before, const v1::Plan& after,
                       const Terminal& terminal) {
  Table table;
  table.columns = {{" "}, {"IN FORCE"}, {"NEW"}, {" "}};
  for (const ComparedRow& row : kRows) {
    const std::string now = row.text(after);
    const std::string then = before.has_value() ? row.text(*before) : "";
    table.rows.push_back(
        {row.title, then, now, before.has_value() && then != now ? "changes" : " "});
  }
  return RenderTable(table, {}, terminal);
}

std::string Headline(const v1::ReplanRunResponse& response) {
  const v1::Plan& plan = response.plan();
  if (plan.state() != v1::Plan::STATE_FEASIBLE) {
    return absl::StrCat("No plan for the rest of ", response.run().name(), ".");
  }
  std::string text = absl::StrCat("The rest of ", response.run().name(), " takes ",
                                  FormatDuration(plan.time().wall_seconds()), " on ",
                                  plan.allocation().gpu_count(), " ", plan.allocation().gpu_type());
  if (plan.cost().has_total_usd()) {
    absl::StrAppend(&text, " and costs ", FormatUsd(plan.cost().total_usd()));
  }
  return absl::StrCat(text, ".");
}

}  // namespace

std::string RenderReplan(const std::optional<v1::Plan>& before,
                         const v1::ReplanRunResponse& response, const Terminal& terminal) {
  const v1::Plan& plan = response.plan();
  const bool feasible = plan.state() == v1::Plan::STATE_FEASIBLE;
  Report report(terminal);
  report.Sentence(Headline(response), feasible ? Style::kBold : Style::kBad);
  if (feasible) report.Block(Comparison(before, plan, terminal));
  std::string label = "Changes";
  for (const v1::Advice& advice : response.advice()) {
    if (advice.code() != "CHANGE") continue;
    report.Row(label, advice.text());
    label.clear();
  }
  label = "Advice";
  for (const v1::Advice& advice : response.advice()) {
    if (advice.code() == "CHANGE") continue;
    report.Row(label, advice.text());
    if (!advice.directive().empty())
      report.Row("", absl::StrCat("  ", advice.directive()), Style::kBold);
    label.clear();
  }
  // What only might be is stored under no name.
  if (!plan.name().empty() && response.run().plan() == plan.name()) {
    report.Row("Plan", plan.name());
  }
  return report.text();
}

}  // namespace rhumb::cli
