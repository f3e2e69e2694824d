// SPDX-License-Identifier: Apache-2.0
// A plan as what Slurm is asked for.
#ifndef RHUMB_CLIENT_SLURM_JOB_DECISION_H_
#define RHUMB_CLIENT_SLURM_JOB_DECISION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "client/slurm/answer.h"
#include "client/slurm/gpu_names.h"
#include "client/slurm/outcome.h"

namespace rhumb::slurm {

struct JobDecision {
  std::string plan;  // plans/p-0123
  int64_t nodes = 0;
  int64_t tasks_per_node = 0;  // one a GPU
  std::string gpu_name;        // as gres.conf has it; empty: GPUs have no type there
  int64_t job_count = 1;       // of the chain that the run is split into
  // Time limit of one job: the upper end of the plan's wall time, no more than its partition has.
  int64_t minutes = 0;
  // What one job needs: the expected wall time, or a whole job of a chain. A shorter limit cannot
  // be what was planned.
  int64_t planned_minutes = 0;
  std::string partition;  // empty: the plan names none

  // "h100:8", or "8".
  std::string gpus_per_node() const;
  // "rhumb:plans/p-0123".
  std::string comment() const;
};

// The decision of the plan in `variables`. A problem if it has no name, no GPUs, a different
// number of them on its nodes, no time, or a partition that no option could hold.
Outcome<JobDecision> Decide(const Variables& variables, const GpuNames& names);

// `minutes` as days-hours:minutes:seconds.
std::string SlurmTime(int64_t minutes);

// Options of sbatch, srun and salloc: name without dashes, and value. Those a user may overrule,
// and the comment last.
std::vector<std::pair<std::string, std::string>> Options(const JobDecision& decision);

}  // namespace rhumb::slurm

#endif  // RHUMB_CLIENT_SLURM_JOB_DECISION_H_
