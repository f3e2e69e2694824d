// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_resources.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_format.h"
#include "daemon/run_comparisons.h"
#include "daemon/stored_message.h"
#include "planner/units.h"

namespace rhumb::daemon {

std::optional<double> GpuCountOf(const ExpectedRun& expected, const v1::Run& run) {
  std::optional<double> count = expected.gpu_count;
  double begin = 0;
  for (const v1::Job& job : run.jobs()) {
    if (!job.has_start_time() || job.gpu_count() <= 0 || SecondsOf(job.start_time()) < begin) {
      continue;
    }
    begin = SecondsOf(job.start_time());
    count = static_cast<double>(job.gpu_count());
  }
  return count;
}

bool HasJobsOfOtherGpuCounts(const v1::Run& run) {
  std::set<int64_t> counts;
  for (const v1::Job& job : run.jobs()) {
    if (job.has_start_time() && job.gpu_count() > 0) counts.insert(job.gpu_count());
  }
  return counts.size() > 1;
}

void CompareResources(const RunProgress& progress, const StoredRun& stored, const Sunk& sunk,
                      int64_t now_ns, v1::Run& run) {
  const ExpectedRun& expected = progress.expected;
  if (stored.job_count > 0 || stored.start_time_ns == 0) return;
  const int64_t until_ns = stored.end_time_ns > 0 ? stored.end_time_ns : now_ns;
  const double wall =
      std::max(0.0, static_cast<double>(until_ns - stored.start_time_ns) / kNanosecondsPerSecond);
  Compare("wall_seconds", expected.wall_seconds, wall, "from its beginning", run);
  if (!expected.gpu_count.has_value()) return;
  const double gpu_hours = sunk.gpu_hours + *expected.gpu_count *
                                                std::max(0.0, wall - sunk.wall_seconds) /
                                                kSecondsPerHour;
  Compare("gpu_hours", expected.gpu_hours, gpu_hours,
          absl::StrFormat("%g GPUs x wall_seconds%s", *expected.gpu_count,
                          sunk.replan_time_ns > 0 ? " since it was planned anew" : ""),
          run);
  if (!expected.price_usd_per_gpu_hour.has_value()) return;
  // What was used before is paid for, at the price of then.
  const double price = *expected.price_usd_per_gpu_hour;
  const double usd =
      sunk.usd.has_value() ? *sunk.usd + (gpu_hours - sunk.gpu_hours) * price : gpu_hours * price;
  Compare("total_usd", expected.total_usd, usd,
          absl::StrFormat("GPU-hours at $%.2f%s", price,
                          sunk.replan_time_ns > 0 ? " since it was planned anew" : ""),
          run);
}

void CompareEnd(const RunProgress& progress, v1::Run& run) {
  if (!progress.forecast.has_value()) return;
  const std::optional<ForecastRange>& left = progress.forecast->finish.seconds_left;
  if (!left.has_value()) return;
  const char* const source = "so far, and the forecast";
  const std::optional<double> wall = ActualOf("wall_seconds", run);
  if (wall.has_value()) {
    Compare("expected_wall_seconds", PlannedOf("wall_seconds", run), *wall + left->expected, source,
            run);
  }
  const std::optional<double> gpu_count = GpuCountOf(progress.expected, run);
  if (!gpu_count.has_value()) return;
  const double hours_left = *gpu_count * left->expected / kSecondsPerHour;
  const std::optional<double> gpu_hours = ActualOf("gpu_hours", run);
  if (gpu_hours.has_value()) {
    Compare("expected_gpu_hours", PlannedOf("gpu_hours", run), *gpu_hours + hours_left, source,
            run);
  }
  const std::optional<double> usd = ActualOf("total_usd", run);
  if (usd.has_value() && progress.expected.price_usd_per_gpu_hour.has_value()) {
    Compare("expected_total_usd", PlannedOf("total_usd", run),
            *usd + hours_left * *progress.expected.price_usd_per_gpu_hour, source, run);
  }
}

}  // namespace rhumb::daemon
