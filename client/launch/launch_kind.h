// SPDX-License-Identifier: Apache-2.0
// What a plan can be written as for those who start it.
#ifndef RHUMB_CLIENT_LAUNCH_LAUNCH_KIND_H_
#define RHUMB_CLIENT_LAUNCH_LAUNCH_KIND_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb::launch {

enum class LaunchKind {
  kEnv,         // shell variables RHUMB_...
  kSbatch,      // a Slurm job script that starts Megatron-LM
  kMegatron,    // Megatron-LM's command-line flags, as a shell array
  kTorchtitan,  // torchtitan's job config (TOML)
  kTorchrun,    // a shell script of one torchrun command with Megatron-LM's flags
  kDeepspeed,   // DeepSpeed's ds_config (JSON)
  kAccelerate,  // accelerate's config (YAML)
  kCount,       // none: how many there are
};

// All kinds, in the order of the help.
std::vector<LaunchKind> LaunchKinds();

// "sbatch".
std::string LaunchKindName(LaunchKind kind);

// The framework that the kind starts: "megatron"; empty where it starts none.
std::string LaunchKindFramework(LaunchKind kind);

// The names of LaunchKinds().
std::vector<std::string> LaunchKindNames();

// The kind called `name`, nullopt if there is none.
std::optional<LaunchKind> FindLaunchKind(absl::string_view name);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_LAUNCH_KIND_H_
