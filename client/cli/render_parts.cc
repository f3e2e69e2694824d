// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_parts.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/format.h"
#include "client/cli/request_fields.h"
#include "client/cli/step_causes.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

// "tensor 2"; degrees of 1 say nothing.
std::string Degree(const char* name, int64_t size) {
  return size > 1 ? absl::StrCat(name, " ", FormatInteger(size)) : "";
}

void AddStep(const v1::StepBreakdown& step, double step_seconds, Report& report) {
  std::vector<std::string> texts;
  for (const StepCause& cause : kStepCauses) {
    const double seconds = (step.*cause.seconds)();
    if (seconds <= 0 || step_seconds <= 0) continue;
    texts.push_back(absl::StrCat(cause.name, " ", FormatFraction(seconds / step_seconds)));
  }
  report.Row("", absl::StrCat("of a step: ", JoinParts(texts, ", ")));
}

}  // namespace

std::string DescribeAllocation(const v1::Plan::Allocation& allocation) {
  std::string text =
      absl::StrCat(FormatInteger(allocation.gpu_count()), " x ", allocation.gpu_type());
  if (allocation.node_count() > 1) {
    absl::StrAppend(&text, " in ", FormatInteger(allocation.node_count()), " nodes of ",
                    allocation.gpus_per_node());
  } else if (allocation.node_count() == 1) {
    absl::StrAppend(&text, " in one node");
  }
  if (!allocation.cluster().empty())
    absl::StrAppend(&text, ", cluster ", BareName(allocation.cluster()));
  if (!allocation.partition().empty())
    absl::StrAppend(&text, ", partition ", allocation.partition());
  return text;
}

void AddModel(const v1::Architecture& model, Report& report) {
  const std::string convention = ConventionName(model.param_count_convention());
  std::string count =
      absl::StrCat(FormatCount(static_cast<double>(model.param_count())), " parameters");
  if (!convention.empty()) absl::StrAppend(&count, " (", convention, ")");
  if (model.has_active_param_count() && model.expert_count() > 0) {
    absl::StrAppend(&count, ", ", FormatCount(static_cast<double>(model.active_param_count())),
                    " active");
  }
  std::string heads = absl::StrCat(FormatInteger(model.num_attention_heads()), " heads");
  if (model.has_num_key_value_heads() &&
      model.num_key_value_heads() != model.num_attention_heads()) {
    absl::StrAppend(&heads, " (", model.num_key_value_heads(), " KV)");
  }
  if (model.has_head_dim()) absl::StrAppend(&heads, " of ", model.head_dim());
  const std::string ffn = model.ffn_hidden_size() > 0
                              ? absl::StrCat("FFN ", FormatInteger(model.ffn_hidden_size()),
                                             model.gated() ? " gated" : "")
                              : "";
  const std::string experts =
      model.expert_count() > 0 ? absl::StrCat(FormatInteger(model.expert_count()), " experts of ",
                                              FormatInteger(model.moe_ffn_hidden_size()), ", ",
                                              model.experts_per_token(), " a token")
                               : "";
  const std::string sequence =
      model.has_sequence_length()
          ? absl::StrCat("sequences of ", FormatInteger(model.sequence_length()), " tokens")
          : "";
  report.Row("Model",
             absl::StrCat(model.name().empty() ? "" : absl::StrCat(model.name(), ": "), count));
  report.Row("", JoinParts({Counted(model.num_layers(), "layer"),
                            absl::StrCat("hidden ", FormatInteger(model.hidden_size())), heads, ffn,
                            experts, absl::StrCat("vocabulary ", FormatInteger(model.vocab_size())),
                            sequence},
                           ", "));
}

void AddLayout(const v1::Layout& layout, Report& report) {
  const std::string degrees = JoinParts({Degree("tensor", layout.tensor_parallel_size()),
                                         Degree("pipeline", layout.pipeline_parallel_size()),
                                         Degree("context", layout.context_parallel_size()),
                                         Degree("data", layout.data_parallel_size())},
                                        " x ");
  const std::string expert = Degree("expert parallel", layout.expert_parallel_size());
  const std::string virtual_stages =
      layout.virtual_pipeline_stages() > 1
          ? absl::StrCat(layout.virtual_pipeline_stages(), " virtual stages")
          : "";
  const std::string recompute =
      layout.recompute() == v1::RECOMPUTE_UNSPECIFIED
          ? ""
          : absl::StrCat(
                "recompute ",
                EnumChoice(*v1::Recompute_descriptor()->FindValueByNumber(layout.recompute())));
  const std::string precision =
      layout.precision() == v1::PRECISION_UNSPECIFIED
          ? ""
          : EnumChoice(*v1::Precision_descriptor()->FindValueByNumber(layout.precision()));
  report.Row(
      "Layout",
      JoinParts({degrees.empty() ? "one rank" : absl::StrCat(degrees, " parallel"), expert,
                 virtual_stages, absl::StrCat("ZeRO ", layout.zero_stage()),
                 absl::StrCat("micro-batch ", layout.micro_batch_size(), " x ",
                              FormatInteger(layout.gradient_accumulation_steps()), " accumulated"),
                 recompute, precision, layout.framework()},
                ", "));
}

void AddMemory(const v1::MemoryPlan& memory, const MemoryShown& shown, Report& report) {
  const std::string margin = memory.headroom_bytes() >= 0
                                 ? absl::StrCat(FormatBytes(memory.headroom_bytes()), " to spare")
                                 : absl::StrCat(FormatBytes(-memory.headroom_bytes()), " too much");
  report.Row("Memory",
             absl::StrCat(FormatBytes(memory.peak_bytes()), " of ",
                          FormatBytes(memory.capacity_bytes()), " on the fullest GPU, ", margin,
                          "; 95% of runs stay below ", FormatBytes(memory.p95_bytes())));
  report.MemoryBar(memory);
  if (shown.parts && memory.other_bytes() > 0) {
    report.Row(
        "", absl::StrCat("other ", FormatBytes(memory.other_bytes()), " = logits ",
                         FormatBytes(memory.logits_bytes()), " + workspace ",
                         FormatBytes(memory.workspace_bytes()), " + allocator and device context ",
                         FormatBytes(memory.counter_bytes())));
  }
  if (!shown.stages) return;
  if (memory.stages_size() > 0) {
    report.Row("", "by stage in live tensors, without allocator and device context:");
  }
  for (int i = 0; i < memory.stages_size(); ++i) {
    const v1::StageMemory& stage = memory.stages(i);
    report.Row("", absl::StrCat("stage ", i, ": ", FormatBytes(stage.total_bytes()), " = weights ",
                                FormatBytes(stage.weights_bytes()), " + gradients ",
                                FormatBytes(stage.gradients_bytes()), " + optimizer ",
                                FormatBytes(stage.optimizer_bytes()), " + activations ",
                                FormatBytes(stage.activations_bytes()), " + other ",
                                FormatBytes(stage.other_bytes())));
  }
}

void AddTime(const v1::TimePlan& time, const TimeShown& shown, Report& report) {
  // The interval of `seconds` of the whole, as that of the whole.
  const auto interval = [&](double seconds) -> std::string {
    if (!time.has_wall_low_seconds() || !time.has_wall_high_seconds()) return "";
    const double share = seconds / time.wall_seconds();
    return absl::StrCat(" (", shown.level > 0 ? absl::StrCat(FormatLevel(shown.level), ": ") : "",
                        FormatDuration(time.wall_low_seconds() * share), " to ",
                        FormatDuration(time.wall_high_seconds() * share), ")");
  };
  const bool has_wall = shown.whole_run && time.wall_seconds() > 0;
  if (has_wall) {
    report.Row("Time",
               absl::StrCat(FormatDuration(time.wall_seconds()), interval(time.wall_seconds())));
  }
  std::vector<std::string> overheads;
  for (const v1::Overhead& overhead : time.overheads()) {
    overheads.push_back(absl::StrCat(overhead.item(), " ", FormatDuration(overhead.seconds())));
  }
  if (shown.whole_run && time.train_seconds() > 0) {
    std::string parts = absl::StrCat(FormatDuration(time.train_seconds()), " of steps");
    if (time.overhead_seconds() > 0) {
      absl::StrAppend(&parts, " + ", FormatDuration(time.overhead_seconds()), " of overheads",
                      overheads.empty() ? "" : absl::StrCat(" (", JoinParts(overheads, ", "), ")"));
    }
    report.Row("", parts);
  }
  if (shown.whole_run && time.job_count() > 1) {
    report.Row("", absl::StrCat("runs as ", time.job_count(), " jobs of at most ",
                                FormatDuration(time.job_limit_seconds()), " each"));
  }
  const std::string step = time.step_seconds() > 0
                               ? absl::StrCat(FormatDuration(time.step_seconds()), " a step",
                                              has_wall ? "" : interval(time.step_seconds()))
                               : "";
  const std::string mfu = absl::StrCat(
      "MFU ", FormatFraction(time.mfu()),
      time.peak_flops_per_second() > 0
          ? absl::StrCat(" of ", FormatFlopsPerSecond(time.peak_flops_per_second()), " a GPU")
          : "");
  report.Row(has_wall ? "" : "Time",
             JoinParts({step, mfu, FormatTokensPerSecond(time.tokens_per_second())}, ", "));
  if (shown.causes && time.has_step_breakdown())
    AddStep(time.step_breakdown(), time.step_seconds(), report);
}

void AddCost(const v1::Plan::Cost& cost, Report& report) {
  report.Row(
      "Cost",
      JoinParts(
          {cost.has_total_usd() ? FormatUsd(cost.total_usd()) : "no price known",
           absl::StrCat(FormatCount(cost.gpu_hours()), " GPU-hours"),
           cost.energy_kwh() > 0 ? FormatEnergy(cost.energy_kwh()) : "",
           cost.co2e_kg() > 0 ? absl::StrCat(FormatMass(cost.co2e_kg()), " CO2e") : "",
           cost.has_inference_usd() ? absl::StrCat("inference ", FormatUsd(cost.inference_usd()))
                                    : "",
           cost.has_lifetime_usd() ? absl::StrCat("lifetime ", FormatUsd(cost.lifetime_usd()))
                                   : ""},
          ", "));
}

void AddCalibration(const v1::Plan::Calibration& calibration, Report& report) {
  if (calibration.name().empty()) return;
  const std::string name =
      absl::StrCat(BareName(calibration.name()), ", version ", calibration.version());
  if (calibration.run_count() == 0) {
    report.Row("Calibration", absl::StrCat(name, ", has no runs of ", calibration.gpu_family(),
                                           ": constants as shipped"));
    return;
  }
  report.Row(
      "Calibration",
      JoinParts({name,
                 absl::StrCat(Counted(calibration.run_count(), "run"), " of ",
                              Counted(calibration.table_count(), "table"), " on ",
                              calibration.gpu_family()),
                 calibration.has_left_out_error_fraction()
                     ? absl::StrCat("error ", FormatFraction(calibration.left_out_error_fraction()),
                                    " on runs left out")
                     : "too few to leave any out"},
                ", "));
}

void AddWarnings(const google::protobuf::RepeatedPtrField<v1::Plan::Warning>& warnings,
                 Report& report) {
  const char* label = "Warnings";
  for (const v1::Plan::Warning& warning : warnings) {
    report.Row(label, absl::StrCat(warning.text(), " [", warning.code(), "]"), Style::kWarning);
    label = "";
  }
}

void AddAssumptions(const google::protobuf::RepeatedPtrField<v1::Plan::Assumption>& assumptions,
                    bool sources, Report& report) {
  std::vector<std::string> texts;
  for (const v1::Plan::Assumption& assumption : assumptions) {
    const std::string text = absl::StrCat(assumption.field(), " = ", assumption.value());
    texts.push_back(sources ? absl::StrCat(text, " (", assumption.source(), ")") : text);
  }
  if (texts.empty()) return;
  if (!sources) {
    report.Row("Assumed",
               absl::StrCat("defaults, -o wide has their sources: ", JoinParts(texts, "; ")),
               Style::kDim);
    return;
  }
  const char* label = "Assumed";
  for (const std::string& text : texts) {
    report.Row(label, text, Style::kDim);
    label = "";
  }
}

}  // namespace rhumb::cli
