// SPDX-License-Identifier: Apache-2.0
#include "client/launch/launch_kind.h"

namespace rhumb::launch {

const std::vector<LaunchKind>& LaunchKinds() {
  static const auto& kinds = *new std::vector<LaunchKind>{
      LaunchKind::kEnv,        LaunchKind::kSbatch,   LaunchKind::kMegatron,
      LaunchKind::kTorchtitan, LaunchKind::kTorchrun, LaunchKind::kDeepspeed,
      LaunchKind::kAccelerate};
  return kinds;
}

std::string LaunchKindName(LaunchKind kind) {
  switch (kind) {
    case LaunchKind::kEnv:
      return "env";
    case LaunchKind::kSbatch:
      return "sbatch";
    case LaunchKind::kMegatron:
      return "megatron";
    case LaunchKind::kTorchtitan:
      return "torchtitan";
    case LaunchKind::kTorchrun:
      return "torchrun";
    case LaunchKind::kDeepspeed:
      return "deepspeed";
    case LaunchKind::kAccelerate:
      return "accelerate";
  }
  return "";
}

std::vector<std::string> LaunchKindNames() {
  std::vector<std::string> names;
  for (const LaunchKind kind : LaunchKinds()) names.push_back(LaunchKindName(kind));
  return names;
}

std::optional<LaunchKind> FindLaunchKind(absl::string_view name) {
  for (const LaunchKind kind : LaunchKinds()) {
    if (LaunchKindName(kind) == name) return kind;
  }
  return std::nullopt;
}

}  // namespace rhumb::launch
