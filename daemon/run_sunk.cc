// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_sunk.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "daemon/expected_run.h"
#include "daemon/stored_message.h"
#include "planner/status_macros.h"
#include "planner/units.h"

namespace rhumb::daemon {
namespace {

void AddJobs(const v1::Run& run, double until_seconds, Sunk& sunk) {
  for (const v1::Job& job : run.jobs()) {
    if (!job.has_start_time() || SecondsOf(job.start_time()) >= until_seconds) continue;
    double seconds = until_seconds - SecondsOf(job.start_time());
    // Elapsed leaves out the time a job was suspended.
    if (job.has_elapsed_seconds()) seconds = std::min(seconds, job.elapsed_seconds());
    sunk.wall_seconds += seconds;
    sunk.gpu_hours += seconds * static_cast<double>(job.gpu_count()) / kSecondsPerHour;
  }
}

// The time of a run without jobs, a part for each plan that was in force.
absl::Status AddPlans(const StoredRun& stored, const std::vector<StoredReplan>& replans,
                      Store& store, Sunk& sunk) {
  int64_t from_ns = stored.start_time_ns;
  for (const StoredReplan& each : replans) {
    const double seconds = std::max(0.0, static_cast<double>(each.time_ns - from_ns) * 1e-9);
    from_ns = each.time_ns;
    sunk.wall_seconds += seconds;
    RHUMB_ASSIGN_OR_RETURN(const std::optional<v1::Plan> plan,
                           FindPlanMessage(each.from_plan, store));
    if (!plan.has_value()) continue;
    sunk.gpu_hours +=
        seconds * static_cast<double>(plan->allocation().gpu_count()) / kSecondsPerHour;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Sunk> ReadSunk(const StoredRun& stored, const v1::Run& run,
                              const std::vector<StoredReplan>& replans, Store& store) {
  Sunk sunk;
  if (replans.empty()) return sunk;
  sunk.replan_time_ns = replans.back().time_ns;
  if (run.jobs().empty()) {
    if (stored.start_time_ns > 0) RHUMB_RETURN_IF_ERROR(AddPlans(stored, replans, store, sunk));
  } else {
    AddJobs(run, static_cast<double>(sunk.replan_time_ns) * 1e-9, sunk);
  }
  return sunk;
}

}  // namespace rhumb::daemon
