// SPDX-License-Identifier: Apache-2.0
// Where a job of a scheduler stands, and what that makes of the run it carries out.
#ifndef RHUMB_PLANNER_TRACK_JOB_STATE_H_
#define RHUMB_PLANNER_TRACK_JOB_STATE_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace rhumb {

// As RunState of the API; the names are stored.
enum class JobState {
  kPending,
  kRunning,
  kSucceeded,
  kFailed,
  kCancelled,
  kTimedOut,
  kOutOfMemory,
  kInterrupted,
  kLost,
};

// Waits or runs: there is more to come.
bool IsOpen(JobState state);

// "PENDING", "TIMED_OUT", ...
absl::string_view NameOf(JobState state);

// Nullopt for what is no name of a state.
std::optional<JobState> FindJobState(absl::string_view name);

// Of a run whose jobs, first to last, stand so: running while one runs, pending while one waits,
// else as the last one ended. There must be a job.
JobState StateOfRun(const std::vector<JobState>& jobs);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_JOB_STATE_H_
