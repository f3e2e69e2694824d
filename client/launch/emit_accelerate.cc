// SPDX-License-Identifier: Apache-2.0
// Hugging Face accelerate's config, with FSDP2.
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/launch/config_parts.h"
#include "client/launch/emit_configs.h"
#include "client/launch/emit_parts.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

bool IsSharded(const v1::Layout& layout) { return layout.zero_stage() >= 2; }

absl::Status CheckAccelerate(const v1::Plan& plan) {
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
  const bool sharded = IsSharded(layout);
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
  return absl::OkStatus();
}

std::string AccelerateHeader(const v1::Plan& plan, int64_t ranks,
                             const std::vector<std::string>& remarks) {
  const v1::Layout& layout = plan.layout();
  const v1::Plan::Allocation& allocation = plan.allocation();
  const std::string node_flags =
      allocation.node_count() > 1
          ? "--machine_rank N --main_process_ip HOST --main_process_port PORT "
          : "";
  return ConfigHeader(
      plan,
      {absl::StrCat("Run on each of the ", allocation.node_count(), " nodes (", ranks,
                    " GPUs): accelerate launch --config_file THIS ", node_flags, "SCRIPT ..."),
       absl::StrCat("The script must be told: ", ScriptNeeds(plan), ", micro-batch ",
                    layout.micro_batch_size(), ", gradient accumulation ",
                    layout.gradient_accumulation_steps()),
       ShapeLine(plan.model()),
       "To fill in: script, data, tokenizer; machine_rank, main_process_ip and main_process_port "
       "of each node."},
      remarks);
}

std::string MachineKeys(const v1::Plan& plan) {
  const v1::Layout& layout = plan.layout();
  const v1::Plan::Allocation& allocation = plan.allocation();
  std::string text;
  absl::StrAppend(&text, "compute_environment: LOCAL_MACHINE\ndistributed_type: ",
                  IsSharded(layout)            ? "FSDP"
                  : allocation.gpu_count() > 1 ? "MULTI_GPU"
                                               : "'NO'",
                  "\nmixed_precision: ", PrecisionName(layout.precision()));
  absl::StrAppend(&text, "\nnum_machines: ", allocation.node_count(),
                  "\nnum_processes: ", allocation.gpu_count(), "\nuse_cpu: false\n");
  return text;
}

std::string FsdpKeys(const v1::Layout& layout) {
  std::string text;
  absl::StrAppend(&text, "fsdp_config:\n  fsdp_version: 2\n  fsdp_reshard_after_forward: ",
                  layout.zero_stage() == 3 ? "true" : "false",
                  "\n  fsdp_activation_checkpointing: ",
                  layout.recompute() == v1::RECOMPUTE_FULL ? "true" : "false");
  absl::StrAppend(&text,
                  "\n  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP\n"
                  "  fsdp_state_dict_type: SHARDED_STATE_DICT\n");
  return text;
}

std::string ContextKeys(const v1::Layout& layout) {
  return absl::StrCat(
      "parallelism_config:\n  parallelism_config_dp_replicate_size: 1\n"
      "  parallelism_config_dp_shard_size: ",
      layout.data_parallel_size(), "\n  parallelism_config_tp_size: 1\n",
      "  parallelism_config_cp_size: ", layout.context_parallel_size(), "\n");
}

}  // namespace

absl::StatusOr<LaunchText> WriteAccelerate(const v1::Plan& plan) {
  RHUMB_RETURN_IF_ERROR(CheckAccelerate(plan));
  RHUMB_ASSIGN_OR_RETURN(const int64_t ranks, RanksPerNode(plan));
  LaunchText launch;
  launch.remarks = ConfigRemarks(plan, LaunchKind::kAccelerate);
  launch.text = absl::StrCat(AccelerateHeader(plan, ranks, launch.remarks), MachineKeys(plan));
  if (IsSharded(plan.layout())) absl::StrAppend(&launch.text, FsdpKeys(plan.layout()));
  if (plan.layout().context_parallel_size() > 1) {
    absl::StrAppend(&launch.text, ContextKeys(plan.layout()));
  }
  return launch;
}

}  // namespace rhumb::launch
