// SPDX-License-Identifier: Apache-2.0
// torchtitan's job config.
#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/launch/config_parts.h"
#include "client/launch/emit_configs.h"
#include "client/launch/emit_parts.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

int64_t VirtualStages(const v1::Layout& layout) {
  return std::max<int64_t>(1, layout.virtual_pipeline_stages());
}

absl::Status CheckTorchtitan(const v1::Plan& plan) {
  const v1::Layout& layout = plan.layout();
  const int64_t num_layers = plan.model().num_layers();
  RHUMB_RETURN_IF_ERROR(RefusePrecision(
      layout, {v1::PRECISION_BF16},
      "torchtitan's config trains in bf16; its converters for other formats are called differently "
      "from release to release"));
  if (layout.zero_stage() == 1) {
    return CannotExpress("layout.zero_stage", "1",
                         "torchtitan shards gradients with the optimizer (2), parameters too (3), "
                         "or nothing (0)");
  }
  const int64_t p = layout.pipeline_parallel_size();
  const int64_t v = VirtualStages(layout);
  if (v > 2) {
    return CannotExpress("layout.virtual_pipeline_stages", absl::StrCat(v),
                         "torchtitan's interleaved schedule places two stages on a rank");
  }
  if (num_layers % (p * v) != 0) {
    return CannotExpress("layout.pipeline_parallel_size", absl::StrCat(p),
                         absl::StrCat("torchtitan splits ", num_layers,
                                      " layers over its stages otherwise than the plan"));
  }
  return absl::OkStatus();
}

std::string OptimizerSections(const v1::Plan& plan) {
  if (!plan.has_learning_rate() || plan.learning_rate().peak() <= 0) return "";
  std::string text = absl::StrCat("\n[optimizer]\nlr = ", LearningRateText(plan), "\n");
  if (plan.learning_rate().schedule().rfind("cosine to 10% of peak", 0) == 0) {
    absl::StrAppend(&text, "\n[lr_scheduler]\ndecay_type = \"cosine\"\nmin_lr_factor = 0.1\n");
  }
  return text;
}

std::string TrainingSection(const v1::Plan& plan) {
  const v1::Layout& layout = plan.layout();
  // Its pipeline cuts the local batch into micro-batches; without one, the local batch is one.
  const int64_t passes =
      layout.pipeline_parallel_size() > 1 ? layout.gradient_accumulation_steps() : 1;
  std::string text =
      absl::StrCat("\n[training]\nlocal_batch_size = ", layout.micro_batch_size() * passes,
                   "\nglobal_batch_size = ", plan.batch().global_batch_size());
  absl::StrAppend(&text, "\nseq_len = ", plan.model().sequence_length(),
                  "\nsteps = ", plan.batch().step_count(),
                  "\nmixed_precision_param = \"bfloat16\"\n");
  return text;
}

std::string ParallelismSection(const v1::Layout& layout) {
  const bool sharded = layout.zero_stage() >= 2;
  const int64_t p = layout.pipeline_parallel_size();
  std::string text =
      absl::StrCat("\n[parallelism]\ndata_parallel_replicate_degree = ",
                   sharded ? 1 : layout.data_parallel_size(),
                   "\ndata_parallel_shard_degree = ", sharded ? layout.data_parallel_size() : 1);
  if (sharded) {
    absl::StrAppend(&text, "\nfsdp_reshard_after_forward = \"",
                    layout.zero_stage() == 3 ? "always" : "never", "\"");
  }
  absl::StrAppend(&text, "\ntensor_parallel_degree = ", layout.tensor_parallel_size(),
                  "\npipeline_parallel_degree = ", p);
  if (p > 1) {
    absl::StrAppend(&text, "\npipeline_parallel_schedule = \"",
                    VirtualStages(layout) > 1 ? "Interleaved1F1B" : "1F1B",
                    "\"\npipeline_parallel_microbatch_size = ", layout.micro_batch_size());
  }
  absl::StrAppend(&text, "\ncontext_parallel_degree = ", layout.context_parallel_size(),
                  "\nexpert_parallel_degree = ", layout.expert_parallel_size(), "\n");
  return text;
}

std::string RecomputeSection(const v1::Layout& layout) {
  std::string text = absl::StrCat("\n[activation_checkpoint]\nmode = \"",
                                  RecomputeName(layout.recompute()), "\"\n");
  if (layout.recompute() == v1::RECOMPUTE_SELECTIVE) {
    absl::StrAppend(&text, "selective_ac_option = \"op\"\n");
  }
  return text;
}

}  // namespace

absl::StatusOr<LaunchText> WriteTorchtitan(const v1::Plan& plan) {
  RHUMB_RETURN_IF_ERROR(CheckTorchtitan(plan));
  LaunchText launch;
  launch.remarks = ConfigRemarks(plan, LaunchKind::kTorchtitan);
  launch.text = absl::StrCat(
      ConfigHeader(
          plan,
          {"Job config of torchtitan 0.2, whose later releases are configured in Python.",
           ShapeLine(plan.model()),
           "To fill in: model.name and model.flavor (torchtitan's registry, not this file, holds "
           "the shape), model.hf_assets_path (tokenizer), training.dataset, "
           "training.dataset_path, lr_scheduler.warmup_steps, checkpoint.folder and interval."},
          launch.remarks),
      "\n[job]\ndescription = \"", plan.name().empty() ? "rhumb" : OneLine(plan.name()), "\"\n");
  absl::StrAppend(&launch.text, OptimizerSections(plan), TrainingSection(plan),
                  ParallelismSection(plan.layout()), RecomputeSection(plan.layout()));
  if (plan.layout().framework() == "torchtitan") {
    absl::StrAppend(&launch.text, "\n[compile]\nenable = true\n");
  }
  return launch;
}

}  // namespace rhumb::launch
