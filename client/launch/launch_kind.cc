// SPDX-License-Identifier: Apache-2.0
#include "client/launch/launch_kind.h"

#include <cstddef>
#include <iterator>

namespace rhumb::launch {
namespace {

// In the order of the enum, which is that of the help.
struct NamedKind {
  LaunchKind kind;
  const char* name;
  const char* framework;
};
constexpr NamedKind kKinds[] = {
    {LaunchKind::kEnv, "env", ""},
    {LaunchKind::kSbatch, "sbatch", "megatron"},
    {LaunchKind::kMegatron, "megatron", "megatron"},
    {LaunchKind::kTorchtitan, "torchtitan", "torchtitan"},
    {LaunchKind::kTorchrun, "torchrun", "megatron"},
    {LaunchKind::kDeepspeed, "deepspeed", "deepspeed"},
    {LaunchKind::kAccelerate, "accelerate", "accelerate"},
};

// Whether row i is of the i-th kind and none is left over.
constexpr bool HasEveryKind() {
  if (std::size(kKinds) != static_cast<size_t>(LaunchKind::kCount)) return false;
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    if (static_cast<size_t>(kKinds[i].kind) != i) return false;
  }
  return true;
}
static_assert(HasEveryKind(), "a kind has no row, or stands elsewhere than in the enum");

}  // namespace

std::vector<LaunchKind> LaunchKinds() {
  std::vector<LaunchKind> kinds;
  for (const NamedKind& row : kKinds) kinds.push_back(row.kind);
  return kinds;
}

std::string LaunchKindName(LaunchKind kind) { return kKinds[static_cast<size_t>(kind)].name; }

std::string LaunchKindFramework(LaunchKind kind) {
  return kKinds[static_cast<size_t>(kind)].framework;
}

std::vector<std::string> LaunchKindNames() {
  std::vector<std::string> names;
  for (const NamedKind& row : kKinds) names.emplace_back(row.name);
  return names;
}

std::optional<LaunchKind> FindLaunchKind(absl::string_view name) {
  for (const NamedKind& row : kKinds) {
    if (name == row.name) return row.kind;
  }
  return std::nullopt;
}

}  // namespace rhumb::launch
