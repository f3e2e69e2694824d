// SPDX-License-Identifier: Apache-2.0
#include "planner/track/job_state.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>

namespace rhumb {
namespace {

// In the order of the enum.
constexpr std::array<const char*, 9> kNames = {"PENDING",       "RUNNING",     "SUCCEEDED",
                                               "FAILED",        "CANCELLED",   "TIMED_OUT",
                                               "OUT_OF_MEMORY", "INTERRUPTED", "LOST"};

bool Holds(const std::vector<JobState>& states, JobState wanted) {
  return std::find(states.begin(), states.end(), wanted) != states.end();
}

}  // namespace

bool IsOpen(JobState state) { return state == JobState::kPending || state == JobState::kRunning; }

absl::string_view NameOf(JobState state) { return kNames[static_cast<size_t>(state)]; }

std::optional<JobState> FindJobState(absl::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<JobState>(i);
  }
  return std::nullopt;
}

JobState StateOfRun(const std::vector<JobState>& jobs) {
  assert(!jobs.empty());
  if (Holds(jobs, JobState::kRunning)) return JobState::kRunning;
  if (Holds(jobs, JobState::kPending)) return JobState::kPending;
  return jobs.back();
}

}  // namespace rhumb
