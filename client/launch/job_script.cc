// SPDX-License-Identifier: Apache-2.0
#include "client/launch/job_script.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/config/utf8.h"
#include "client/launch/gpu_counts.h"
#include "client/launch/launch_command.h"
#include "client/launch/read_command.h"
#include "client/launch/shell_script.h"
#include "client/launch/slurm_directives.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

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

bool IsAmbiguous(const absl::Status& status) {
  return absl::StrContains(status.message(), "ambiguous");
}

// "a100_40", "gh200-96": a node feature that means a GPU, whatever the catalogue calls it.
bool SoundsLikeGpu(absl::string_view feature) {
  const size_t digits = std::min(feature.find_first_of("0123456789"), feature.size());
  const std::string letters = absl::AsciiStrToLower(feature.substr(0, digits));
  const bool known = letters == "a" || letters == "b" || letters == "h" || letters == "l" ||
                     letters == "v" || letters == "t" || letters == "p" || letters == "gh" ||
                     letters == "gb" || letters == "mi" || letters == "rtx" || letters == "rtx-";
  return known && digits + 1 < feature.size() &&
         absl::ascii_isdigit(static_cast<unsigned char>(feature[digits + 1]));
}

// The type that the site's name, a node feature or our own variable says; the first that names one.
void SetGpuType(const SlurmRequest& slurm, const std::map<std::string, ShellWord>& variables,
                const GpuTypeOf& gpu_type_of, JobFacts& facts) {
  std::vector<Fact<std::string>> names;
  if (slurm.gpu_type.has_value()) {
    names.push_back(*slurm.gpu_type);
    if (gpu_type_of) names.back().value = gpu_type_of(names.back().value);
  }
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
  for (const Fact<std::string>& feature : slurm.constraints) {
    if (!SoundsLikeGpu(feature.value) || IsAmbiguous(FindGpu(feature.value).status())) continue;
    facts.not_read.push_back({feature.line,
                              feature.text,
                              absl::StrCat("\"", ShownText(feature.value),
                                           "\" is no name of a GPU type that is known here"),
                              {kSayGpuType}});
  }
  if (ambiguous.has_value()) {
    facts.not_read.push_back(*std::move(ambiguous));
  } else if (slurm.gpu_type.has_value()) {
    // Perhaps a type of the user's own, which the daemon knows.
    facts.gpu_type = names.front();
  }
}

void SetGpuWords(const SlurmRequest& slurm, const LaunchCommand& command, const GpuCounts& ranks,
                 JobFacts& facts) {
  GpuWords& words = facts.gpu_words;
  words.nodes = slurm.nodes;
  words.gpus = slurm.gpus;
  words.tasks = slurm.tasks;
  if (slurm.gpus && slurm.gpu_type && slurm.gpu_type->text == slurm.gpus->text) {
    words.gpu_type = slurm.gpu_type->value;
  }
  if (command.launcher == Launcher::kTorchrun) words.launcher = "torchrun";
  if (command.launcher == Launcher::kDeepspeed) words.launcher = "deepspeed";
  if (command.launcher == Launcher::kAccelerate) words.launcher = "accelerate";
  words.launcher_line = command.line;
  words.launcher_nodes = ranks.nodes;
  words.ranks_per_node = ranks.per_node;
}

// The first launcher that runs whatever happens; others are remarked.
std::optional<LaunchCommand> ChooseCommand(const ShellReading& script, JobFacts& facts) {
  std::optional<LaunchCommand> chosen;
  for (const ShellCommand& command : script.commands) {
    std::optional<LaunchCommand> found = FindLaunchCommand(command);
    if (!found.has_value() || !IsTraining(*found, script.variables)) continue;
    if (!command.inside.empty()) {
      NotRead inside = {
          found->line, "a launcher's command",
          absl::StrCat("stands in \"", command.inside, "\": it may not run, or not once")};
      inside.is_cause = true;
      facts.not_read.push_back(std::move(inside));
    } else if (chosen.has_value()) {
      facts.not_read.push_back(
          {found->line, "another launcher's command", "only the first is read"});
    } else {
      chosen = std::move(found);
    }
  }
  if (chosen.has_value()) return chosen;
  const auto inside =
      std::find_if(facts.not_read.begin(), facts.not_read.end(),
                   [](const NotRead& item) { return item.text == "a launcher's command"; });
  if (inside != facts.not_read.end()) {
    absl::StrAppend(&inside->reason, "; nothing but Slurm's lines is read");
    return chosen;
  }
  NotRead none = {0, "the launcher",
                  "no torchrun, accelerate launch, deepspeed, run_train.sh, or python with flags "
                  "of Megatron-LM, torchtitan or Hugging Face's Trainer: nothing but Slurm's lines "
                  "is read"};
  none.is_cause = true;
  facts.not_read.push_back(std::move(none));
  return chosen;
}

void ReadOwnVariables(const std::map<std::string, ShellWord>& variables, JobFacts& facts) {
  if (const auto found = variables.find("RHUMB_FRAMEWORK"); found != variables.end()) {
    facts.framework_name = Fact<std::string>{found->second.text, found->second.line,
                                             absl::StrCat("RHUMB_FRAMEWORK=", found->second.text)};
  }
  if (const auto found = variables.find("RHUMB_JOB_COUNT"); found != variables.end()) {
    int64_t count = 0;
    if (absl::SimpleAtoi(found->second.text, &count) && count > 0) facts.job_count = count;
  }
  const auto found = variables.find("RHUMB_INTER_NODE_GBPS");
  double gbps = 0;
  if (found != variables.end() && absl::SimpleAtod(found->second.text, &gbps)) {
    facts.inter_node_gbps_per_gpu = Fact<double>{
        gbps, found->second.line, absl::StrCat("RHUMB_INTER_NODE_GBPS=", found->second.text)};
  }
}

}  // namespace

absl::StatusOr<JobFacts> ReadJobScript(absl::string_view script, const FileReader& read_file,
                                       const GpuTypeOf& gpu_type_of) {
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
    ranks = ReadCommand(*command, slurm, reading.variables, read_file, facts);
    SetGpuWords(slurm, *command, ranks, facts);
  }
  SetCounts(CountsOfSlurm(slurm), ranks, facts);
  SetGpuType(slurm, reading.variables, gpu_type_of, facts);
  facts.time_limit_seconds = slurm.time_seconds.has_value() ? slurm.time_seconds : limit;
  ReadOwnVariables(reading.variables, facts);
  for (ShellRemark& remark : reading.not_read) {
    facts.not_read.push_back({remark.line, std::move(remark.text), std::move(remark.reason)});
  }
  return facts;
}

}  // namespace rhumb::launch
