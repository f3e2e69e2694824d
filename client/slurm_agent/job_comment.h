// SPDX-License-Identifier: Apache-2.0
// What ties a job to a plan: rhumb:plans/ID, with the first job of its chain where it goes on with
// one: rhumb:plans/ID#101. The user's own comment may stand behind a blank. Anybody may write a
// comment, so that what does not read exactly like this is no plan.
#ifndef RHUMB_CLIENT_SLURM_AGENT_JOB_COMMENT_H_
#define RHUMB_CLIENT_SLURM_AGENT_JOB_COMMENT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace rhumb::slurm_agent {

struct JobComment {
  std::string plan;          // plans/...
  std::string chain_job_id;  // empty: the first of its chain

  friend bool operator==(const JobComment&, const JobComment&) = default;
};

// nullopt: of no plan.
std::optional<JobComment> ParseJobComment(absl::string_view comment);

// Whether it is a job's id as Slurm's commands take it: 101, 101_3, 101+1.
bool IsJobIdText(absl::string_view id);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_JOB_COMMENT_H_
