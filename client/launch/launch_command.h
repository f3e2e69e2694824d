// SPDX-License-Identifier: Apache-2.0
// Which part of a command starts the ranks, and with which flags.
#ifndef RHUMB_CLIENT_LAUNCH_LAUNCH_COMMAND_H_
#define RHUMB_CLIENT_LAUNCH_LAUNCH_COMMAND_H_

#include <optional>
#include <string>
#include <vector>

#include "client/launch/shell_script.h"

namespace rhumb::launch {

enum class Launcher {
  kTorchrun,
  kAccelerate,
  kDeepspeed,
  kRunTrain,  // torchtitan's run_train.sh, around torchrun
  kPython,
};

// "srun OPTIONS torchrun FLAGS SCRIPT FLAGS", taken apart.
struct LaunchCommand {
  Launcher launcher = Launcher::kPython;
  bool by_srun = false;
  bool has_script = false;
  std::string script;                     // "pretrain_gpt.py", "torchtitan.train"
  std::vector<ShellWord> srun_words;      // between srun and the launcher
  std::vector<ShellWord> launcher_words;  // between the launcher and the script
  std::vector<ShellWord> script_words;    // behind the script; launcher_words where none is seen
  int line = 0;
};

// nullopt if `command` starts none of the launchers.
std::optional<LaunchCommand> FindLaunchCommand(const ShellCommand& command);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_LAUNCH_COMMAND_H_
