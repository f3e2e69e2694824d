// SPDX-License-Identifier: Apache-2.0
#include "client/launch/read_torchtitan.h"

#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/launch/torchtitan_flavors.h"

namespace rhumb::launch {
namespace {

// Keys that change time or memory in ways the model does not know.
struct Unmodelled {
  const char* key;
  const char* reason;
};
constexpr Unmodelled kUnmodelled[] = {
    {"training.enable_cpu_offload",
     "states moved to the host are counted on the GPU: it needs less memory, a step longer"},
    {"optimizer.early_step_in_backward", "gradients are counted until the optimizer's step"},
};

// Keys about ranks and batches that change neither layout nor time here.
constexpr const char* kHarmless[] = {
    "context_parallel_rotate_method", "context_parallel_load_balancer", "disable_loss_parallel",
    "enable_loss_parallel",           "enable_async_tensor_parallel",
};

// "--training.local-batch-size" as "training.local_batch_size"; of a switch that is turned off
// ("--compile.no-enable", "--compile.no_enable") the key, and `off` set.
std::string KeyOf(absl::string_view name, bool& off) {
  std::string key = absl::StrReplaceAll(name.substr(2), {{"-", "_"}});
  const size_t dot = key.find('.');
  off = absl::StartsWith(absl::string_view(key).substr(dot + 1), "no_");
  if (off) key.erase(dot + 1, 3);
  return key;
}

class TorchtitanReader {
 public:
  TorchtitanReader(const ScriptFlags& flags, const std::optional<TorchtitanFile>& file,
                   JobFacts& facts)
      : whole_(file.has_value()),
        settings_(whole_ ? file->scalars : ConfigScalars(), whole_ ? file->path : "", facts),
        facts_(facts) {
    for (const ScriptFlag* flag : flags.Dotted()) {
      bool off = false;
      const std::string key = KeyOf(flag->name, off);
      std::string value = flag->values.empty() ? "true" : flag->values[0];
      if (off) value = "false";
      settings_.Override(key, {std::move(value), flag->line, flag->Written()});
    }
  }

  void Read() {
    ReadModel();
    ReadRanks();
    ReadStages();
    ReadSharding();
    ReadBatch();
    ReadRecompute();
    ReadPrecision();
    RemarkUnmodelled();
  }

 private:
  using Keys = std::vector<std::string>;

  // What the first of `keys` that is set says, a default where none is; nullopt where that is not
  // known either, or after a remark where the value is not.
  std::optional<Fact<std::string>> Text(const Keys& keys, const std::string& fallback,
                                        const std::vector<Remedy>& instead) {
    std::optional<Fact<std::string>> found;
    for (const std::string& key : keys) {
      const std::optional<Fact<std::string>> text = settings_.Text(key);
      if (!found.has_value()) found = text;
    }
    if (!found.has_value()) {
      if (!whole_) return std::nullopt;
      return Fact<std::string>{fallback, 0,
                               absl::StrCat("torchtitan's default ", keys[0], " ", fallback)};
    }
    if (absl::StrContains(found->value, kUnknownPart)) {
      Refuse(*found, "its value is not known from the script", instead);
      return std::nullopt;
    }
    return found;
  }

  std::optional<Fact<int64_t>> Number(const Keys& keys, int64_t fallback, int64_t minimum,
                                      const std::vector<Remedy>& instead) {
    const std::optional<Fact<std::string>> text = Text(keys, absl::StrCat(fallback), instead);
    if (!text.has_value()) return std::nullopt;
    int64_t value = 0;
    if (absl::SimpleAtoi(text->value, &value) && value >= minimum) {
      return Fact<int64_t>{value, text->line, text->text};
    }
    Refuse(*text, absl::StrCat("must be a whole number of at least ", minimum), instead);
    return std::nullopt;
  }

  std::optional<Fact<int64_t>> Degree(const std::string& key, int64_t fallback, int64_t minimum,
                                      const Remedy& instead) {
    return Number({"parallelism." + key, "training." + key, "experimental." + key}, fallback,
                  minimum, {instead});
  }

  template <typename Value>
  void Refuse(const Fact<Value>& fact, absl::string_view reason,
              const std::vector<Remedy>& instead = {}) {
    facts_.not_read.push_back({fact.line, fact.text, std::string(reason), instead});
  }

  void ReadModel() {
    const auto name = Text({"model.name"}, "llama3", {kSayModel});
    const auto flavor = Text({"model.flavor"}, "debugmodel", {kSayModel});
    if (!name.has_value() || !flavor.has_value()) return;
    std::optional<v1::Architecture> model = FindTorchtitanFlavor(name->value, flavor->value);
    if (!model.has_value()) {
      Refuse(*flavor,
             absl::StrCat("the shape of ", name->value, " ", flavor->value,
                          " is in torchtitan's registry"),
             {kSayModel});
      return;
    }
    facts_.has_model = true;
    facts_.model = *std::move(model);
    for (const auto& fact : {name, flavor}) {
      facts_.model_facts.push_back({fact->line, fact->text, "architecture", ""});
    }
  }

  void ReadRanks() {
    facts_.tensor_parallel_size = Degree("tensor_parallel_degree", 1, 1, kSayTensorParallel);
    facts_.pipeline_parallel_size = Degree("pipeline_parallel_degree", 1, 1, kSayPipelineParallel);
    facts_.context_parallel_size = Degree("context_parallel_degree", 1, 1, kSayContextParallel);
    facts_.expert_parallel_size = Degree("expert_parallel_degree", 1, 1, kSayExpertParallel);
  }

  bool HasPipeline() const {
    return facts_.pipeline_parallel_size.has_value() && facts_.pipeline_parallel_size->value > 1;
  }

  void ReadStages() {
    const std::vector<Remedy> instead = {kSayVirtualStages};
    const auto schedule =
        Text({"parallelism.pipeline_parallel_schedule", "experimental.pipeline_parallel_schedule"},
             "1F1B", instead);
    for (const char* key : {"pipeline_parallel_layers_per_stage", "pipeline_parallel_split_points",
                            "pipeline_parallel_schedule_csv", "module_fqns_per_model_part"}) {
      const auto stages = settings_.Text(absl::StrCat("parallelism.", key));
      if (stages.has_value() && HasPipeline()) {
        return Refuse(*stages, "stages that are cut otherwise than by the schedule", instead);
      }
    }
    if (!HasPipeline() || !schedule.has_value()) return;
    // Older releases write interleaved_1f1b.
    const std::string name =
        absl::StrReplaceAll(absl::AsciiStrToLower(schedule->value), {{"_", ""}});
    if (name == "1f1b" || name == "interleaved1f1b") {
      facts_.virtual_pipeline_stages =
          Fact<int64_t>{name == "1f1b" ? 1 : 2, schedule->line, schedule->text};
      return;
    }
    Refuse(*schedule, "a schedule that is not modelled: 1F1B and Interleaved1F1B are", instead);
  }

  void ReadSharding() {
    const std::vector<Remedy> instead = {kSayZeroStage};
    const auto replicate = Degree("data_parallel_replicate_degree", 1, 1, kSayZeroStage);
    const auto shard =
        Number({"parallelism.data_parallel_shard_degree", "training.data_parallel_shard_degree",
                "training.data_parallel_degree"},
               -1, -1, instead);
    const auto reshard =
        Text({"parallelism.fsdp_reshard_after_forward", "training.fsdp_reshard_after_forward"},
             "default", instead);
    if (!shard.has_value() || !replicate.has_value()) return;
    if (shard->value == 1) {
      facts_.zero_stage = Fact<int64_t>{0, shard->line, shard->text};
      return;
    }
    if (replicate->value > 1) {
      return Refuse(*replicate, "sharding within groups of ranks is not modelled", instead);
    }
    if (!reshard.has_value()) return;
    // By default parameters stay gathered between the micro-batches of a pipeline.
    if (reshard->value == "always" || (reshard->value == "default" && !HasPipeline())) {
      facts_.zero_stage = Fact<int64_t>{3, reshard->line, reshard->text};
    } else if (reshard->value == "never" || reshard->value == "default") {
      facts_.zero_stage = Fact<int64_t>{2, reshard->line, reshard->text};
    } else {
      Refuse(*reshard, "must be default, always or never", instead);
    }
  }

  void ReadBatch() {
    facts_.sequence_length = Number({"training.seq_len"}, 2048, 1, {kSaySequenceLength});
    facts_.step_count = Number({"training.steps"}, 10000, 1, {kSayTokens});
    const auto global = Number({"training.global_batch_size"}, -1, -1, {kSayBatch});
    const auto local =
        Number({"training.local_batch_size", "training.batch_size"}, 8, 1, {kSayMicroBatch});
    const std::optional<Fact<int64_t>> micro = MicroBatch(local);
    facts_.micro_batch_size = micro;
    if (!global.has_value()) return;
    if (global->value > 0) {
      facts_.global_batch_size = global;
    } else if (local.has_value() && micro.has_value()) {
      facts_.gradient_accumulation_steps =
          Fact<int64_t>{local->value / micro->value, local->line, local->text};
    }
  }

  // The sequences of one pass: the local batch, which a pipeline cuts into micro-batches.
  std::optional<Fact<int64_t>> MicroBatch(const std::optional<Fact<int64_t>>& local) {
    const std::vector<Remedy> instead = {kSayMicroBatch};
    const auto size = Number({"parallelism.pipeline_parallel_microbatch_size"}, 1, 1, instead);
    const auto count = settings_.Text("experimental.pipeline_parallel_microbatches");
    if (!local.has_value() || !facts_.pipeline_parallel_size.has_value()) return std::nullopt;
    if (!HasPipeline()) return local;
    if (count.has_value()) {
      Refuse(*count, "a pipeline's micro-batches are read by their size, not their number",
             instead);
      return std::nullopt;
    }
    if (size.has_value() && local->value % size->value != 0) {
      Refuse(*size, absl::StrCat("does not divide the local batch of ", local->value), instead);
      return std::nullopt;
    }
    return size;
  }

  void ReadRecompute() {
    const auto mode = Text({"activation_checkpoint.mode"}, "selective", {kSayRecompute});
    const auto option = Text({"activation_checkpoint.selective_ac_option"}, "2", {});
    if (!mode.has_value()) return;
    v1::Recompute recompute = v1::RECOMPUTE_UNSPECIFIED;
    if (mode->value == "none") recompute = v1::RECOMPUTE_NONE;
    if (mode->value == "selective") recompute = v1::RECOMPUTE_SELECTIVE;
    if (mode->value == "full") recompute = v1::RECOMPUTE_FULL;
    if (recompute == v1::RECOMPUTE_UNSPECIFIED) {
      return Refuse(*mode, "is not modelled: none, selective and full are", {kSayRecompute});
    }
    facts_.recompute = Fact<v1::Recompute>{recompute, mode->line, mode->text};
    if (recompute == v1::RECOMPUTE_SELECTIVE && option.has_value() && option->value != "op") {
      Refuse(*option, "selective recompute is taken for that of operators (op)");
    }
  }

  void ReadPrecision() {
    const auto param = Text({"training.mixed_precision_param"}, "bfloat16", {kSayPrecision});
    if (!param.has_value()) return;
    if (param->value != "bfloat16") {
      return Refuse(*param, "is not modelled; bf16 is taken", {kSayPrecision});
    }
    facts_.precision = Fact<v1::Precision>{v1::PRECISION_BF16, param->line, param->text};
    const auto found = [&](v1::Precision precision, const Fact<std::string>& fact) {
      facts_.precision = Fact<v1::Precision>{precision, fact.line, fact.text};
    };
    // Before there were converters, a switch.
    if (settings_.IsTrue("float8.enable_float8_linear")) {
      found(v1::PRECISION_FP8, *settings_.Text("float8.enable_float8_linear"));
    }
    const auto converters = Text({"model.converters"}, "", {kSayPrecision});
    if (!converters.has_value()) return;
    for (const absl::string_view name :
         absl::StrSplit(converters->value, absl::ByAnyChar(", "), absl::SkipEmpty())) {
      if (name == "float8" || name == "quantize.linear.float8") {
        found(v1::PRECISION_FP8, *converters);
      } else if (name == "mx" || name == "quantize.linear.mx") {
        found(v1::PRECISION_MXFP8, *converters);
      } else {
        Refuse(*converters, absl::StrCat("the converter ", name, " is not modelled"));
      }
    }
  }

  void RemarkUnmodelled() {
    for (const Unmodelled& unmodelled : kUnmodelled) {
      if (settings_.IsTrue(unmodelled.key)) {
        Refuse(*settings_.Text(unmodelled.key), unmodelled.reason);
      }
    }
    const bool compiled =
        settings_.IsTrue("compile.enable") || settings_.IsTrue("training.compile");
    if (whole_ && !compiled) {
      facts_.not_read.push_back({0, "compile.enable", "is off: the time is that of compiled code"});
    }
    for (const auto& [key, fact] : settings_.Unread()) {
      const bool says_much = absl::StrContains(key, "batch") || absl::StrContains(key, "parallel");
      if (!says_much || absl::StartsWith(key, "validation.") || IsHarmless(key)) continue;
      Refuse(fact, "is not known here");
    }
  }

  static bool IsHarmless(const std::string& key) {
    for (const char* name : kHarmless) {
      if (absl::EndsWith(key, absl::StrCat(".", name))) return true;
    }
    return false;
  }

  const bool whole_;  // the file is read: what is not set has its default
  ScalarReader settings_;
  JobFacts& facts_;
};

}  // namespace

bool IsTorchtitan(absl::string_view script, const ScriptFlags& flags) {
  return absl::StartsWith(script, "torchtitan.") || absl::EndsWith(script, "torchtitan/train.py") ||
         script.substr(script.rfind('/') + 1) == "run_train.sh" ||
         flags.Find({"--job.config_file", "--job.config-file"}) != nullptr;
}

void ReadTorchtitan(const ScriptFlags& flags, const std::optional<TorchtitanFile>& file,
                    JobFacts& facts) {
  TorchtitanReader(flags, file, facts).Read();
}

std::vector<Remedy> RemediesOfTorchtitan(const JobFacts& facts) {
  std::vector<Remedy> remedies;
  const auto ask = [&](bool known, const Remedy& remedy) {
    if (!known) remedies.push_back(remedy);
  };
  ask(facts.tensor_parallel_size.has_value(), kSayTensorParallel);
  ask(facts.pipeline_parallel_size.has_value(), kSayPipelineParallel);
  ask(facts.context_parallel_size.has_value(), kSayContextParallel);
  ask(facts.zero_stage.has_value(), kSayZeroStage);
  ask(facts.sequence_length.has_value(), kSaySequenceLength);
  ask(facts.micro_batch_size.has_value(), kSayMicroBatch);
  ask(facts.gradient_accumulation_steps.has_value() || facts.global_batch_size.has_value(),
      kSayAccumulationOrBatch);
  ask(facts.recompute.has_value(), kSayRecompute);
  ask(facts.precision.has_value(), kSayPrecision);
  return remedies;
}

}  // namespace rhumb::launch
