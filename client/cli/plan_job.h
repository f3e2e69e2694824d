// SPDX-License-Identifier: Apache-2.0
// A plan as a job of the site's Slurm.
#ifndef RHUMB_CLIENT_CLI_PLAN_JOB_H_
#define RHUMB_CLIENT_CLI_PLAN_JOB_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/launch/plan_launch.h"
#include "client/slurm/answer.h"
#include "client/slurm/gpu_names.h"
#include "client/slurm/job_decision.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::cli {

struct PlanJob {
  slurm::Variables variables;  // RHUMB_... of `rhumb plan --emit env`
  slurm::JobDecision decision;
};

// INVALID_ARGUMENT if `plan` is none of a job: no GPUs, a different number of them on its nodes.
absl::StatusOr<PlanJob> MakePlanJob(const v1::Plan& plan, const launch::LaunchOptions& options,
                                    const slurm::GpuNames& names);

// What sbatch is asked for by `job` alone: "--nodes=2", ... and an empty script.
std::vector<std::string> BareSbatchOptions(const PlanJob& job);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PLAN_JOB_H_
