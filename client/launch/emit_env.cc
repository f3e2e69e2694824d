// SPDX-License-Identifier: Apache-2.0
// A plan as shell variables.
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/launch/emit_parts.h"
#include "client/launch/emit_shell.h"

namespace rhumb::launch {
namespace {

// Collects "export RHUMB_NAME=value" lines.
class Exports {
 public:
  explicit Exports(std::string header) : text_(std::move(header)) {}

  void Text(absl::string_view name, absl::string_view value) {
    if (!value.empty()) text_ += Export(absl::StrCat("RHUMB_", name), value);
  }
  void Integer(absl::string_view name, int64_t value) { Text(name, absl::StrCat(value)); }
  void Number(absl::string_view name, double value) { Text(name, absl::StrFormat("%.15g", value)); }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

void AddModel(const v1::Plan& plan, Exports& out) {
  const v1::Architecture& model = plan.model();
  out.Integer("PARAM_COUNT", model.param_count());
  out.Integer("TOKEN_COUNT", plan.token_count());
  if (plan.has_training_flops()) out.Number("TRAINING_FLOPS", plan.training_flops());
  if (model.num_layers() > 0) {
    out.Integer("NUM_LAYERS", model.num_layers());
    out.Integer("HIDDEN_SIZE", model.hidden_size());
    out.Integer("FFN_HIDDEN_SIZE", model.ffn_hidden_size());
    out.Integer("NUM_ATTENTION_HEADS", model.num_attention_heads());
    out.Integer("NUM_KEY_VALUE_HEADS", model.num_key_value_heads());
    out.Integer("HEAD_DIM", model.head_dim());
    out.Integer("VOCAB_SIZE", model.vocab_size());
    out.Integer("SEQUENCE_LENGTH", model.sequence_length());
  }
  if (plan.has_batch()) {
    out.Integer("GLOBAL_BATCH_SIZE", plan.batch().global_batch_size());
    out.Integer("GLOBAL_BATCH_TOKENS", plan.batch().global_batch_tokens());
    out.Integer("STEP_COUNT", plan.batch().step_count());
  }
  if (plan.has_learning_rate() && plan.learning_rate().peak() > 0) {
    out.Text("LEARNING_RATE", LearningRateText(plan));
  }
}

void AddAllocation(const v1::Plan::Allocation& allocation, const LaunchOptions& options,
                   Exports& out) {
  out.Text("GPU_TYPE", allocation.gpu_type());
  out.Integer("GPU_COUNT", allocation.gpu_count());
  out.Integer("NODE_COUNT", allocation.node_count());
  out.Integer("GPUS_PER_NODE", allocation.gpus_per_node());
  out.Text("CLUSTER", allocation.cluster());
  out.Text("PARTITION", allocation.partition());
  if (options.inter_node_gbps_per_gpu.has_value()) {
    out.Number("INTER_NODE_GBPS", *options.inter_node_gbps_per_gpu);
  }
}

void AddLayout(const v1::Layout& layout, Exports& out) {
  out.Integer("TENSOR_PARALLEL_SIZE", layout.tensor_parallel_size());
  out.Integer("PIPELINE_PARALLEL_SIZE", layout.pipeline_parallel_size());
  out.Integer("CONTEXT_PARALLEL_SIZE", layout.context_parallel_size());
  out.Integer("EXPERT_PARALLEL_SIZE", layout.expert_parallel_size());
  out.Integer("DATA_PARALLEL_SIZE", layout.data_parallel_size());
  out.Integer("VIRTUAL_PIPELINE_STAGES", layout.virtual_pipeline_stages());
  out.Integer("ZERO_STAGE", layout.zero_stage());
  out.Integer("MICRO_BATCH_SIZE", layout.micro_batch_size());
  out.Integer("GRADIENT_ACCUMULATION_STEPS", layout.gradient_accumulation_steps());
  out.Text("RECOMPUTE", RecomputeName(layout.recompute()));
  out.Text("PRECISION", PrecisionName(layout.precision()));
  out.Text("FRAMEWORK", layout.framework());
}

}  // namespace

absl::StatusOr<LaunchText> WriteEnv(const v1::Plan& plan, const LaunchOptions& options) {
  Exports out(ShellHeader(plan, {"To fill in: nothing; these are the plan's own numbers."}, {}));
  out.Text("PLAN", plan.name());
  out.Text("LAW", plan.law().name());
  AddModel(plan, out);
  if (plan.has_allocation()) AddAllocation(plan.allocation(), options, out);
  if (plan.has_layout()) AddLayout(plan.layout(), out);
  if (plan.has_time() && plan.time().wall_seconds() > 0) {
    out.Text("WALL_SECONDS", absl::StrFormat("%.0f", plan.time().wall_seconds()));
    if (plan.time().has_wall_high_seconds()) {
      out.Text("WALL_HIGH_SECONDS", absl::StrFormat("%.0f", plan.time().wall_high_seconds()));
    }
    // Plans of before there were chains say nothing of jobs.
    if (plan.time().job_count() > 0) out.Integer("JOB_COUNT", plan.time().job_count());
    if (plan.time().has_job_limit_seconds()) {
      out.Number("JOB_LIMIT_SECONDS", plan.time().job_limit_seconds());
    }
  }
  LaunchText launch;
  launch.text = std::move(out).text();
  return launch;
}

}  // namespace rhumb::launch
