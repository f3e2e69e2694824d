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

// A stretch of the run under one plan.
struct Stretch {
  double from_seconds = 0, until_seconds = 0;
  double gpu_count = 0;
  std::optional<double> price_usd_per_gpu_hour;
};

// One for each plan that was replaced, first to last. What was said of GPUs and price when the run
// was created is of the first.
absl::StatusOr<std::vector<Stretch>> Stretches(const StoredRun& stored,
                                               const std::vector<StoredReplan>& replans,
                                               Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const v1::RunSettings settings, SettingsOf(stored));
  std::vector<Stretch> stretches;
  double from = static_cast<double>(stored.start_time_ns) * 1e-9;
  for (const StoredReplan& each : replans) {
    Stretch stretch = {.from_seconds = from,
                       .until_seconds = static_cast<double>(each.time_ns) * 1e-9};
    from = stretch.until_seconds;
    RHUMB_ASSIGN_OR_RETURN(const std::optional<v1::Plan> plan,
                           FindPlanMessage(each.from_plan, store));
    if (plan.has_value()) {
      stretch.gpu_count = static_cast<double>(plan->allocation().gpu_count());
      if (plan->cost().has_total_usd() && plan->cost().gpu_hours() > 0) {
        stretch.price_usd_per_gpu_hour = plan->cost().total_usd() / plan->cost().gpu_hours();
      }
    }
    if (stretches.empty()) {
      if (settings.has_gpu_count()) stretch.gpu_count = static_cast<double>(settings.gpu_count());
      if (settings.has_price_usd_per_gpu_hour()) {
        stretch.price_usd_per_gpu_hour = settings.price_usd_per_gpu_hour();
      }
    }
    stretches.push_back(stretch);
  }
  return stretches;
}

void Add(double gpu_hours, const std::optional<double>& price, Sunk& sunk) {
  sunk.gpu_hours += gpu_hours;
  if (!price.has_value()) sunk.usd.reset();
  if (sunk.usd.has_value()) *sunk.usd += gpu_hours * *price;
}

void AddJobs(const v1::Run& run, const std::vector<Stretch>& stretches, Sunk& sunk) {
  const double until = stretches.back().until_seconds;
  for (const v1::Job& job : run.jobs()) {
    if (!job.has_start_time() || SecondsOf(job.start_time()) >= until) continue;
    const double start = SecondsOf(job.start_time());
    double seconds = until - start;
    // Elapsed leaves out the time a job was suspended.
    if (job.has_elapsed_seconds()) seconds = std::min(seconds, job.elapsed_seconds());
    sunk.wall_seconds += seconds;
    // By the price of the plan that it began under.
    const auto under = std::find_if(stretches.begin(), stretches.end(), [&](const Stretch& each) {
      return start < each.until_seconds;
    });
    Add(seconds * static_cast<double>(job.gpu_count()) / kSecondsPerHour,
        under->price_usd_per_gpu_hour, sunk);
  }
}

}  // namespace

absl::StatusOr<Sunk> ReadSunk(const StoredRun& stored, const v1::Run& run,
                              const std::vector<StoredReplan>& replans, Store& store) {
  Sunk sunk;
  if (replans.empty()) return sunk;
  sunk.replan_time_ns = replans.back().time_ns;
  sunk.usd = 0;
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Stretch> stretches, Stretches(stored, replans, store));
  if (!run.jobs().empty()) {
    AddJobs(run, stretches, sunk);
    return sunk;
  }
  if (stored.start_time_ns == 0) return sunk;
  for (const Stretch& each : stretches) {
    const double seconds = std::max(0.0, each.until_seconds - each.from_seconds);
    sunk.wall_seconds += seconds;
    Add(seconds * each.gpu_count / kSecondsPerHour, each.price_usd_per_gpu_hour, sunk);
  }
  return sunk;
}

}  // namespace rhumb::daemon
