// SPDX-License-Identifier: Apache-2.0
// DeepSpeed's ds_config.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/launch/config_parts.h"
#include "client/launch/emit_configs.h"
#include "client/launch/emit_parts.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

// JSON has no comments, and DeepSpeed's readers differ in what they make of unknown keys.
std::vector<std::string> DeepspeedRemarks(const v1::Plan& plan) {
  std::vector<std::string> remarks;
  remarks.push_back(absl::StrCat("ds_config of ",
                                 plan.name().empty() ? "a plan not stored" : plan.name(), ", law ",
                                 plan.law().name()));
  for (std::string& remark : ConfigRemarks(plan, LaunchKind::kDeepspeed)) {
    remarks.push_back(std::move(remark));
  }
  remarks.push_back(absl::StrCat("the script must be told: ", ScriptNeeds(plan)));
  remarks.push_back(ShapeLine(plan.model()));
  if (plan.layout().recompute() != v1::RECOMPUTE_NONE) {
    remarks.push_back(absl::StrCat("the model must recompute activations itself: ",
                                   RecomputeName(plan.layout().recompute())));
  }
  remarks.push_back("to fill in: training script, data, tokenizer, optimizer, checkpoints");
  return remarks;
}

}  // namespace

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
  launch.remarks = DeepspeedRemarks(plan);
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

}  // namespace rhumb::launch
