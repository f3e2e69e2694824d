// SPDX-License-Identifier: Apache-2.0
#include "planner/track/resume_advice.h"

#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace rhumb {
namespace {

using Advices = std::vector<ReplanAdvice>;

// What of a checkpoint's shape is different.
struct Reshape {
  bool model_parallel = false;  // tensor, pipeline, expert, virtual stages
  bool data_parallel = false;   // ranks that share the optimizer and the data
  bool batch = false;
  bool end = false;  // another last step

  bool any_ranks() const { return model_parallel || data_parallel; }
};

Reshape ReshapeOf(const RunUnderWay& run, const Plan& plan) {
  const Layout& now = run.layout;
  const Layout& then = *plan.layout;
  Reshape reshape;
  reshape.model_parallel = now.tensor_parallel_size != then.tensor_parallel_size ||
                           now.pipeline_parallel_size != then.pipeline_parallel_size ||
                           now.expert_parallel_size != then.expert_parallel_size ||
                           now.virtual_pipeline_stages != then.virtual_pipeline_stages;
  reshape.data_parallel = now.data_parallel_size != then.data_parallel_size ||
                          now.context_parallel_size != then.context_parallel_size ||
                          now.zero_stage != then.zero_stage;
  reshape.batch = run.global_batch_tokens != plan.batch.global_batch_tokens;
  reshape.end = reshape.batch || run.token_count != plan.token_count;
  return reshape;
}

void AdviseLastStep(const Plan& plan, std::string directive, Advices& out) {
  out.push_back({"LAST_STEP",
                 absl::StrCat("steps count on from the checkpoint: the run ends after step ",
                              plan.batch.step_count),
                 std::move(directive)});
}

void AdviseMegatron(const Reshape& reshape, const Plan& plan, Advices& out) {
  if (reshape.any_ranks()) {
    out.push_back({"MEGATRON_DISTRIBUTED_CHECKPOINT",
                   "a torch_dist checkpoint saved on one set of ranks loads on another; one of "
                   "the older torch format does not",
                   "--ckpt-format torch_dist"});
  }
  if (reshape.model_parallel) {
    out.push_back({"MEGATRON_OPTIMIZER_RESHARDING",
                   "with another model parallelism the state of the distributed optimizer is "
                   "resharded only in the fully reshardable format (Megatron Core 0.14 and "
                   "later): resume with this flag, and best save the checkpoint to go on from "
                   "with it too; leave it out again after the first checkpoint of the new layout",
                   "--dist-ckpt-optim-fully-reshardable"});
  }
  if (reshape.end) {
    out.push_back({"MEGATRON_SCHEDULE",
                   "the last step and the batch are not those of the checkpoint's learning-rate "
                   "schedule: take those of the command line",
                   "--override-opt_param-scheduler"});
    AdviseLastStep(plan, absl::StrCat("--train-iters ", plan.batch.step_count), out);
  }
}

void AdviseTorchtitan(const Reshape& reshape, const Plan& plan, Advices& out) {
  if (reshape.any_ranks()) {
    out.push_back({"DISTRIBUTED_CHECKPOINT",
                   "checkpoints are of torch.distributed.checkpoint, which reshards weights and "
                   "optimizer when it loads: nothing is to be converted",
                   ""});
  }
  if (reshape.data_parallel) {
    out.push_back({"DATALOADER_STATE",
                   "the data loader's state is kept by data-parallel rank and is refused where "
                   "their number changed: leave it out, and skip the data that is done",
                   "[checkpoint] exclude_from_loading = [\"dataloader\"]"});
  }
  if (reshape.end) {
    AdviseLastStep(plan, absl::StrCat("[training] steps = ", plan.batch.step_count), out);
  }
}

void AdviseFsdp(absl::string_view framework, const Reshape& reshape, Advices& out) {
  if (!reshape.any_ranks()) return;
  if (framework == "accelerate") {
    out.push_back({"DISTRIBUTED_CHECKPOINT",
                   "a sharded checkpoint is one of torch.distributed.checkpoint, which reshards "
                   "when it loads on another number of ranks",
                   "fsdp_state_dict_type: SHARDED_STATE_DICT"});
    return;
  }
  out.push_back({"DISTRIBUTED_CHECKPOINT",
                 "save and load with torch.distributed.checkpoint: it reshards weights and "
                 "optimizer when it loads on another number of ranks",
                 ""});
}

void AdviseDeepspeed(absl::string_view framework, const Reshape& reshape, const Plan& plan,
                     Advices& out) {
  if (reshape.any_ranks()) {
    out.push_back({"DEEPSPEED_UNIVERSAL_CHECKPOINT",
                   "a ZeRO checkpoint loads on as many data-parallel ranks as saved it alone: "
                   "convert it to a universal one first",
                   "python -m deepspeed.checkpoint.ds_to_universal --input_folder "
                   "CHECKPOINT/global_stepN --output_folder CHECKPOINT/global_stepN_universal"});
    if (framework == "megatron-deepspeed") {
      out.push_back({"DEEPSPEED_LOAD_UNIVERSAL", "then load that, once", "--universal-checkpoint"});
    } else {
      out.push_back({"DEEPSPEED_LOAD_UNIVERSAL",
                     "then load that, once: checkpoints of the new layout are ordinary ones again",
                     "\"checkpoint\": {\"load_universal\": true}"});
    }
  }
  if (reshape.end && framework == "megatron-deepspeed") {
    AdviseLastStep(plan, absl::StrCat("--train-iters ", plan.batch.step_count), out);
  }
}

void AdviseNanogpt(const Reshape& reshape, const Plan& plan, Advices& out) {
  if (reshape.any_ranks()) {
    out.push_back({"WHOLE_CHECKPOINT",
                   "one file holds weights and optimizer whole, so that any number of ranks "
                   "loads it",
                   "--init_from=resume"});
  }
  const int64_t micro_batches = plan.gradient_accumulation_steps * plan.layout->data_parallel_size;
  out.push_back(
      {"NANOGPT_ACCUMULATION",
       absl::StrCat("gradient_accumulation_steps is of all ranks together there, and "
                    "must be a multiple of their number: ",
                    plan.gradient_accumulation_steps, " x ", plan.layout->data_parallel_size),
       absl::StrCat("--gradient_accumulation_steps=", micro_batches)});
  if (reshape.end) {
    AdviseLastStep(plan,
                   absl::StrCat("--max_iters=", plan.batch.step_count,
                                " --lr_decay_iters=", plan.batch.step_count),
                   out);
  }
}

}  // namespace

std::vector<ReplanAdvice> AdviseOnResume(absl::string_view framework, const RunUnderWay& run,
                                         const Plan& plan) {
  const Reshape reshape = ReshapeOf(run, plan);
  Advices out;
  if (framework == "megatron-deepspeed" || framework == "deepspeed") {
    AdviseDeepspeed(framework, reshape, plan, out);
  } else if (framework != "megatron-lm" &&
             (absl::StartsWith(framework, "megatron") || framework == "nemo")) {
    AdviseMegatron(reshape, plan, out);
  } else if (framework == "torchtitan") {
    AdviseTorchtitan(reshape, plan, out);
  } else if (framework == "fsdp" || framework == "accelerate") {
    AdviseFsdp(framework, reshape, out);
  } else if (framework == "nanogpt") {
    AdviseNanogpt(reshape, plan, out);
  } else if (reshape.any_ranks()) {
    out.push_back({"RESUME_NOT_KNOWN",
                   absl::StrCat("whether a checkpoint of ", std::string(framework),
                                " loads in another layout is not known here: try it before the "
                                "run depends on it"),
                   ""});
  }
  return out;
}

}  // namespace rhumb
