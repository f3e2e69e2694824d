// SPDX-License-Identifier: Apache-2.0
#include "client/launch/job_script.h"

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/config/utf8.h"
#include "client/launch/launch_command.h"
#include "client/launch/read_configs.h"
#include "client/launch/read_megatron.h"
#include "client/launch/script_flags.h"
#include "client/launch/shell_script.h"
#include "client/launch/slurm_directives.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

constexpr int64_t kMostGpus = 10'000'000;

// Variables that Slurm sets in the job, as far as its request tells them.
std::map<std::string, std::string> SlurmEnvironment(const SlurmRequest& slurm) {
  std::map<std::string, std::string> environment;
  if (slurm.nodes.has_value()) {
    environment["SLURM_NNODES"] = environment["SLURM_JOB_NUM_NODES"] =
        absl::StrCat(slurm.nodes->value);
  }
  if (slurm.gpus_per_node.has_value()) {
    environment["SLURM_GPUS_ON_NODE"] = absl::StrCat(slurm.gpus_per_node->value);
    // As it was written, with the type.
    if (!slurm.gpu_type.has_value() && absl::StrContains(slurm.gpus_per_node->text, "per-node")) {
      environment["SLURM_GPUS_PER_NODE"] = absl::StrCat(slurm.gpus_per_node->value);
    }
  }
  if (slurm.tasks_per_node.has_value()) {
    environment["SLURM_NTASKS_PER_NODE"] = absl::StrCat(slurm.tasks_per_node->value);
  }
  if (slurm.tasks.has_value()) {
    environment["SLURM_NTASKS"] = absl::StrCat(slurm.tasks->value);
  } else if (slurm.nodes.has_value() && slurm.tasks_per_node.has_value()) {
    environment["SLURM_NTASKS"] = absl::StrCat(slurm.nodes->value * slurm.tasks_per_node->value);
  }
  return environment;
}

// The product as a fact, nullopt where it is larger than any machine.
std::optional<Fact<int64_t>> Times(const Fact<int64_t>& a, const Fact<int64_t>& b) {
  if (a.value > kMostGpus / b.value) return std::nullopt;
  return Fact<int64_t>{a.value * b.value, a.line, absl::StrCat(a.text, ", ", b.text)};
}

struct GpuCounts {
  std::optional<Fact<int64_t>> total;
  std::optional<Fact<int64_t>> per_node;
};

GpuCounts CountsOfSlurm(const SlurmRequest& slurm) {
  GpuCounts counts;
  counts.per_node = slurm.gpus_per_node;
  if (!counts.per_node && slurm.gpus_per_task && slurm.tasks_per_node) {
    counts.per_node = Times(*slurm.gpus_per_task, *slurm.tasks_per_node);
  }
  std::optional<Fact<int64_t>> nodes = slurm.nodes;
  if (!nodes && slurm.tasks && slurm.tasks_per_node) {
    const int64_t per_node = slurm.tasks_per_node->value;
    nodes = Fact<int64_t>{(slurm.tasks->value + per_node - 1) / per_node, slurm.tasks->line,
                          slurm.tasks->text};
  }
  if (slurm.gpus) {
    counts.total = slurm.gpus;
    if (!counts.per_node && nodes && slurm.gpus->value % nodes->value == 0) {
      counts.per_node = Fact<int64_t>{slurm.gpus->value / nodes->value, slurm.gpus->line,
                                      absl::StrCat(slurm.gpus->text, ", ", nodes->text)};
    }
  } else if (slurm.gpus_per_task && slurm.tasks) {
    counts.total = Times(*slurm.gpus_per_task, *slurm.tasks);
  } else if (counts.per_node && nodes) {
    counts.total = Times(*counts.per_node, *nodes);
  } else if (counts.per_node && !slurm.tasks && !slurm.incomplete) {
    counts.total = counts.per_node;
    absl::StrAppend(&counts.total->text, ", on Slurm's default of one node");
  }
  return counts;
}

// The ranks that torchrun starts; a value may be "gpu" or "auto": one rank a GPU.
GpuCounts CountsOfTorchrun(const ScriptFlags& flags, const GpuCounts& slurm,
                           std::vector<NotRead>& not_read) {
  GpuCounts counts;
  std::optional<Fact<int64_t>> nodes = Fact<int64_t>{1, 0, "torchrun's default of one node"};
  if (const ScriptFlag* flag = flags.Find({"--nnodes"})) {
    nodes = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  const ScriptFlag* flag = flags.Find({"--nproc-per-node", "--nproc_per_node"});
  if (flag == nullptr) {
    counts.per_node = Fact<int64_t>{1, 0, "torchrun's default of one rank a node"};
  } else if (!flag->values.empty() && (flag->values[0] == "gpu" || flag->values[0] == "auto")) {
    counts.per_node = slurm.per_node;
  } else {
    counts.per_node = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  if (nodes && counts.per_node) counts.total = Times(*counts.per_node, *nodes);
  return counts;
}

GpuCounts CountsOfDeepspeed(const ScriptFlags& flags, std::vector<NotRead>& not_read) {
  GpuCounts counts;
  if (const ScriptFlag* flag = flags.Find({"--num_gpus", "--num-gpus"})) {
    counts.per_node = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  std::optional<Fact<int64_t>> nodes;
  if (const ScriptFlag* flag = flags.Find({"--num_nodes", "--num-nodes"})) {
    nodes = IntegerValue(*flag, 1, {kSayGpus}, not_read);
  }
  if (nodes && counts.per_node) counts.total = Times(*counts.per_node, *nodes);
  return counts;
}

// One rank a task of srun.
GpuCounts CountsOfTasks(const SlurmRequest& slurm) {
  GpuCounts counts;
  if (slurm.tasks) {
    counts.total = slurm.tasks;
  } else if (slurm.nodes && slurm.tasks_per_node) {
    counts.total = Times(*slurm.tasks_per_node, *slurm.nodes);
  }
  return counts;
}

void SetCounts(const GpuCounts& slurm, const GpuCounts& ranks, JobFacts& facts) {
  facts.gpu_count = ranks.total.has_value() ? ranks.total : slurm.total;
  facts.gpus_per_node = slurm.per_node.has_value() ? slurm.per_node : ranks.per_node;
  if (!slurm.total || !ranks.total || slurm.total->value == ranks.total->value) return;
  v1::Advice advice;
  advice.set_code("RANKS_DIFFER");
  advice.set_text(absl::StrCat("the job asks for ", slurm.total->value, " GPUs (",
                               slurm.total->text, "), but ", ranks.total->value,
                               " ranks are started (", ranks.total->text));
  absl::StrAppend(advice.mutable_text(), "); the ranks are checked");
  facts.advice.push_back(std::move(advice));
}

bool IsAmbiguous(const absl::Status& status) {
  return absl::StrContains(status.message(), "ambiguous");
}

// The type that the site's name, a node feature or our own variable says; the first that names one.
void SetGpuType(const SlurmRequest& slurm, const std::map<std::string, ShellWord>& variables,
                JobFacts& facts) {
  std::vector<Fact<std::string>> names;
  if (slurm.gpu_type.has_value()) names.push_back(*slurm.gpu_type);
  names.insert(names.end(), slurm.constraints.begin(), slurm.constraints.end());
  std::optional<NotRead> ambiguous;
  for (const Fact<std::string>& name : names) {
    const absl::StatusOr<Gpu> gpu = FindGpu(name.value);
    if (gpu.ok()) {
      facts.gpu_type = Fact<std::string>{gpu->id, name.line, name.text};
      return;
    }
    if (IsAmbiguous(gpu.status()) && !ambiguous.has_value()) {
      ambiguous = NotRead{name.line, name.text, std::string(gpu.status().message()), {kSayGpuType}};
    }
  }
  const auto own = variables.find("RHUMB_GPU_TYPE");
  if (own != variables.end() && !own->second.text.empty()) {
    facts.gpu_type = Fact<std::string>{own->second.text, own->second.line,
                                       absl::StrCat("RHUMB_GPU_TYPE=", own->second.text)};
    return;
  }
  if (ambiguous.has_value()) {
    facts.not_read.push_back(*std::move(ambiguous));
  } else if (slurm.gpu_type.has_value()) {
    // Perhaps a type of the user's own, which the daemon knows.
    facts.gpu_type = slurm.gpu_type;
  }
}

// Reads the file that `name` names, through `read`; a failure is remarked with `instead`.
void ReadNamedFile(const Fact<std::string>& name, const FileReader& read_file,
                   const std::function<void(absl::string_view text)>& read, JobFacts& facts) {
  const absl::StatusOr<std::string> text = read_file(name.value);
  if (!text.ok()) {
    facts.not_read.push_back(
        {name.line, name.text, std::string(text.status().message()), {kSayZeroStage}});
    return;
  }
  read(ToUtf8(*text));
}

// DeepSpeed's file where a flag names it; some scripts take --deepspeed as a switch.
std::optional<Fact<std::string>> DeepspeedFile(const ScriptFlags& flags,
                                               std::vector<NotRead>& not_read) {
  if (const ScriptFlag* flag =
          flags.Find({"--deepspeed_config", "--deepspeed-config", "--ds_config", "--ds-config"})) {
    return TextValue(*flag, {kSayZeroStage}, not_read);
  }
  if (const ScriptFlag* flag = flags.Find({"--deepspeed"});
      flag != nullptr && !flag->values.empty()) {
    return TextValue(*flag, {kSayZeroStage}, not_read);
  }
  return std::nullopt;
}

bool IsTraining(const LaunchCommand& command) {
  if (command.launcher != Launcher::kPython) return true;
  std::vector<NotRead> ignored;
  const ScriptFlags flags(command.script_words, ignored);
  return IsMegatron(flags) || flags.Find({"--deepspeed", "--deepspeed_config",
                                          "--per_device_train_batch_size"}) != nullptr;
}

// The first launcher that runs whatever happens; others are remarked.
std::optional<LaunchCommand> ChooseCommand(const ShellReading& script, JobFacts& facts) {
  std::optional<LaunchCommand> chosen;
  for (const ShellCommand& command : script.commands) {
    std::optional<LaunchCommand> found = FindLaunchCommand(command);
    if (!found.has_value() || !IsTraining(*found)) continue;
    if (!command.inside.empty()) {
      facts.not_read.push_back(
          {found->line, "a launcher's command",
           absl::StrCat("stands in \"", command.inside, "\": it may not run, or not once")});
    } else if (chosen.has_value()) {
      facts.not_read.push_back(
          {found->line, "another launcher's command", "only the first is read"});
    } else {
      chosen = std::move(found);
    }
  }
  if (!chosen.has_value()) {
    facts.not_read.push_back({0,
                              "the launcher",
                              "no torchrun, accelerate launch, deepspeed, or python with flags of "
                              "Megatron-LM that runs whatever happens",
                              {kSayModel}});
  }
  return chosen;
}

GpuCounts ReadCommand(const LaunchCommand& command, const SlurmRequest& slurm,
                      const FileReader& read_file, JobFacts& facts) {
  const ScriptFlags launcher_flags(command.launcher_words, facts.not_read);
  std::vector<NotRead> twice;  // the same words without a script between are remarked once
  const ScriptFlags script_flags(command.script_words, command.has_script ? facts.not_read : twice);
  GpuCounts ranks;
  AccelerateConfig accelerate;
  if (command.launcher == Launcher::kAccelerate) {
    if (const ScriptFlag* flag = launcher_flags.Find({"--config_file", "--config-file"})) {
      const auto file = TextValue(*flag, {kSayZeroStage}, facts.not_read);
      if (file.has_value()) {
        ReadNamedFile(
            *file, read_file,
            [&](absl::string_view text) {
              accelerate = ReadAccelerateConfig(text, file->value, facts);
            },
            facts);
      }
    }
    ReadAccelerateFlags(launcher_flags, accelerate, facts);
    ranks.total = accelerate.process_count;
    if (ranks.total && accelerate.machine_count &&
        ranks.total->value % accelerate.machine_count->value == 0) {
      ranks.per_node =
          Fact<int64_t>{ranks.total->value / accelerate.machine_count->value, ranks.total->line,
                        absl::StrCat(ranks.total->text, ", ", accelerate.machine_count->text)};
    }
  } else if (command.launcher == Launcher::kTorchrun) {
    ranks = CountsOfTorchrun(launcher_flags, CountsOfSlurm(slurm), facts.not_read);
  } else if (command.launcher == Launcher::kDeepspeed) {
    facts.framework = JobFramework::kDeepspeed;
    ranks = CountsOfDeepspeed(launcher_flags, facts.not_read);
  } else if (command.by_srun) {
    ranks = CountsOfTasks(slurm);
  }
  const bool megatron = IsMegatron(script_flags);
  if (megatron) ReadMegatron(script_flags, facts);
  std::optional<Fact<std::string>> deepspeed = DeepspeedFile(script_flags, facts.not_read);
  if (!deepspeed.has_value()) deepspeed = accelerate.deepspeed_file;
  if (deepspeed.has_value()) {
    ReadNamedFile(
        *deepspeed, read_file,
        [&](absl::string_view text) { ReadDeepspeedConfig(text, deepspeed->value, facts); }, facts);
  }
  if (!megatron) ReadTrainerFlags(script_flags, facts);
  return ranks;
}

void ReadOwnVariables(const std::map<std::string, ShellWord>& variables, JobFacts& facts) {
  if (const auto found = variables.find("RHUMB_FRAMEWORK"); found != variables.end()) {
    facts.framework_name = Fact<std::string>{found->second.text, found->second.line,
                                             absl::StrCat("RHUMB_FRAMEWORK=", found->second.text)};
  }
  const auto found = variables.find("RHUMB_INTER_NODE_GBPS");
  double gbps = 0;
  if (found != variables.end() && absl::SimpleAtod(found->second.text, &gbps)) {
    facts.inter_node_gbps_per_gpu = Fact<double>{
        gbps, found->second.line, absl::StrCat("RHUMB_INTER_NODE_GBPS=", found->second.text)};
  }
}

}  // namespace

absl::StatusOr<JobFacts> ReadJobScript(absl::string_view script, const FileReader& read_file) {
  const std::string utf8 = ToUtf8(script);  // comments are in any encoding, messages are not
  script = utf8;
  JobFacts facts;
  if (absl::StrContains(script, "\r\n")) {
    facts.not_read.push_back({1, "DOS line ends", "sbatch refuses them; they are passed over"});
  }
  SlurmRequest slurm = ReadSlurmDirectives(script, facts.not_read);
  RHUMB_ASSIGN_OR_RETURN(ShellReading reading, ReadShellScript(script, SlurmEnvironment(slurm)));
  const std::optional<LaunchCommand> command = ChooseCommand(reading, facts);
  GpuCounts ranks;
  const std::optional<Fact<double>> limit = slurm.time_seconds;
  if (command.has_value()) {
    // A step may have less of everything than its job, which is what its ranks run on.
    ReadSlurmOptions(command->srun_words, "srun ", slurm, facts.not_read);
    ranks = ReadCommand(*command, slurm, read_file, facts);
  }
  SetCounts(CountsOfSlurm(slurm), ranks, facts);
  SetGpuType(slurm, reading.variables, facts);
  facts.time_limit_seconds = slurm.time_seconds.has_value() ? slurm.time_seconds : limit;
  ReadOwnVariables(reading.variables, facts);
  for (ShellRemark& remark : reading.not_read) {
    facts.not_read.push_back({remark.line, std::move(remark.text), std::move(remark.reason)});
  }
  return facts;
}

}  // namespace rhumb::launch
