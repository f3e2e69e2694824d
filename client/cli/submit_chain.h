// SPDX-License-Identifier: Apache-2.0
// A run that takes several jobs, submitted as a chain: each starts when the one before has ended.
#ifndef RHUMB_CLIENT_CLI_SUBMIT_CHAIN_H_
#define RHUMB_CLIENT_CLI_SUBMIT_CHAIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/context.h"
#include "client/cli/submit_options.h"
#include "client/slurm/answer.h"
#include "client/slurm/job_decision.h"

namespace rhumb::cli {

// A job script sized by a plan.
struct SizedJob {
  slurm::JobDecision decision;
  slurm::Variables variables;      // RHUMB_... of the plan, for its environment
  std::string script;              // its text
  std::vector<std::string> given;  // the user's own options of sbatch
  std::string path;                // of the script
};

// The sbatch command of `job`, or of one behind others of its chain. INVALID_ARGUMENT as
// SubmitOptions.
absl::StatusOr<std::vector<std::string>> SbatchWords(const SizedJob& job,
                                                     const std::optional<ChainLink>& link);

// The link of the `number`th job of a chain, from 1 on, where no ids are known yet: JOB1, JOB2, ...
std::optional<ChainLink> PlaceholderLink(int64_t number);

// Submits job.decision.job_count jobs behind each other, in this process's environment, and prints
// each id as it is known. Returns sbatch's exit code, or 128 and the number of the SIGINT, SIGTERM
// or SIGHUP that stopped it, which waits for the sbatch under way; where not all are submitted,
// says which are in the queue and how to cancel them.
int SubmitChain(const SizedJob& job, Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_SUBMIT_CHAIN_H_
