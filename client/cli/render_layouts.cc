// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_layouts.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/cli/request_fields.h"
#include "client/cli/step_causes.h"
#include "client/cli/table.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

using Choices = google::protobuf::RepeatedPtrField<v1::Plan::LayoutChoice>;

// A part of a layout as a column.
struct Part {
  const char* title;
  int64_t (v1::Layout::*value)() const;
};
constexpr Part kParts[] = {
    {"TP", &v1::Layout::tensor_parallel_size},     {"PP", &v1::Layout::pipeline_parallel_size},
    {"VPP", &v1::Layout::virtual_pipeline_stages}, {"CP", &v1::Layout::context_parallel_size},
    {"EP", &v1::Layout::expert_parallel_size},     {"DP", &v1::Layout::data_parallel_size},
};

bool AnyAbove(const Choices& choices, const Part& part) {
  return std::any_of(choices.begin(), choices.end(), [&](const v1::Plan::LayoutChoice& choice) {
    return (choice.layout().*part.value)() > 1;
  });
}

bool AnyTakes(const Choices& choices, const StepCause& cause) {
  return std::any_of(choices.begin(), choices.end(), [&](const v1::Plan::LayoutChoice& choice) {
    return (choice.step_breakdown().*cause.seconds)() > 0;
  });
}

std::string RecomputeName(v1::Recompute recompute) {
  return EnumChoice(*v1::Recompute_descriptor()->FindValueByNumber(recompute));
}

// Degrees beside each other, and what else a layout has; those that are 1 everywhere say nothing.
Table LayoutsTable(const Choices& choices) {
  Table table;
  for (const Part& part : kParts) {
    if (AnyAbove(choices, part)) table.columns.push_back({.title = part.title, .number = true});
  }
  for (const char* title : {"ZERO", "MICRO-BATCH"}) {
    table.columns.push_back({.title = title, .number = true});
  }
  table.columns.push_back({.title = "RECOMPUTE"});
  for (const char* title : {"BATCH", "STEP", "TOKENS/S", "MFU", "MEMORY", "WALL", "LOSS"}) {
    table.columns.push_back({.title = title, .number = true});
  }
  for (const v1::Plan::LayoutChoice& choice : choices) {
    std::vector<std::string>& row = table.rows.emplace_back();
    for (const Part& part : kParts) {
      if (AnyAbove(choices, part)) row.push_back(absl::StrCat((choice.layout().*part.value)()));
    }
    row.push_back(absl::StrCat(choice.layout().zero_stage()));
    row.push_back(absl::StrCat(choice.layout().micro_batch_size(), " x ",
                               FormatInteger(choice.layout().gradient_accumulation_steps())));
    row.push_back(RecomputeName(choice.layout().recompute()));
    row.push_back(FormatCount(static_cast<double>(choice.global_batch_tokens())));
    row.push_back(FormatDuration(choice.step_seconds()));
    row.push_back(FormatCount(choice.tokens_per_second()));
    row.push_back(FormatFraction(choice.mfu()));
    row.push_back(FormatBytes(choice.peak_bytes()));
    row.push_back(FormatDuration(choice.wall_seconds()));
    row.push_back(FormatLoss(choice.loss_nats()));
  }
  return table;
}

Table CausesTable(const Choices& choices) {
  Table table;
  table.columns.push_back({.title = "LAYOUT", .number = true});
  for (const StepCause& cause : kStepCauses) {
    if (AnyTakes(choices, cause)) table.columns.push_back({.title = cause.title, .number = true});
  }
  int number = 0;
  for (const v1::Plan::LayoutChoice& choice : choices) {
    std::vector<std::string>& row = table.rows.emplace_back();
    row.push_back(absl::StrCat(++number));
    for (const StepCause& cause : kStepCauses) {
      if (!AnyTakes(choices, cause)) continue;
      row.push_back(
          FormatFraction((choice.step_breakdown().*cause.seconds)() / choice.step_seconds()));
    }
  }
  return table;
}

}  // namespace

void AddBestLayouts(const v1::Plan& plan, const Terminal& terminal, Report& report) {
  const Choices& choices = plan.best_layouts();
  if (choices.empty()) return;
  report.Row("Layouts",
             absl::StrCat("the best ", Counted(choices.size(), "layout"),
                          " of this model on these GPUs, each with its own best batch in tokens; "
                          "the first is the plan's"));
  Table layouts = LayoutsTable(choices);
  layouts.columns.insert(layouts.columns.begin(), {.title = "LAYOUT", .number = true});
  for (size_t i = 0; i < layouts.rows.size(); ++i) {
    layouts.rows[i].insert(layouts.rows[i].begin(), absl::StrCat(i + 1));
  }
  report.Block(RenderTable(layouts, {}, terminal));
  report.Row("", "of the time of a step:");
  report.Block(RenderTable(CausesTable(choices), {}, terminal));
}

}  // namespace rhumb::cli
