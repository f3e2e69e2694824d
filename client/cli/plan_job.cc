// SPDX-License-Identifier: Apache-2.0
#include "client/cli/plan_job.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"

namespace rhumb::cli {

absl::StatusOr<PlanJob> MakePlanJob(const v1::Plan& plan, const launch::LaunchOptions& options,
                                    const slurm::GpuNames& names) {
  RHUMB_ASSIGN_OR_RETURN(const launch::LaunchText text,
                         launch::WriteLaunch(plan, launch::LaunchKind::kEnv, options));
  slurm::Outcome<slurm::Variables> variables = slurm::ReadVariables(text.text);
  if (!variables.ok()) return absl::InternalError(variables.problem);
  slurm::Outcome<slurm::JobDecision> decision = slurm::Decide(*variables, names);
  if (!decision.ok()) return absl::InvalidArgumentError(decision.problem);
  return PlanJob{*std::move(variables.value), *std::move(decision.value)};
}

std::vector<std::string> BareSbatchOptions(const PlanJob& job) {
  std::vector<std::string> words;
  for (const auto& [name, value] : slurm::Options(job.decision)) {
    if (name != "comment") words.push_back(absl::StrCat("--", name, "=", value));
  }
  words.push_back("--wrap=true");
  return words;
}

}  // namespace rhumb::cli
