// SPDX-License-Identifier: Apache-2.0
// A run from the command that starts it and the files that the command names.
#ifndef RHUMB_CLIENT_LAUNCH_READ_COMMAND_H_
#define RHUMB_CLIENT_LAUNCH_READ_COMMAND_H_

#include <map>
#include <string>

#include "client/launch/gpu_counts.h"
#include "client/launch/job_facts.h"
#include "client/launch/launch_command.h"
#include "client/launch/named_files.h"
#include "client/launch/shell_script.h"
#include "client/launch/slurm_directives.h"

namespace rhumb::launch {

// Whether `command` trains: python starts much else, and a run_train.sh that `variables` give no
// CONFIG_FILE is some other project's.
bool IsTraining(const LaunchCommand& command, const std::map<std::string, ShellWord>& variables);

// Puts what the command's flags and files say into `facts`; the ranks that it starts are returned.
// `variables` are the script's. A flag that sounds as if it said something about files, batch or
// ranks and that nothing here knows is remarked.
GpuCounts ReadCommand(const LaunchCommand& command, const SlurmRequest& slurm,
                      const std::map<std::string, ShellWord>& variables,
                      const FileReader& read_file, JobFacts& facts);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_READ_COMMAND_H_
