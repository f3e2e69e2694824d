// SPDX-License-Identifier: Apache-2.0
// What the #SBATCH lines of a job script, and the options of srun, ask Slurm for.
#ifndef RHUMB_CLIENT_LAUNCH_SLURM_DIRECTIVES_H_
#define RHUMB_CLIENT_LAUNCH_SLURM_DIRECTIVES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "client/launch/job_facts.h"
#include "client/launch/shell_script.h"

namespace rhumb::launch {

// What Slurm is asked for, as far as a training run's GPUs and time go.
struct SlurmRequest {
  std::optional<Fact<int64_t>> nodes;
  std::optional<Fact<int64_t>> gpus;           // of the whole job
  std::optional<Fact<int64_t>> gpus_per_node;  // --gpus-per-node, --gres
  std::optional<Fact<int64_t>> gpus_per_task;
  std::optional<Fact<int64_t>> tasks;
  std::optional<Fact<int64_t>> tasks_per_node;
  std::optional<Fact<std::string>> gpu_type;   // as the site names it
  std::vector<Fact<std::string>> constraints;  // node features that may name a GPU type
  std::optional<Fact<double>> time_seconds;    // absent without a limit
  // A number was asked for that could not be read: Slurm's defaults for what is absent do not hold.
  bool incomplete = false;
};

// Reads the #SBATCH lines of `script` that Slurm reads: those before the first command. What cannot
// be read goes to `not_read`, later lines too.
SlurmRequest ReadSlurmDirectives(absl::string_view script, std::vector<NotRead>& not_read);

// Puts the options of `words` (those of an srun) over what `request` has.
void ReadSlurmOptions(const std::vector<ShellWord>& words, absl::string_view shown_before,
                      SlurmRequest& request, std::vector<NotRead>& not_read);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_SLURM_DIRECTIVES_H_
