// SPDX-License-Identifier: Apache-2.0
#include "client/launch/emit_shell.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/launch/emit_parts.h"
#include "client/launch/megatron_flags.h"
#include "client/launch/slurm_time.h"
#include "planner/cost/model_shape.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

// What a run needs and no plan knows; the script stops before it costs anything without.
struct FillIn {
  const char* variable;
  const char* meaning;
};

constexpr FillIn kMegatronFillIns[] = {
    {"MEGATRON_PATH", "the folder of Megatron-LM with pretrain_gpt.py"},
    {"DATA_PATH", "the tokenized data, as --data-path takes it"},
    {"TOKENIZER_TYPE", "the kind of tokenizer, as --tokenizer-type takes it"},
    {"TOKENIZER_MODEL", "the tokenizer, as --tokenizer-model takes it"},
    {"CHECKPOINT_PATH", "the folder that checkpoints are saved to and resumed from"},
    {"SAVE_INTERVAL", "the steps between two checkpoints"},
    {"LR_WARMUP_ITERS", "the steps of the linear warm-up"},
};

constexpr FillIn kRendezvousFillIns[] = {
    {"MASTER_ADDR", "the host name of the first node"},
    {"RDZV_ID", "a name of this run, the same on every node"},
};

constexpr char kDropout[] =
    "Not part of the plan: dropout, 0.1 unless --hidden-dropout and --attention-dropout say "
    "otherwise.";

constexpr char kDataArguments[] =
    "DATA_ARGS=(\n"
    "  --data-path \"$DATA_PATH\"\n"
    "  --tokenizer-type \"$TOKENIZER_TYPE\"\n"
    "  --tokenizer-model \"$TOKENIZER_MODEL\"\n"
    "  --save \"$CHECKPOINT_PATH\"\n"
    "  --load \"$CHECKPOINT_PATH\"\n"
    "  --save-interval \"$SAVE_INTERVAL\"\n"
    "  --lr-warmup-iters \"$LR_WARMUP_ITERS\"\n"
    ")\n";

constexpr char kMegatronCall[] =
    "  \"$MEGATRON_PATH/pretrain_gpt.py\" \\\n"
    "  \"${MODEL_ARGS[@]}\" \\\n"
    "  \"${LAYOUT_ARGS[@]}\" \\\n"
    "  \"${TRAINING_ARGS[@]}\" \\\n"
    "  \"${DATA_ARGS[@]}\"\n";

template <size_t size>
std::string Require(const FillIn (&variables)[size]) {
  std::string text;
  for (const FillIn& variable : variables) {
    absl::StrAppend(&text, ": \"${", variable.variable, ":?set it to ", variable.meaning, "}\"\n");
  }
  return text;
}

std::string FlagLines(const std::vector<MegatronFlag>& flags) {
  std::string text;
  for (const MegatronFlag& flag : flags) {
    absl::StrAppend(&text, "  ", flag.name, flag.value.empty() ? "" : " ",
                    flag.value.empty() ? "" : ShellQuote(flag.value), "\n");
  }
  return text;
}

std::string FlagArray(absl::string_view name, const std::vector<MegatronFlag>& flags) {
  return absl::StrCat(name, "=(\n", FlagLines(flags), ")\n");
}

std::string FlagArrays(const MegatronFlags& flags) {
  return absl::StrCat(FlagArray("MODEL_ARGS", flags.model), FlagArray("LAYOUT_ARGS", flags.layout),
                      FlagArray("TRAINING_ARGS", flags.training), kDataArguments);
}

// What `rhumb check` needs of the plan and no launcher's flag says.
std::string ProvenanceExports(const v1::Plan& plan, const LaunchOptions& options) {
  std::string text;
  if (!plan.name().empty()) absl::StrAppend(&text, Export("RHUMB_PLAN", plan.name()));
  absl::StrAppend(&text, Export("RHUMB_GPU_TYPE", plan.allocation().gpu_type()));
  absl::StrAppend(&text, Export("RHUMB_FRAMEWORK", plan.layout().framework()));
  if (options.inter_node_gbps_per_gpu.has_value()) {
    absl::StrAppend(&text, Export("RHUMB_INTER_NODE_GBPS",
                                  absl::StrFormat("%.15g", *options.inter_node_gbps_per_gpu)));
  }
  return text;
}

std::string ConnectionsLines(const MegatronFlags& flags, const v1::Plan& plan) {
  if (!flags.max_connections.empty()) {
    return Export("CUDA_DEVICE_MAX_CONNECTIONS", flags.max_connections);
  }
  return plan.layout().zero_stage() >= 2
             ? "unset CUDA_DEVICE_MAX_CONNECTIONS  # FSDP needs several\n"
             : "";
}

std::vector<std::string> Remarks(const v1::Plan& plan, LaunchKind kind,
                                 const LaunchOptions& options) {
  std::vector<std::string> remarks;
  std::string framework = FrameworkRemark(plan, kind);
  if (!framework.empty()) remarks.push_back(std::move(framework));
  const int64_t vocab = plan.model().vocab_size();
  const int64_t tensor = std::max<int64_t>(1, plan.layout().tensor_parallel_size());
  const int64_t padded = PaddedVocabSize(vocab, tensor);
  if (padded != vocab) {
    remarks.push_back(absl::StrCat("Megatron-LM pads the vocabulary of ", vocab, " to ", padded,
                                   ", a multiple of 128 on each of ", tensor,
                                   " tensor ranks; the plan's memory and time count it so, its "
                                   "parameters without"));
  }
  remarks.insert(remarks.end(), options.model_remarks.begin(), options.model_remarks.end());
  return remarks;
}

// A partition's name stands on a #SBATCH line, where blanks and quotes would begin something else.
absl::StatusOr<std::string> PartitionLine(const std::string& partition) {
  if (partition.empty()) return std::string();
  for (const char c : partition) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) || c == '"' || c == '\'' || c == '#') {
      return CannotExpress("allocation.partition", absl::StrCat("\"", OneLine(partition), "\""),
                           "an #SBATCH line takes no such name");
    }
  }
  return absl::StrCat("#SBATCH --partition=", partition, "\n");
}

// What the time limit of a job is, and how to go on behind it.
std::string TimeLimitRemark(const v1::TimePlan& time, double limit_seconds) {
  if (time.job_count() > 1) {
    return absl::StrCat(
        "The time limit is the partition's: the run takes ", time.job_count(),
        " such jobs, each going on from CHECKPOINT_PATH. Chain them: submit this ",
        time.job_count(),
        " times, each but the first with --dependency=afterany:JOB of the one before.");
  }
  if (limit_seconds < std::max(time.wall_seconds(), time.wall_high_seconds())) {
    return "The time limit is the partition's, below the upper end of the wall time's interval.";
  }
  return time.has_wall_high_seconds()
             ? "The time limit is the upper end of the wall time's interval."
             : "The time limit is the expected wall time.";
}

// Letters, digits, dashes and dots of `name`; other bytes as dashes.
std::string JobName(absl::string_view name) {
  std::string text(name.empty() ? "rhumb" : name);
  for (char& c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-') c = '-';
  }
  return text;
}

}  // namespace

absl::StatusOr<LaunchText> WriteMegatron(const v1::Plan& plan, const LaunchOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const MegatronFlags flags, MegatronFlagsOf(plan));
  LaunchText launch;
  launch.remarks = Remarks(plan, LaunchKind::kMegatron, options);
  std::vector<std::string> more = {
      "Flags of Megatron-LM's pretrain_gpt.py: source this, then pass \"${MEGATRON_ARGS[@]}\".",
      "To fill in: --data-path, --tokenizer-type, --tokenizer-model, --save, --load, "
      "--save-interval, --lr-warmup-iters."};
  more.push_back(kDropout);
  if (!flags.max_connections.empty()) {
    more.push_back("Needs CUDA_DEVICE_MAX_CONNECTIONS=1 in the environment.");
  } else if (plan.layout().zero_stage() >= 2) {
    more.push_back("CUDA_DEVICE_MAX_CONNECTIONS must not be 1: FSDP needs several.");
  }
  launch.text = absl::StrCat(ShellHeader(plan, more, launch.remarks), "MEGATRON_ARGS=(\n",
                             FlagLines(flags.model), FlagLines(flags.layout),
                             FlagLines(flags.training), ")\n");
  return launch;
}

absl::StatusOr<LaunchText> WriteTorchrun(const v1::Plan& plan, const LaunchOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const MegatronFlags flags, MegatronFlagsOf(plan));
  RHUMB_ASSIGN_OR_RETURN(const int64_t ranks, RanksPerNode(plan));
  const int64_t nodes = plan.allocation().node_count();
  LaunchText launch;
  launch.remarks = Remarks(plan, LaunchKind::kTorchrun, options);
  const std::string rendezvous = nodes == 1
                                     ? "--standalone"
                                     : "--rdzv-id \"$RDZV_ID\" --rdzv-backend c10d --rdzv-endpoint "
                                       "\"$MASTER_ADDR:29500\"";
  launch.text = absl::StrCat(
      "#!/bin/bash\n",
      ShellHeader(plan,
                  {kDropout,
                   "To be run on each of the nodes. To fill in: the variables below, each in the "
                   "environment or here."},
                  launch.remarks),
      "set -euo pipefail\n\n");
  absl::StrAppend(&launch.text, Require(kMegatronFillIns),
                  nodes == 1 ? "" : Require(kRendezvousFillIns), "\n",
                  ProvenanceExports(plan, options), ConnectionsLines(flags, plan));
  absl::StrAppend(&launch.text, "\n", FlagArrays(flags), "\ntorchrun --nnodes ", nodes,
                  " --nproc-per-node ", ranks);
  absl::StrAppend(&launch.text, " ", rendezvous, " \\\n", kMegatronCall);
  return launch;
}

absl::StatusOr<LaunchText> WriteSbatch(const v1::Plan& plan, const LaunchOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const MegatronFlags flags, MegatronFlagsOf(plan));
  RHUMB_ASSIGN_OR_RETURN(const int64_t ranks, RanksPerNode(plan));
  RHUMB_ASSIGN_OR_RETURN(const std::string partition, PartitionLine(plan.allocation().partition()));
  if (plan.time().wall_seconds() <= 0) {
    return CannotExpress("time.wall_seconds", "absent", "a job needs a time limit");
  }
  const int64_t nodes = plan.allocation().node_count();
  const double limit = JobSeconds(plan.time());
  LaunchText launch;
  launch.remarks = Remarks(plan, LaunchKind::kSbatch, options);
  std::string& text = launch.text;
  text = absl::StrCat("#!/bin/bash\n#SBATCH --job-name=", JobName(plan.model().name()),
                      "\n#SBATCH --nodes=", nodes, "\n#SBATCH --ntasks-per-node=1\n");
  absl::StrAppend(&text, "#SBATCH --gpus-per-node=", options.slurm_gpu_name,
                  options.slurm_gpu_name.empty() ? "" : ":", ranks,
                  "\n#SBATCH --time=", FormatSlurmTime(limit), "\n", partition);
  absl::StrAppend(
      &text, "#\n",
      ShellHeader(
          plan,
          {absl::StrCat("The GPUs are ", plan.allocation().gpu_type(),
                        options.slurm_gpu_name.empty()
                            ? absl::StrCat("; where nodes have others too, --gpus-per-node=TYPE:",
                                           ranks, " with your site's name of them.")
                            : "."),
           TimeLimitRemark(plan.time(), limit), kDropout,
           "To fill in: the variables below, in the environment of sbatch or here; and your "
           "site's account, container or modules."},
          launch.remarks),
      "set -euo pipefail\n\n");
  absl::StrAppend(&text, Require(kMegatronFillIns), "\n", ProvenanceExports(plan, options),
                  plan.time().job_count() > 1
                      ? Export("RHUMB_JOB_COUNT", absl::StrCat(plan.time().job_count()))
                      : "",
                  ConnectionsLines(flags, plan));
  absl::StrAppend(&text, "\n", FlagArrays(flags),
                  "\nMASTER_ADDR=$(scontrol show hostnames \"$SLURM_JOB_NODELIST\" | sed -n 1p)\n"
                  "srun torchrun --nnodes ",
                  nodes, " --nproc-per-node ", ranks);
  absl::StrAppend(&text,
                  " --rdzv-id \"$SLURM_JOB_ID\" --rdzv-backend c10d \\\n"
                  "  --rdzv-endpoint \"$MASTER_ADDR:29500\" \\\n",
                  kMegatronCall);
  return launch;
}

}  // namespace rhumb::launch
