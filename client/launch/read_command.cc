// SPDX-License-Identifier: Apache-2.0
#include "client/launch/read_command.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/launch/read_configs.h"
#include "client/launch/read_megatron.h"
#include "client/launch/read_torchtitan.h"
#include "client/launch/read_trainer.h"
#include "client/launch/script_flags.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

// The flags of a launch command, which its readers share.
class CommandReader {
 public:
  CommandReader(const LaunchCommand& command, const std::map<std::string, ShellWord>& variables,
                const FileReader& read_file, JobFacts& facts)
      : command_(command),
        variables_(variables),
        files_(read_file),
        facts_(facts),
        launcher_flags_(command.launcher_words, facts.not_read),
        script_flags_(command.script_words, command.has_script ? facts.not_read : twice_) {}

  GpuCounts Read(const SlurmRequest& slurm) {
    const GpuCounts ranks = ReadLauncher(slurm);
    if (IsTorchtitan(command_.script, script_flags_)) {
      ReadTorchtitanJob();
    } else {
      ReadOthers();
    }
    files_.Remark(facts_);
    RemarkUnreadFlags();
    return ranks;
  }

 private:
  GpuCounts ReadLauncher(const SlurmRequest& slurm) {
    switch (command_.launcher) {
      case Launcher::kTorchrun:
        return CountsOfTorchrun(launcher_flags_, CountsOfSlurm(slurm), facts_.not_read);
      case Launcher::kAccelerate:
        return ReadAccelerate();
      case Launcher::kDeepspeed:
        facts_.framework = JobFramework::kDeepspeed;
        return CountsOfDeepspeed(launcher_flags_, facts_.not_read);
      case Launcher::kRunTrain:
        return CountsOfRunTrain();
      case Launcher::kPython:
        return command_.by_srun ? CountsOfTasks(slurm) : GpuCounts();
    }
    return {};
  }

  GpuCounts ReadAccelerate() {
    facts_.framework = JobFramework::kAccelerate;
    AccelerateConfig accelerate;
    if (const ScriptFlag* flag = launcher_flags_.Find({"--config_file", "--config-file"})) {
      if (const auto file = files_.Name(*flag, &RemediesOfAccelerate)) {
        const auto parse = [&](absl::string_view text) {
          return ReadAccelerateConfig(text, file->value, accelerate, facts_);
        };
        files_.Read(*file, parse, &RemediesOfAccelerate);
      }
    }
    ReadAccelerateFlags(launcher_flags_, accelerate, facts_);
    deepspeed_file_ = accelerate.deepspeed_file;
    if (const ScriptFlag* flag =
            launcher_flags_.Find({"--deepspeed_config_file", "--deepspeed-config-file"})) {
      deepspeed_file_ = files_.Name(*flag, &RemediesOfDeepspeed);
    }
    GpuCounts ranks;
    ranks.total = accelerate.process_count;
    if (ranks.total && accelerate.machine_count &&
        ranks.total->value % accelerate.machine_count->value == 0) {
      ranks.per_node =
          Fact<int64_t>{ranks.total->value / accelerate.machine_count->value, ranks.total->line,
                        absl::StrCat(ranks.total->text, ", ", accelerate.machine_count->text)};
    }
    return ranks;
  }

  void ReadTorchtitanJob() {
    facts_.framework = JobFramework::kTorchtitan;
    std::optional<TorchtitanFile> config;
    if (const std::optional<Fact<std::string>> name = NameOfTorchtitanFile()) {
      const auto parse = [&](absl::string_view text) -> absl::Status {
        RHUMB_ASSIGN_OR_RETURN(ConfigScalars scalars, TomlScalars(text));
        config = TorchtitanFile{name->value, std::move(scalars)};
        return absl::OkStatus();
      };
      files_.Read(*name, parse, &RemediesOfTorchtitan);
    }
    ReadTorchtitan(script_flags_, config, facts_);
  }

  std::optional<Fact<std::string>> NameOfTorchtitanFile() {
    if (const ScriptFlag* flag = script_flags_.Find({"--job.config_file", "--job.config-file"})) {
      return files_.Name(*flag, &RemediesOfTorchtitan);
    }
    if (command_.launcher == Launcher::kRunTrain) {
      const auto found = variables_.find("CONFIG_FILE");
      if (found != variables_.end()) {
        return Fact<std::string>{found->second.text, found->second.line,
                                 absl::StrCat("CONFIG_FILE=", found->second.text)};
      }
    }
    files_.Missing({command_.line, command_.script,
                    "no job config that is known from the script; those in Python are not read"},
                   &RemediesOfTorchtitan);
    return std::nullopt;
  }

  // run_train.sh starts NGPU ranks on one node.
  GpuCounts CountsOfRunTrain() {
    GpuCounts ranks;
    const auto found = variables_.find("NGPU");
    int64_t count = 0;
    if (found == variables_.end() || !absl::SimpleAtoi(found->second.text, &count) || count < 1) {
      return ranks;
    }
    ranks.total = ranks.per_node =
        Fact<int64_t>{count, found->second.line, absl::StrCat("NGPU=", found->second.text)};
    return ranks;
  }

  void ReadOthers() {
    const bool megatron = IsMegatron(script_flags_);
    if (megatron) ReadMegatron(script_flags_, facts_);
    // Some scripts take --deepspeed as a switch.
    const ScriptFlag* flag = script_flags_.Find(
        {"--deepspeed_config", "--deepspeed-config", "--ds_config", "--ds-config"});
    if (flag == nullptr) flag = script_flags_.Find({"--deepspeed"});
    if (flag != nullptr && (flag->name != "--deepspeed" || !flag->values.empty())) {
      deepspeed_file_ = files_.Name(*flag, &RemediesOfDeepspeed);
    }
    // Megatron-DeepSpeed is Megatron-LM in all that its flags say.
    const bool deepspeed = flag != nullptr || deepspeed_file_.has_value();
    if (deepspeed && !megatron) facts_.framework = JobFramework::kDeepspeed;
    if (deepspeed_file_.has_value()) {
      const auto parse = [&](absl::string_view text) {
        return ReadDeepspeedConfig(text, deepspeed_file_->value, facts_);
      };
      files_.Read(*deepspeed_file_, parse, &RemediesOfDeepspeed);
    }
    if (megatron) return;
    const bool alone = facts_.framework == JobFramework::kUnknown && IsTrainer(script_flags_);
    if (alone) {
      facts_.framework = JobFramework::kTrainer;
      facts_.zero_stage = Fact<int64_t>{0, 0, "no --fsdp, no --deepspeed: replicas"};
    }
    ReadTrainerFsdp(script_flags_, facts_);
    ReadTrainerFlags(script_flags_, facts_);
    ReadTrainerFsdpFile();
  }

  // After the flags, whose checkpointing is another.
  void ReadTrainerFsdpFile() {
    if (script_flags_.Find({"--fsdp"}) == nullptr) return;
    const ScriptFlag* flag = script_flags_.Find({"--fsdp_config", "--fsdp-config"});
    if (flag == nullptr) return;
    const std::optional<Fact<std::string>> file = files_.Name(*flag, &RemediesOfTrainerFsdp);
    if (!file.has_value()) return;
    if (absl::StartsWith(file->value, "{")) {  // the JSON itself
      const absl::Status read = ReadTrainerFsdpConfig(file->value, flag->name, facts_);
      if (!read.ok()) {
        files_.Missing({file->line, file->text, std::string(read.message())},
                       &RemediesOfTrainerFsdp);
      }
      return;
    }
    const auto parse = [&](absl::string_view text) {
      return ReadTrainerFsdpConfig(text, file->value, facts_);
    };
    files_.Read(*file, parse, &RemediesOfTrainerFsdp);
  }

  void RemarkUnreadFlags() {
    for (const ScriptFlag* flag : script_flags_.Unread()) {
      const bool says_much =
          absl::StrContains(flag->name, "config") || absl::StrContains(flag->name, "batch") ||
          absl::StrContains(flag->name, "parallel") || absl::StrContains(flag->name, "fsdp") ||
          absl::StrContains(flag->name, "offload");
      // What evaluation does is no part of a step.
      if (!says_much || absl::StrContains(flag->name, "eval")) continue;
      facts_.not_read.push_back({flag->line, flag->Written(), "is not known here"});
    }
  }

  const LaunchCommand& command_;
  const std::map<std::string, ShellWord>& variables_;
  NamedFiles files_;
  JobFacts& facts_;
  std::vector<NotRead> twice_;  // the same words without a script between are remarked once
  ScriptFlags launcher_flags_;
  ScriptFlags script_flags_;
  std::optional<Fact<std::string>> deepspeed_file_;
};

}  // namespace

bool IsTraining(const LaunchCommand& command, const std::map<std::string, ShellWord>& variables) {
  if (command.launcher == Launcher::kRunTrain) return variables.count("CONFIG_FILE") > 0;
  if (command.launcher != Launcher::kPython) return true;
  std::vector<NotRead> ignored;
  const ScriptFlags flags(command.script_words, ignored);
  return IsMegatron(flags) || IsTorchtitan(command.script, flags) || IsTrainer(flags) ||
         flags.Find({"--deepspeed", "--deepspeed_config"}) != nullptr;
}

GpuCounts ReadCommand(const LaunchCommand& command, const SlurmRequest& slurm,
                      const std::map<std::string, ShellWord>& variables,
                      const FileReader& read_file, JobFacts& facts) {
  return CommandReader(command, variables, read_file, facts).Read(slurm);
}

}  // namespace rhumb::launch
