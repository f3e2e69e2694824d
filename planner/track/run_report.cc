// SPDX-License-Identifier: Apache-2.0
#include "planner/track/run_report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/units.h"
#include "planner/words.h"

namespace rhumb {
namespace {

// The last job that holds or held its GPUs, or null.
const TrackedJob* LastStarted(const TrackedRun& run) {
  const TrackedJob* last = nullptr;
  for (const TrackedJob& job : run.jobs) {
    if (ElapsedSeconds(job).has_value()) last = &job;
  }
  return last;
}

int64_t StartedCount(const TrackedRun& run) {
  return std::count_if(run.jobs.begin(), run.jobs.end(),
                       [](const TrackedJob& job) { return ElapsedSeconds(job).has_value(); });
}

RunComparison Compare(const std::string& quantity, double planned, std::optional<double> actual,
                      const std::string& source) {
  RunComparison comparison = {.quantity = quantity, .planned = planned, .actual = actual};
  if (!actual.has_value()) return comparison;
  comparison.source = source;
  if (planned > 0) comparison.ratio = *actual / planned;
  return comparison;
}

std::string WallSource(const TrackedRun& run) {
  const std::string until = run.state == JobState::kRunning ? " until now" : "";
  if (run.jobs.empty())
    return absl::StrCat("from its creation", until.empty() ? " to its end" : until);
  const int64_t count = StartedCount(run);
  if (count == 1) return absl::StrCat("elapsed time of job ", LastStarted(run)->job_id, until);
  return absl::StrCat("elapsed times of ", count, " jobs", until,
                      "; the time between them does not count");
}

// Nullopt if one of the jobs that ran does not say how many GPUs it held.
std::optional<double> GpuHours(const TrackedRun& run) {
  double hours = 0;
  bool any = false;
  for (const TrackedJob& job : run.jobs) {
    const std::optional<double> elapsed = ElapsedSeconds(job);
    if (!elapsed.has_value()) continue;
    if (job.gpu_count == 0) return std::nullopt;
    any = true;
    hours += static_cast<double>(job.gpu_count) * *elapsed / kSecondsPerHour;
  }
  if (!any) return std::nullopt;
  return hours;
}

std::optional<double> Positive(int64_t count) {
  if (count <= 0) return std::nullopt;
  return static_cast<double>(count);
}

}  // namespace

std::optional<double> ElapsedSeconds(const TrackedJob& job) {
  if (job.state == JobState::kPending || !job.start_seconds.has_value()) return std::nullopt;
  if (job.elapsed_seconds.has_value()) return *job.elapsed_seconds;
  if (!job.end_seconds.has_value()) return std::nullopt;
  return std::max(0.0, *job.end_seconds - *job.start_seconds);
}

std::optional<double> WallSeconds(const TrackedRun& run) {
  if (run.jobs.empty()) return run.wall_seconds;
  std::optional<double> wall;
  for (const TrackedJob& job : run.jobs) {
    const std::optional<double> elapsed = ElapsedSeconds(job);
    if (elapsed.has_value()) wall = wall.value_or(0) + *elapsed;
  }
  return wall;
}

std::vector<RunComparison> CompareRun(const PlannedRun& planned, const TrackedRun& run) {
  std::vector<RunComparison> all;
  all.push_back(Compare("wall_seconds", planned.wall_seconds, WallSeconds(run), WallSource(run)));
  const std::optional<double> gpu_hours = GpuHours(run);
  all.push_back(
      Compare("gpu_hours", planned.gpu_hours, gpu_hours, "GPUs of each job x its elapsed time"));
  if (planned.total_usd.has_value()) {
    std::optional<double> usd;
    const double price = planned.gpu_hours > 0 ? *planned.total_usd / planned.gpu_hours : 0;
    if (gpu_hours.has_value() && planned.gpu_hours > 0) usd = price * *gpu_hours;
    all.push_back(
        Compare("total_usd", *planned.total_usd, usd,
                absl::StrFormat("GPU-hours at the plan's price of $%.2f a GPU-hour", price)));
  }
  const TrackedJob* last = LastStarted(run);
  const std::string source =
      last == nullptr ? "" : absl::StrCat("allocation of job ", last->job_id);
  all.push_back(Compare("gpu_count", static_cast<double>(planned.gpu_count),
                        last == nullptr ? std::nullopt : Positive(last->gpu_count), source));
  all.push_back(Compare("node_count", static_cast<double>(planned.node_count),
                        last == nullptr ? std::nullopt : Positive(last->node_count), source));
  return all;
}

}  // namespace rhumb
