// SPDX-License-Identifier: Apache-2.0
#include "client/cli/gpu_names_file.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/config/text_file.h"

namespace rhumb::cli {

Flag GpuNamesFlag(const std::string& group) {
  return {
      .name = "gpu-names",
      .kind = FlagKind::kFile,
      .placeholder = "FILE",
      .help = absl::StrCat("how the site's Slurm calls GPU types; default ", slurm::kGpuNamesFile),
      .group = group,
      .completion = Completion::kFile};
}

absl::StatusOr<slurm::GpuNames> ReadGpuNames(const Invocation& invocation) {
  const std::string path = invocation.Value("gpu-names", slurm::kGpuNamesFile);
  const absl::StatusOr<std::string> text = ReadTextFile(path);
  if (absl::IsNotFound(text.status()) && !invocation.Has("gpu-names")) return slurm::GpuNames();
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--gpu-names: ", text.status().message()));
  }
  slurm::Outcome<slurm::GpuNames> names = slurm::GpuNames::Read(*text);
  if (names.ok()) return *std::move(names.value);
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", names.problem));
}

std::string ListedGpuName(const slurm::GpuNames& names, const std::string& type) {
  const bool listed = std::any_of(names.rows().begin(), names.rows().end(), [&](const auto& row) {
    return absl::EqualsIgnoreCase(row.second, type);
  });
  return listed ? names.NameOf(type) : "";
}

void NameGpuPools(const slurm::GpuNames& names, Invocation& invocation) {
  const auto pools = invocation.flags.find("gpus");
  if (pools == invocation.flags.end()) return;
  for (std::string& pool : pools->second) pool = names.PoolOf(pool);
}

}  // namespace rhumb::cli
