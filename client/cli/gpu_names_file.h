// SPDX-License-Identifier: Apache-2.0
// How the site's Slurm calls GPU types, for commands that speak to it.
#ifndef RHUMB_CLIENT_CLI_GPU_NAMES_FILE_H_
#define RHUMB_CLIENT_CLI_GPU_NAMES_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/slurm/gpu_names.h"

namespace rhumb::cli {

// --gpu-names.
Flag GpuNamesFlag(const std::string& group);

// The table of --gpu-names, or of /etc/rhumb/slurm-gpus.conf, which may be missing.
// INVALID_ARGUMENT with file and line for what is no such table.
absl::StatusOr<slurm::GpuNames> ReadGpuNames(const Invocation& invocation);

// What the table of `names` calls `type`; empty where it has no row for it, or gives it no type.
std::string ListedGpuName(const slurm::GpuNames& names, const std::string& type);

// Puts the types that `names` mean into --gpus of `invocation`.
void NameGpuPools(const slurm::GpuNames& names, Invocation& invocation);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_GPU_NAMES_FILE_H_
