// SPDX-License-Identifier: Apache-2.0
#include "client/launch/emit_configs.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/launch/emit_parts.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

struct Degree {
  const char* field;
  int64_t size;
};

// INVALID_ARGUMENT naming the first of `degrees` above 1.
absl::Status RefuseDegrees(const std::vector<Degree>& degrees, absl::string_view reason) {
  for (const Degree& degree : degrees) {
    if (degree.size > 1) {
      return CannotExpress(absl::StrCat("layout.", degree.field), absl::StrCat(degree.size),
                           reason);
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> Remarks(const v1::Plan& plan, LaunchKind kind) {
  std::vector<std::string> remarks;
  std::string framework = FrameworkRemark(plan, kind);
  if (!framework.empty()) remarks.push_back(std::move(framework));
  return remarks;
}

std::string Header(const v1::Plan& plan, std::vector<std::string> more,
                   const std::vector<std::string>& remarks) {
  std::vector<std::string> lines = DescribePlan(plan);
  for (std::string& line : more) lines.push_back(std::move(line));
  for (const std::string& remark : remarks) lines.push_back(absl::StrCat("Note: ", remark));
  return HashComments(lines);
}

// The model in words, for those who must register it by hand.
std::string ShapeLine(const v1::Architecture& model) {
  std::string text = absl::StrCat("Model to register: ", model.num_layers(), " layers, hidden ",
                                  model.hidden_size(), ", ", model.num_attention_heads());
  absl::StrAppend(&text, " heads (", model.num_key_value_heads(), " KV) of ", model.head_dim(),
                  ", FFN ", model.ffn_hidden_size());
  absl::StrAppend(&text, model.gated() ? " gated" : "", ", vocabulary ", model.vocab_size());
  if (model.expert_count() > 0) {
    absl::StrAppend(&text, ", ", model.expert_count(), " experts of ", model.moe_ffn_hidden_size(),
                    " (", model.experts_per_token());
    absl::StrAppend(&text, " a token) in ", model.num_moe_layers(), " layers");
  }
  return text;
}

// What the training script must be told, because the configuration has no key for it.
std::string ScriptNeeds(const v1::Plan& plan) {
  std::string text = absl::StrCat("sequences of ", plan.model().sequence_length(), " tokens, ",
                                  plan.batch().step_count(), " steps");
  if (plan.has_learning_rate() && plan.learning_rate().peak() > 0) {
    absl::StrAppend(&text, ", peak learning rate ", LearningRateText(plan), " (a suggestion, ",
                    plan.learning_rate().schedule(), ")");
  }
  return text;
}

absl::Status RefusePrecision(const v1::Layout& layout, const std::vector<v1::Precision>& allowed,
                             absl::string_view reason) {
  if (std::find(allowed.begin(), allowed.end(), layout.precision()) != allowed.end()) {
    return absl::OkStatus();
  }
  return CannotExpress("layout.precision", PrecisionName(layout.precision()), reason);
}

}  // namespace

absl::StatusOr<LaunchText> WriteTorchtitan(const v1::Plan& plan) {
  const v1::Layout& layout = plan.layout();
  const v1::Architecture& model = plan.model();
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
  const int64_t v = std::max<int64_t>(1, layout.virtual_pipeline_stages());
  if (v > 2) {
    return CannotExpress("layout.virtual_pipeline_stages", absl::StrCat(v),
                         "torchtitan's interleaved schedule places two stages on a rank");
  }
  if (model.num_layers() % (p * v) != 0) {
    return CannotExpress("layout.pipeline_parallel_size", absl::StrCat(p),
                         absl::StrCat("torchtitan splits ", model.num_layers(),
                                      " layers over its stages otherwise than the plan"));
  }
  LaunchText launch;
  launch.remarks = Remarks(plan, LaunchKind::kTorchtitan);
  const int64_t micro = layout.micro_batch_size();
  // Its pipeline cuts the local batch into micro-batches; without one, the local batch is one.
  const int64_t local = p > 1 ? micro * layout.gradient_accumulation_steps() : micro;
  const bool sharded = layout.zero_stage() >= 2;
  launch.text = absl::StrCat(
      Header(
          plan,
          {"Job config of torchtitan 0.2, whose later releases are configured in Python.",
           ShapeLine(model),
           "To fill in: model.name and model.flavor (torchtitan's registry, not this file, holds "
           "the shape), model.hf_assets_path (tokenizer), training.dataset, "
           "training.dataset_path, lr_scheduler.warmup_steps, checkpoint.folder and interval."},
          launch.remarks),
      "\n[job]\ndescription = \"", plan.name().empty() ? "rhumb" : OneLine(plan.name()), "\"\n");
  if (plan.has_learning_rate() && plan.learning_rate().peak() > 0) {
    absl::StrAppend(&launch.text, "\n[optimizer]\nlr = ", LearningRateText(plan), "\n");
    if (plan.learning_rate().schedule().rfind("cosine to 10% of peak", 0) == 0) {
      absl::StrAppend(&launch.text,
                      "\n[lr_scheduler]\ndecay_type = \"cosine\"\nmin_lr_factor = 0.1\n");
    }
  }
  absl::StrAppend(&launch.text, "\n[training]\nlocal_batch_size = ", local,
                  "\nglobal_batch_size = ", plan.batch().global_batch_size());
  absl::StrAppend(&launch.text, "\nseq_len = ", model.sequence_length(),
                  "\nsteps = ", plan.batch().step_count(),
                  "\nmixed_precision_param = \"bfloat16\"\n");
  absl::StrAppend(&launch.text, "\n[parallelism]\ndata_parallel_replicate_degree = ",
                  sharded ? 1 : layout.data_parallel_size(),
                  "\ndata_parallel_shard_degree = ", sharded ? layout.data_parallel_size() : 1);
  if (sharded) {
    absl::StrAppend(&launch.text, "\nfsdp_reshard_after_forward = \"",
                    layout.zero_stage() == 3 ? "always" : "never", "\"");
  }
  absl::StrAppend(&launch.text, "\ntensor_parallel_degree = ", layout.tensor_parallel_size(),
                  "\npipeline_parallel_degree = ", p);
  if (p > 1) {
    absl::StrAppend(&launch.text, "\npipeline_parallel_schedule = \"",
                    v > 1 ? "Interleaved1F1B" : "1F1B",
                    "\"\npipeline_parallel_microbatch_size = ", micro);
  }
  absl::StrAppend(&launch.text, "\ncontext_parallel_degree = ", layout.context_parallel_size(),
                  "\nexpert_parallel_degree = ", layout.expert_parallel_size(), "\n");
  absl::StrAppend(&launch.text, "\n[activation_checkpoint]\nmode = \"",
                  RecomputeName(layout.recompute()), "\"\n");
  if (layout.recompute() == v1::RECOMPUTE_SELECTIVE) {
    absl::StrAppend(&launch.text, "selective_ac_option = \"op\"\n");
  }
  if (layout.framework() == "torchtitan") {
    absl::StrAppend(&launch.text, "\n[compile]\nenable = true\n");
  }
  return launch;
}

absl::StatusOr<LaunchText> WriteDeepspeed(const v1::Plan& plan) {
  const v1::Layout& layout = plan.layout();
  RHUMB_RETURN_IF_ERROR(
      RefuseDegrees({{"tensor_parallel_size", layout.tensor_parallel_size()},
                     {"pipeline_parallel_size", layout.pipeline_parallel_size()},
                     {"context_parallel_size", layout.context_parallel_size()},
                     {"expert_parallel_size", layout.expert_parallel_size()}},
                    "a ds_config knows data parallelism only; the rest is the model's own code"));
  RHUMB_RETURN_IF_ERROR(RefusePrecision(layout, {v1::PRECISION_BF16, v1::PRECISION_FP16},
                                        "a ds_config has bf16 and fp16"));
  LaunchText launch;
  // JSON has no comments, and DeepSpeed's readers differ in what they make of unknown keys.
  launch.remarks.push_back(absl::StrCat("ds_config of ",
                                        plan.name().empty() ? "a plan not stored" : plan.name(),
                                        ", law ", plan.law().name()));
  for (std::string& remark : Remarks(plan, LaunchKind::kDeepspeed)) {
    launch.remarks.push_back(std::move(remark));
  }
  launch.remarks.push_back(absl::StrCat("the script must be told: ", ScriptNeeds(plan)));
  launch.remarks.push_back(ShapeLine(plan.model()));
  if (layout.recompute() != v1::RECOMPUTE_NONE) {
    launch.remarks.push_back(absl::StrCat("the model must recompute activations itself: ",
                                          RecomputeName(layout.recompute())));
  }
  launch.remarks.push_back("to fill in: training script, data, tokenizer, optimizer, checkpoints");
  const bool fp16 = layout.precision() == v1::PRECISION_FP16;
  launch.text =
      absl::StrCat("{\n  \"train_batch_size\": ", plan.batch().global_batch_size(),
                   ",\n  \"train_micro_batch_size_per_gpu\": ", layout.micro_batch_size(),
                   ",\n  \"gradient_accumulation_steps\": ", layout.gradient_accumulation_steps());
  absl::StrAppend(&launch.text,
                  ",\n  \"zero_optimization\": {\n    \"stage\": ", layout.zero_stage(),
                  layout.zero_stage() > 0 ? ",\n    \"overlap_comm\": true" : "",
                  "\n  },\n  \"bf16\": {\n    \"enabled\": ", fp16 ? "false" : "true");
  absl::StrAppend(&launch.text, "\n  },\n  \"fp16\": {\n    \"enabled\": ", fp16 ? "true" : "false",
                  "\n  }\n}\n");
  return launch;
}

absl::StatusOr<LaunchText> WriteAccelerate(const v1::Plan& plan) {
  const v1::Layout& layout = plan.layout();
  RHUMB_RETURN_IF_ERROR(RefuseDegrees(
      {{"tensor_parallel_size", layout.tensor_parallel_size()}},
      "accelerate's tensor ranks keep whole activations, the plan counts on sequence parallelism"));
  RHUMB_RETURN_IF_ERROR(RefuseDegrees({{"pipeline_parallel_size", layout.pipeline_parallel_size()},
                                       {"expert_parallel_size", layout.expert_parallel_size()}},
                                      "accelerate's config has no key for it"));
  RHUMB_RETURN_IF_ERROR(RefusePrecision(layout, {v1::PRECISION_BF16, v1::PRECISION_FP16},
                                        "accelerate's fp8 needs a recipe that the plan lacks"));
  if (layout.zero_stage() == 1) {
    return CannotExpress("layout.zero_stage", "1",
                         "accelerate's FSDP shards gradients with the optimizer (2), parameters "
                         "too (3), or nothing (0)");
  }
  const bool sharded = layout.zero_stage() >= 2;
  if (!sharded) {
    RHUMB_RETURN_IF_ERROR(RefuseDegrees(
        {{"context_parallel_size", layout.context_parallel_size()}},
        "accelerate's context parallelism stands on FSDP (layout.zero_stage 2 or 3)"));
  }
  if (layout.recompute() == v1::RECOMPUTE_SELECTIVE ||
      (layout.recompute() == v1::RECOMPUTE_FULL && !sharded)) {
    return CannotExpress("layout.recompute", RecomputeName(layout.recompute()),
                         "accelerate's config recomputes whole layers, under FSDP only");
  }
  RHUMB_ASSIGN_OR_RETURN(const int64_t ranks, RanksPerNode(plan));
  const v1::Plan::Allocation& allocation = plan.allocation();
  LaunchText launch;
  launch.remarks = Remarks(plan, LaunchKind::kAccelerate);
  const std::string node_flags =
      allocation.node_count() > 1
          ? "--machine_rank N --main_process_ip HOST --main_process_port PORT "
          : "";
  launch.text = Header(
      plan,
      {absl::StrCat("Run on each of the ", allocation.node_count(), " nodes (", ranks,
                    " GPUs): accelerate launch --config_file THIS ", node_flags, "SCRIPT ..."),
       absl::StrCat("The script must be told: ", ScriptNeeds(plan), ", micro-batch ",
                    layout.micro_batch_size(), ", gradient accumulation ",
                    layout.gradient_accumulation_steps()),
       ShapeLine(plan.model()),
       "To fill in: script, data, tokenizer; machine_rank, main_process_ip and main_process_port "
       "of each node."},
      launch.remarks);
  absl::StrAppend(&launch.text, "compute_environment: LOCAL_MACHINE\ndistributed_type: ",
                  sharded                      ? "FSDP"
                  : allocation.gpu_count() > 1 ? "MULTI_GPU"
                                               : "'NO'",
                  "\nmixed_precision: ", PrecisionName(layout.precision()));
  absl::StrAppend(&launch.text, "\nnum_machines: ", allocation.node_count(),
                  "\nnum_processes: ", allocation.gpu_count(), "\nuse_cpu: false\n");
  if (sharded) {
    absl::StrAppend(&launch.text, "fsdp_config:\n  fsdp_version: 2\n  fsdp_reshard_after_forward: ",
                    layout.zero_stage() == 3 ? "true" : "false",
                    "\n  fsdp_activation_checkpointing: ",
                    layout.recompute() == v1::RECOMPUTE_FULL ? "true" : "false");
    absl::StrAppend(&launch.text,
                    "\n  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP\n"
                    "  fsdp_state_dict_type: SHARDED_STATE_DICT\n");
  }
  if (layout.context_parallel_size() > 1) {
    absl::StrAppend(&launch.text,
                    "parallelism_config:\n  parallelism_config_dp_replicate_size: 1\n"
                    "  parallelism_config_dp_shard_size: ",
                    layout.data_parallel_size(), "\n  parallelism_config_tp_size: 1\n",
                    "  parallelism_config_cp_size: ", layout.context_parallel_size(), "\n");
  }
  return launch;
}

}  // namespace rhumb::launch
