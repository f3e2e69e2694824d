// SPDX-License-Identifier: Apache-2.0
// A plan's decisions beside what a job script and its user ask Slurm for: which options are added,
// and what contradicts the plan. Starts nothing.
#ifndef RHUMB_CLIENT_CLI_SUBMIT_OPTIONS_H_
#define RHUMB_CLIENT_CLI_SUBMIT_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/slurm/answer.h"
#include "client/slurm/job_decision.h"

namespace rhumb::cli {

// The place of a job of a chain behind its first.
struct ChainLink {
  std::string first_job, previous_job;  // their ids
};

// The words of an sbatch command without its name and without the script: what `decision` fills in
// where neither `script` (its #SBATCH lines) nor `given` (options of sbatch) says it, then `given`.
// The comment is put before the user's own, and an --export that would drop `variables` is widened
// by their names. INVALID_ARGUMENT, one line, if what is asked for contradicts the plan: other or
// fewer GPUs, fewer nodes than tasks need, less time than it is expected to take; if a run of
// several jobs is to be an array, waited for, or to wait for one of several things; or if an option
// that matters here is cut short ("--tim"), as sbatch allows.
//
// A job with a `link` starts when the one before has ended, however it ended: cut off at its time
// limit or by itself, the next goes on from its last checkpoint. The user's own --dependency holds
// beside. Its comment names the first job,
// and its output goes on in a file that the one before has written.
absl::StatusOr<std::vector<std::string>> SubmitOptions(const slurm::JobDecision& decision,
                                                       const slurm::Variables& variables,
                                                       absl::string_view script,
                                                       const std::vector<std::string>& given,
                                                       const std::optional<ChainLink>& link);

// Whether `given` has the option of sbatch without a value, as "--parsable".
bool HasSwitch(const std::vector<std::string>& given, absl::string_view name);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_SUBMIT_OPTIONS_H_
