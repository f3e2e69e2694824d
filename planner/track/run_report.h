// SPDX-License-Identifier: Apache-2.0
// What was planned beside what happened, as numbers and as sentences with the exact line to change.
// Where the numbers come from, and what time it is, is the caller's business.
#ifndef RHUMB_PLANNER_TRACK_RUN_REPORT_H_
#define RHUMB_PLANNER_TRACK_RUN_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "planner/track/job_state.h"

namespace rhumb {

// Of a feasible plan.
struct PlannedRun {
  double wall_seconds = 0;                  // overheads included
  std::optional<double> wall_high_seconds;  // upper end of its interval
  std::optional<double> job_limit_seconds;  // longest that one of its jobs may take
  double gpu_hours = 0;
  std::optional<double> total_usd;
  std::string gpu_type;
  int64_t gpu_count = 0, node_count = 0;
};

// A job as its scheduler told it. Instants are seconds since 1970.
struct TrackedJob {
  std::string job_id;
  JobState state = JobState::kPending;
  std::string reason;    // in the scheduler's words
  std::string gpu_type;  // empty: not known
  int64_t gpu_count = 0, node_count = 0;
  double submit_seconds = 0;
  std::optional<double> start_seconds, end_seconds;
  std::optional<double> time_limit_seconds;
  std::optional<int64_t> exit_code, exit_signal;
  std::optional<double> elapsed_seconds;  // until now if it runs
  std::optional<int64_t> max_rss_bytes;   // of its largest task
};

struct TrackedRun {
  JobState state = JobState::kRunning;
  std::vector<TrackedJob> jobs;  // first to last
  // Of a run without jobs; until now if it runs.
  std::optional<double> wall_seconds;
  // Of its jobs, as users know it; may be empty.
  std::string cluster;
};

// A number that both have. `quantity` names its unit: wall_seconds, gpu_hours, total_usd,
// gpu_count, node_count.
struct RunComparison {
  std::string quantity;
  std::optional<double> planned, actual;
  std::optional<double> ratio;  // actual / planned
  std::string source;           // of the actual number; empty without one
};

struct RunAdvice {
  std::string code;  // UPPER_SNAKE
  std::string text;
  std::string directive;  // the exact line to change; may be empty
};

// Seconds that a job has held its GPUs; nullopt before it started, or if nobody knows.
std::optional<double> ElapsedSeconds(const TrackedJob& job);

// Of all jobs together, without the time between them; nullopt before the first started.
std::optional<double> WallSeconds(const TrackedRun& run);

// total_usd only if the plan has a price.
std::vector<RunComparison> CompareRun(const PlannedRun& planned, const TrackedRun& run);

// What the numbers say, the most important first; nullopt: the run has no plan that is known.
std::vector<RunAdvice> AdviseRun(const std::optional<PlannedRun>& planned, const TrackedRun& run);

// What the samples of a run say of it.
struct ReportedRun {
  std::optional<double> done_fraction;                       // of its tokens
  std::optional<double> step_ratio;                          // measured over planned step time
  std::optional<double> wall_seconds, planned_wall_seconds;  // as in PlannedRun and TrackedRun
  // From the first to the last sample of what carries it on: its last job, or the run itself.
  double told_seconds = 0;
  std::optional<double> interval_seconds;  // usual, between samples
  // Since it last told something, or was begun anew.
  double silent_seconds = 0;
  bool runs = false;
};

// Why nothing says that it goes on, with how long that has been so; nullopt if nothing is amiss.
std::optional<std::string> WhySilent(const ReportedRun& reported);

// `advice` of AdviseRun, which knows times alone, put right by the samples.
std::vector<RunAdvice> AdviseReported(const ReportedRun& reported, std::vector<RunAdvice> advice);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_RUN_REPORT_H_
