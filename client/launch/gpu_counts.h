// SPDX-License-Identifier: Apache-2.0
// How many GPUs a job has and how many ranks it starts on them.
#ifndef RHUMB_CLIENT_LAUNCH_GPU_COUNTS_H_
#define RHUMB_CLIENT_LAUNCH_GPU_COUNTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "client/launch/job_facts.h"
#include "client/launch/script_flags.h"
#include "client/launch/slurm_directives.h"

namespace rhumb::launch {

struct GpuCounts {
  std::optional<Fact<int64_t>> total;
  std::optional<Fact<int64_t>> per_node;
  std::optional<Fact<int64_t>> nodes;  // that a launcher states
};

GpuCounts CountsOfSlurm(const SlurmRequest& slurm);

// The ranks that torchrun starts; a value may be "gpu" or "auto": one rank a GPU of `slurm`.
GpuCounts CountsOfTorchrun(const ScriptFlags& flags, const GpuCounts& slurm,
                           std::vector<NotRead>& not_read);

GpuCounts CountsOfDeepspeed(const ScriptFlags& flags, std::vector<NotRead>& not_read);

// One rank a task of srun.
GpuCounts CountsOfTasks(const SlurmRequest& slurm);

// Puts the GPUs that are trained on into `facts`: the ranks, where they are known. Warns of ranks
// that are not the GPUs asked for.
void SetCounts(const GpuCounts& slurm, const GpuCounts& ranks, JobFacts& facts);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_GPU_COUNTS_H_
