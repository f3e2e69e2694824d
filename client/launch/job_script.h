// SPDX-License-Identifier: Apache-2.0
// A Slurm job script, or any shell script that starts a training run, as facts about the run.
#ifndef RHUMB_CLIENT_LAUNCH_JOB_SCRIPT_H_
#define RHUMB_CLIENT_LAUNCH_JOB_SCRIPT_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/launch/job_facts.h"
#include "client/launch/named_files.h"

namespace rhumb::launch {

// The GPU type that the site's Slurm means by a name, or the name itself.
using GpuTypeOf = std::function<std::string(const std::string& name)>;

// Reads #SBATCH lines, the options of srun, and the flags of the first torchrun, python, accelerate
// launch, deepspeed or run_train.sh command that runs whatever happens. What is not understood is
// remarked, never guessed. INVALID_ARGUMENT with the line if `script` is no shell script (see
// ReadShellScript).
absl::StatusOr<JobFacts> ReadJobScript(absl::string_view script, const FileReader& read_file,
                                       const GpuTypeOf& gpu_type_of = nullptr);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_JOB_SCRIPT_H_
