// SPDX-License-Identifier: Apache-2.0
// How accurate plans have been: planned numbers beside actual ones over finished runs, summed up by
// GPU type, layout, framework or cluster. Says nothing of runs that go on (progress_report.h), and
// nothing of tables of other people's runs (planner/calibrate/accuracy.h).
#ifndef RHUMB_PLANNER_TRACK_ACCURACY_H_
#define RHUMB_PLANNER_TRACK_ACCURACY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb {

// That the actual number lies in [low, high] was promised with probability `level`.
struct PlannedInterval {
  double low = 0, high = 0;
  double level = 0;  // in (0, 1)
};

// One quantity of one finished run. An empty key is one that nobody knows.
struct PlannedActual {
  std::string run;
  std::string gpu_type, layout, framework, cluster;
  // step_seconds, wall_seconds, loss_nats, peak_memory_bytes, gpu_hours, total_usd, mfu,
  // tokens_per_second.
  std::string quantity;
  double planned = 0, actual = 0;  // positive
  std::optional<PlannedInterval> interval;
};

enum class AccuracyKey { kAll, kGpuType, kLayout, kFramework, kCluster };

// "all", "gpu_type", ...
absl::string_view NameOf(AccuracyKey key);
std::optional<AccuracyKey> FindAccuracyKey(absl::string_view name);

// How many intervals of one level held their actual number.
struct IntervalCoverage {
  double level = 0;
  int64_t run_count = 0, inside_count = 0;
  // inside_count / run_count, with its 95% interval by Wilson 1927 (doi:10.2307/2276774).
  double fraction = 0, fraction_low = 0, fraction_high = 0;
  // The level lies in that interval: the runs do not contradict the promise.
  bool as_promised() const { return fraction_low <= level && level <= fraction_high; }
};

// Ratios are actual / planned: above 1 there was more than planned.
struct AccuracyGroup {
  std::string key;  // empty: not known, or all runs
  std::string quantity;
  int64_t run_count = 0;
  double median_ratio = 0;
  // Quantiles 0.16 and 0.84 of the ratio: 68% of the runs lie between them. Interpolated in ln;
  // absent for fewer than three runs, which have no spread to speak of.
  std::optional<double> low_ratio, high_ratio;
  double median_abs_error = 0;              // of |planned / actual - 1|
  std::vector<IntervalCoverage> coverages;  // a level each, rising; none without intervals
  // Fewer than kFewRuns: the numbers say more of these runs than of the next one.
  bool few_runs = false;
};

inline constexpr int64_t kFewRuns = 10;

// Groups by quantity, in the order above, and within it by key, the unknown one last.
// InvalidArgument names the run, the field, the value and what is allowed: for quantities of other
// names, numbers that are not positive and finite, intervals with low > high or a level outside (0,
// 1), and a quantity that a run has twice.
absl::StatusOr<std::vector<AccuracyGroup>> SummarizeAccuracy(const std::vector<PlannedActual>& rows,
                                                             AccuracyKey key);

// 95% interval of a share of which `inside_count` of `run_count` runs are known; run_count > 0.
// Source: Wilson 1927, doi:10.2307/2276774.
struct ShareInterval {
  double low = 0, high = 0;
};
ShareInterval WilsonInterval(int64_t inside_count, int64_t run_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_ACCURACY_H_
