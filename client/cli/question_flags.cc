// SPDX-License-Identifier: Apache-2.0
#include "client/cli/question_flags.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "client/cli/request_fields.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

using Flags = std::vector<Flag>;

// A flag in its shortest form; the field's own name with dashes is accepted as well.
Flag Of(std::string name, std::string field, FlagKind kind, std::string placeholder,
        std::string help) {
  Flag flag = {.name = std::move(name),
               .field = std::move(field),
               .kind = kind,
               .placeholder = std::move(placeholder),
               .help = std::move(help),
               .group = ""};
  const std::string alias =
      absl::StrReplaceAll(flag.field.substr(flag.field.rfind('.') + 1), {{"_", "-"}});
  if (alias != flag.name) flag.aliases = {alias};
  return flag;
}

Flag Completed(Flag flag, Completion completion) {
  flag.completion = completion;
  return flag;
}

Flag Also(Flag flag, std::string alias) {
  flag.aliases.push_back(std::move(alias));
  return flag;
}

Flag Choice(std::string name, std::string field, const google::protobuf::EnumDescriptor& type,
            std::string help) {
  Flag flag = Of(std::move(name), std::move(field), FlagKind::kChoice, "NAME", std::move(help));
  flag.choices = EnumChoices(type);
  return flag;
}

void Add(Flags& flags, absl::string_view group, Flags more) {
  for (Flag& flag : more) {
    flag.group = std::string(group);
    flags.push_back(std::move(flag));
  }
}

Flag LawFlag() {
  return Completed(Of("law", "law", FlagKind::kText, "LAW", "scaling law; default besiroglu2024"),
                   Completion::kLaw);
}

Flag BatchRuleFlag() {
  Flag flag = Of("batch-rule", "batch_rule", FlagKind::kText, "RULE",
                 "rule of the critical batch, as kaplan2020 (default), bergsma2025, steplaw2025");
  return flag;
}

Flag NoiseScaleFlag() {
  return Of("noise-scale", "noise_scale_tokens", FlagKind::kCount, "TOKENS",
            "measured gradient noise scale, taken as the critical batch");
}

Flag LevelFlag() {
  return Of("level", "level", FlagKind::kNumber, "FRACTION",
            "level of every interval; default 0.9");
}

Flag DeadlineFlag(std::string help) {
  return Of("deadline", "deadline_seconds", FlagKind::kDurationOrDate, "TIME", std::move(help));
}

Flag BudgetFlag(std::string help) {
  return Of("budget", "budget_usd", FlagKind::kUsd, "USD", std::move(help));
}

Flag PoolsFlag() {
  Flag flag = Of("gpus", "gpu_pools", FlagKind::kGpuPool, "NxTYPE[@USD]",
                 "GPUs there are, as 256xH100-SXM5-80GB, and their price per GPU-hour; again for "
                 "another choice");
  flag.completion = Completion::kGpu;
  flag.repeatable = true;
  return flag;
}

Flags MachineFlags() {
  return {
      Of("memory-headroom-fraction", "memory_headroom_fraction", FlagKind::kNumber, "FRACTION",
         "share of the device memory to keep free; default 0"),
      Of("max-memory-bytes", "max_memory_bytes", FlagKind::kBytes, "BYTES",
         "what one GPU may use, as 70GiB"),
      Of("framework", "framework", FlagKind::kText, "NAME", "training framework; default megatron"),
      Of("failures-per-gpu-hour", "failures_per_gpu_hour", FlagKind::kNumber, "RATE",
         "unplanned restarts; default 2e-5 (Llama 3)"),
      Of("startup", "startup_seconds", FlagKind::kDuration, "TIME",
         "from a job's start, or a restart, to its first step; default 10min"),
  };
}

Flags LayoutFlags() {
  const auto degree = [](const char* name, const char* help) {
    std::string field = absl::StrReplaceAll(name, {{"-", "_"}});
    return Of(name, "layout." + field, FlagKind::kCount, "N", help);
  };
  return {
      degree("tensor-parallel-size", "tensor parallel ranks"),
      degree("pipeline-parallel-size", "pipeline stages"),
      degree("context-parallel-size", "context parallel ranks"),
      degree("expert-parallel-size", "expert parallel ranks"),
      degree("data-parallel-size", "data parallel ranks"),
      degree("virtual-pipeline-stages", "model chunks per pipeline rank"),
      degree("zero-stage", "0 none, 1 optimizer, 2 and gradients, 3 and parameters"),
      degree("micro-batch-size", "sequences per rank per pass"),
      degree("gradient-accumulation-steps", "passes per step"),
      Choice("recompute", "layout.recompute", *v1::Recompute_descriptor(),
             "what the backward pass computes again"),
      degree("max-tensor-parallel-size", "upper limit"),
      degree("max-pipeline-parallel-size", "upper limit"),
  };
}

}  // namespace

Flags PlanFieldFlags() {
  Flags flags;
  Add(flags, "What bounds the training",
      {
          Of("compute", "compute_flops", FlagKind::kCount, "FLOP", "training FLOPs, as 1e21"),
          Of("lifetime-compute", "lifetime_compute_flops", FlagKind::kCount, "FLOP",
             "training plus inference FLOPs"),
          Of("gpu-hours", "gpu_hours", FlagKind::kCount, "HOURS", "GPU-hours of the training"),
          DeadlineFlag("wall time, as 21d or 36h, or the date 2027-03-01 (UTC)"),
          Of("max-jobs", "max_job_count", FlagKind::kCount, "N",
             "most jobs that a run beyond its partition's time limit may be split into; 1: none"),
          BudgetFlag("cost of the training, as 25000 or $25k; needs a price"),
          Of("target-loss", "target_loss_nats", FlagKind::kNumber, "NATS",
             "expected loss to reach, nats per token"),
          Of("unique-tokens", "unique_token_count", FlagKind::kCount, "TOKENS",
             "distinct tokens there are"),
          Of("max-epochs", "max_epoch_count", FlagKind::kNumber, "N",
             "most repeats of them; default 40"),
      });
  Add(flags, "Hardware",
      {
          PoolsFlag(),
          Completed(Of("gpu", "gpu_type", FlagKind::kText, "TYPE",
                       "GPU type without a number, for --mfu"),
                    Completion::kGpu),
          Completed(
              Of("cluster", "cluster", FlagKind::kText, "CLUSTER", "pools of a stored cluster"),
              Completion::kCluster),
          Of("partition", "partition", FlagKind::kText, "NAME", "one partition of the cluster"),
          Of("free", "free_only", FlagKind::kSwitch, "",
             "only GPUs of the cluster that are free now and promised to nobody"),
          Of("mfu", "mfu", FlagKind::kNumber, "FRACTION",
             "model FLOPs utilisation over the wall clock, instead of the time model"),
          Of("max-power-watts", "max_power_watts", FlagKind::kCount, "WATTS",
             "cap of GPU count x board power"),
      });
  Add(flags, "Hardware", MachineFlags());
  Add(flags, "Hardware",
      {Of("calibration", "calibration", FlagKind::kText, "NAME",
          "stored constants of the step-time model, as rhumb calibrate makes them")});
  Add(flags, "Model",
      {
          Of("params", "param_count", FlagKind::kCount, "N", "exact size, as 7B"),
          Also(Of("min-param-count", "min_param_count", FlagKind::kCount, "N", "lower limit"),
               "min-params"),
          Also(Of("max-param-count", "max_param_count", FlagKind::kCount, "N", "upper limit"),
               "max-params"),
          Choice("param-count-convention", "param_count_convention",
                 *v1::ParamCountConvention_descriptor(),
                 "how these count; default as the law counts"),
          Of("tokens", "token_count", FlagKind::kCount, "TOKENS",
             "tokens to train on; an upper limit with a target loss or the objective size"),
          Of("tokens-per-param", "tokens_per_param", FlagKind::kNumber, "RATIO",
             "fixes tokens per parameter"),
          Of("sequence-length", "sequence_length", FlagKind::kCount, "TOKENS", "default 8192"),
          Of("vocab-size", "vocab_size", FlagKind::kCount, "N", "default 128256"),
          Choice("precision", "precision", *v1::Precision_descriptor(),
                 "of the matrix products; default bf16"),
      });
  Add(flags, "Batch",
      {
          Of("batch-tokens", "global_batch_tokens", FlagKind::kCount, "TOKENS",
             "fixes the tokens of a step"),
          Of("min-batch-tokens", "min_global_batch_tokens", FlagKind::kCount, "TOKENS",
             "lower limit of them"),
          Of("max-batch-tokens", "max_global_batch_tokens", FlagKind::kCount, "TOKENS",
             "upper limit of them, in the place of 4 critical batches"),
          NoiseScaleFlag(),
          BatchRuleFlag(),
      });
  Add(flags, "A run that is under way",
      {
          Of("done-tokens", "done_token_count", FlagKind::kCount, "TOKENS",
             "trained on already: plans the rest, with --arch and --tokens of the whole run"),
          Of("done-steps", "done_step_count", FlagKind::kCount, "N", "in so many steps"),
          Of("step-time-factor", "step_time_factor", FlagKind::kNumber, "FACTOR",
             "measured over modelled time of a step; default 1"),
      });
  Add(flags, "Serving",
      {
          Of("inference-tokens", "inference_token_count", FlagKind::kCount, "TOKENS",
             "served over the model's life"),
          Of("inference-prefill-fraction", "inference_prefill_fraction", FlagKind::kNumber,
             "FRACTION", "share of them that is prompt; default 0.5"),
          Of("inference-usd-per-gpu-hour", "inference_usd_per_gpu_hour", FlagKind::kUsd, "USD",
             "price of serving"),
          Of("inference-prefill-mfu", "inference_prefill_mfu", FlagKind::kNumber, "FRACTION",
             "default 0.5"),
          Of("inference-decode-mfu", "inference_decode_mfu", FlagKind::kNumber, "FRACTION",
             "default 0.01"),
          Also(Of("serving-memory-bytes", "serving_memory_bytes", FlagKind::kBytes, "BYTES",
                  "the weights in 2 bytes each must fit, as 80GiB"),
               "serving-memory"),
      });
  Add(flags, "Layout (fixed or bounded parts)", LayoutFlags());
  Add(flags, "Question",
      {
          Choice("objective", "objective", *v1::Objective_descriptor(),
                 "what to make best; default loss or cost"),
          LawFlag(),
          LevelFlag(),
          Of("alternatives", "include_alternatives", FlagKind::kSwitch, "",
             "also what is cheapest and fastest at a little more loss"),
          Also(
              Of("validate-only", "validate_only", FlagKind::kSwitch, "", "answer without storing"),
              "dry-run"),
          Of("request-id", "request_id", FlagKind::kText, "UUID",
             "makes a repetition answer the same"),
      });
  return flags;
}

Flags CheckFieldFlags() {
  Flags flags;
  Add(flags, "Model",
      {
          Of("params", "param_count", FlagKind::kCount, "N",
             "the model of the ladder nearest to this size"),
          Of("sequence-length", "sequence_length", FlagKind::kCount, "TOKENS",
             "default the architecture's, or 8192"),
          Of("vocab-size", "vocab_size", FlagKind::kCount, "N", "default 128256"),
          Choice("precision", "precision", *v1::Precision_descriptor(),
                 "of the matrix products; default bf16"),
      });
  Flag gpus =
      Of("gpus", "gpu_pool", FlagKind::kGpuPool, "NxTYPE[@USD]", "GPUs used, as 8xH100-SXM5-80GB");
  gpus.aliases = {};
  Add(flags, "Hardware",
      {
          Completed(gpus, Completion::kGpu),
          Completed(Of("cluster", "cluster", FlagKind::kText, "CLUSTER", "a stored cluster"),
                    Completion::kCluster),
          Of("partition", "partition", FlagKind::kText, "NAME", "one partition of the cluster"),
          Of("calibration", "calibration", FlagKind::kText, "NAME",
             "stored constants of the step-time model; also beside --table"),
      });
  Add(flags, "Hardware", MachineFlags());
  Add(flags, "Layout", LayoutFlags());
  // Bounds belong to searches; a configuration has what it has.
  flags.erase(
      std::remove_if(flags.begin(), flags.end(),
                     [](const Flag& flag) { return flag.field.rfind("layout.max_", 0) == 0; }),
      flags.end());
  Add(flags, "Run",
      {
          Of("batch-tokens", "global_batch_tokens", FlagKind::kCount, "TOKENS", "tokens of a step"),
          Of("tokens", "token_count", FlagKind::kCount, "TOKENS", "tokens to train on"),
          DeadlineFlag("does it finish by then? As 21d, 36h or 2027-03-01"),
          BudgetFlag("does the money suffice?"),
          LevelFlag(),
      });
  return flags;
}

Flags PredictFieldFlags() {
  Flags flags;
  Add(flags, "Question",
      {
          LawFlag(),
          Of("params", "param_count", FlagKind::kCount, "N", "parameters, as the law counts them"),
          Of("tokens", "token_count", FlagKind::kCount, "TOKENS",
             "tokens trained on, repeats included"),
          Of("unique-tokens", "unique_token_count", FlagKind::kCount, "TOKENS",
             "distinct ones of them"),
          Of("batch-tokens", "global_batch_tokens", FlagKind::kCount, "TOKENS", "tokens of a step"),
          BatchRuleFlag(),
          NoiseScaleFlag(),
          LevelFlag(),
      });
  return flags;
}

}  // namespace rhumb::cli
