// SPDX-License-Identifier: Apache-2.0
// A plan's decisions beside what a job script and its user ask Slurm for: which options are added,
// and what contradicts the plan. Starts nothing.
#ifndef RHUMB_CLIENT_CLI_SUBMIT_OPTIONS_H_
#define RHUMB_CLIENT_CLI_SUBMIT_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/slurm/answer.h"
#include "client/slurm/job_decision.h"

namespace rhumb::cli {

// The words of an sbatch command without its name and without the script: what `decision` fills in
// where neither `script` (its #SBATCH lines) nor `given` (options of sbatch) says it, then `given`.
// The comment is put before the user's own, and an --export that would drop `variables` is widened
// by their names. INVALID_ARGUMENT, one line, if what is asked for contradicts the plan: other or
// fewer GPUs, fewer nodes than tasks need, less time than it is expected to take.
absl::StatusOr<std::vector<std::string>> SubmitOptions(const slurm::JobDecision& decision,
                                                       const slurm::Variables& variables,
                                                       absl::string_view script,
                                                       const std::vector<std::string>& given);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_SUBMIT_OPTIONS_H_
