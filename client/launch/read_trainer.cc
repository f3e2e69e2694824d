// SPDX-License-Identifier: Apache-2.0
#include "client/launch/read_trainer.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/launch/config_scalars.h"
#include "client/launch/read_configs.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

// What the Trainer's flags change and no formula here knows, with the way the answer is off.
void RemarkOnTrainer(const ScriptFlags& flags, std::vector<NotRead>& not_read) {
  const auto remark = [&](const ScriptFlag& flag, absl::string_view reason) {
    not_read.push_back({flag.line, flag.Written(), std::string(reason)});
  };
  if (const ScriptFlag* flag = flags.Find({"--optim"}); flag != nullptr && !flag->values.empty()) {
    const std::string& name = flag->values[0];
    if (absl::StrContains(name, "8bit")) {
      remark(*flag, "the optimizer's states are counted in fp32: it needs less memory");
    } else if (!absl::StartsWith(name, "adamw_torch") && name != "adamw_hf" &&
               name != "adamw_apex_fused") {
      remark(*flag, "Adam's two states in fp32 are counted for it: memory differs");
    }
  }
  for (const char* name : {"--load_in_8bit", "--load_in_4bit"}) {
    if (const ScriptFlag* flag = flags.Find({name})) {
      remark(*flag, "weights are counted in 16 bits: it needs less memory");
    }
  }
  for (const char* name : {"--use_peft", "--use_lora", "--lora_r", "--lora_rank"}) {
    if (const ScriptFlag* flag = flags.Find({name})) {
      remark(*flag, "all weights are taken to be trained: it needs less memory and time");
      break;
    }
  }
  if (const ScriptFlag* flag = flags.Find({"--torch_compile", "--torch-compile"})) {
    remark(*flag, "eager kernels are taken: a step takes less time");
  }
}

}  // namespace

bool IsTrainer(const ScriptFlags& flags) {
  return flags.Find({"--per_device_train_batch_size", "--per-device-train-batch-size", "--fsdp",
                     "--num_train_epochs", "--num-train-epochs"}) != nullptr;
}

void ReadTrainerFlags(const ScriptFlags& flags, JobFacts& facts) {
  std::vector<NotRead>& not_read = facts.not_read;
  // A file of DeepSpeed that was not read may say what the defaults would.
  const bool unread_file =
      facts.framework == JobFramework::kDeepspeed && !facts.zero_stage.has_value();
  const bool trainer = IsTrainer(flags) && !unread_file;
  const auto read = [&](std::initializer_list<absl::string_view> names,
                        const std::vector<Remedy>& instead, std::optional<Fact<int64_t>>& target) {
    const ScriptFlag* flag = flags.Find(names);
    if (flag != nullptr) target = IntegerValue(*flag, 1, instead, not_read);
    return flag != nullptr;
  };
  const bool has_micro = read({"--per_device_train_batch_size", "--per-device-train-batch-size"},
                              {kSayMicroBatch}, facts.micro_batch_size);
  const bool has_steps = read({"--gradient_accumulation_steps", "--gradient-accumulation-steps"},
                              {kSayAccumulation}, facts.gradient_accumulation_steps);
  if (trainer && !has_micro && !facts.micro_batch_size.has_value()) {
    facts.micro_batch_size = Fact<int64_t>{8, 0, "the Trainer's default of 8 sequences a device"};
  }
  if (trainer && !has_steps && !facts.gradient_accumulation_steps.has_value() &&
      !facts.global_batch_size.has_value()) {
    facts.gradient_accumulation_steps =
        Fact<int64_t>{1, 0, "the Trainer's default of one micro-batch a step"};
  }
  const bool has_max_steps =
      read({"--max_steps", "--max-steps", "--max_train_steps", "--max-train-steps"}, {kSayTokens},
           facts.step_count);
  read({"--block_size", "--block-size", "--max_seq_length", "--max-seq-length", "--max_length",
        "--max-length", "--model_max_length", "--model-max-length", "--seq_length", "--seq-length",
        "--seq_len", "--seq-len"},
       {kSaySequenceLength}, facts.sequence_length);
  const ScriptFlag* epochs = flags.Find({"--num_train_epochs", "--num-train-epochs"});
  if (epochs != nullptr && !has_max_steps) {
    not_read.push_back(
        {epochs->line, epochs->Written(), "the tokens of an epoch are the data's", {kSayTokens}});
  }
  const auto on = [&](std::initializer_list<absl::string_view> names) -> const ScriptFlag* {
    const ScriptFlag* flag = flags.Find(names);
    if (flag == nullptr) return nullptr;
    const std::string value =
        flag->values.empty() ? "true" : absl::AsciiStrToLower(flag->values[0]);
    return value == "true" || value == "1" || value == "yes" ? flag : nullptr;
  };
  if (const ScriptFlag* bf16 = on({"--bf16"})) SetPrecision({"bf16", bf16->line, "--bf16"}, facts);
  if (const ScriptFlag* fp16 = on({"--fp16"})) SetPrecision({"fp16", fp16->line, "--fp16"}, facts);
  if (const ScriptFlag* flag = on({"--gradient_checkpointing", "--gradient-checkpointing"})) {
    facts.recompute = Fact<v1::Recompute>{v1::RECOMPUTE_FULL, flag->line, flag->name};
  }
  if (trainer && !facts.precision.has_value()) {
    not_read.push_back({0,
                        "no --bf16, --fp16",
                        "fp32 is not modelled: bf16 is taken, with which memory and time are less",
                        {{kSayPrecision.flag, false}}});
  }
  RemarkOnTrainer(flags, not_read);
}

void ReadTrainerFsdp(const ScriptFlags& flags, JobFacts& facts) {
  const ScriptFlag* flag = flags.Find({"--fsdp"});
  if (flag == nullptr) return;
  // One word of several, or several words.
  const std::string options = absl::AsciiStrToLower(absl::StrJoin(flag->values, " "));
  const std::string written = flag->Written();
  // Which modules are wrapped changes little: known, and no part of the answer.
  flags.Find({"--fsdp_transformer_layer_cls_to_wrap", "--fsdp-transformer-layer-cls-to-wrap",
              "--fsdp_min_num_params", "--fsdp-min-num-params"});
  if (absl::StrContains(options, kUnknownPart)) {
    facts.not_read.push_back(
        {flag->line, written, "its value is not known from the script", {kSayZeroStage}});
    return;
  }
  std::optional<int64_t> stage;
  bool unknown = false;
  for (const absl::string_view option :
       absl::StrSplit(options, absl::ByAnyChar(" ,"), absl::SkipEmpty())) {
    if (option == "full_shard" || option == "true") stage = 3;
    if (option == "shard_grad_op") stage = 2;
    if (option == "no_shard") stage = 0;
    unknown = unknown || absl::StartsWith(option, "hybrid_shard");
    if (option == "offload") {
      facts.not_read.push_back({flag->line, written,
                                "states moved to the host are counted on the GPU: it needs less "
                                "memory, and a step takes longer"});
    }
    if (option == "false") return;
  }
  if (unknown) {
    facts.not_read.push_back(
        {flag->line, written, "sharding within nodes only is not modelled", {kSayZeroStage}});
    return;
  }
  // Options without a strategy, as "auto_wrap" alone, leave FSDP its default.
  facts.zero_stage = Fact<int64_t>{stage.value_or(3), flag->line, written};
}

absl::Status ReadTrainerFsdpConfig(absl::string_view text, const std::string& path,
                                   JobFacts& facts) {
  RHUMB_ASSIGN_OR_RETURN(ConfigScalars read, JsonScalars(text));
  const ScalarReader scalars(std::move(read), path, facts);
  for (const char* prefix : {"", "fsdp_"}) {
    const std::string checkpointing = absl::StrCat(prefix, "activation_checkpointing");
    if (scalars.IsTrue(checkpointing)) {
      facts.recompute =
          Fact<v1::Recompute>{v1::RECOMPUTE_FULL, 0, scalars.Text(checkpointing)->text};
    }
    // FSDP2's word for the strategy.
    if (const auto reshard = scalars.Text(absl::StrCat(prefix, "reshard_after_forward"))) {
      const std::string lower = absl::AsciiStrToLower(reshard->value);
      if (lower == "true" || lower == "false") {
        facts.zero_stage = Fact<int64_t>{lower == "true" ? 3 : 2, 0, reshard->text};
      } else {
        SetStrategy(*reshard, facts);
      }
    }
    const std::string offload = absl::StrCat(prefix, "offload_params");
    if (scalars.IsTrue(offload)) {
      facts.not_read.push_back(
          {0, scalars.Text(offload)->text,
           "states moved to the host are counted on the GPU: it needs less memory, a step longer"});
    }
  }
  return absl::OkStatus();
}

std::vector<Remedy> RemediesOfTrainerFsdp(const JobFacts& facts) {
  return facts.recompute.has_value() ? std::vector<Remedy>() : std::vector<Remedy>{kSayRecompute};
}

}  // namespace rhumb::launch
