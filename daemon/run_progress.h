// SPDX-License-Identifier: Apache-2.0
// What the samples of a run say beside what is expected of it: numbers, forecast, loss curve.
#ifndef RHUMB_DAEMON_RUN_PROGRESS_H_
#define RHUMB_DAEMON_RUN_PROGRESS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/expected_run.h"
#include "daemon/run_sunk.h"
#include "daemon/store/store.h"
#include "planner/track/forecast.h"
#include "planner/track/progress_report.h"
#include "planner/track/trajectory.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/run.pb.h"
#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::daemon {

struct RunProgress {
  std::vector<RunSample> series;  // means, evenly over the tokens
  std::vector<RunSample> newest;  // one by one, of the attempt at hand
  MeasuredProgress measured;
  ExpectedRun expected;
  std::optional<TrajectoryQuestion> trajectory;  // absent without a law to compare with
  std::optional<TrajectoryPoint> loss_now;       // expected where the loss was measured
  std::optional<Forecast> forecast;              // absent without an end, and of runs that ended
  int64_t in_force_since_ns = 0;                 // of the plan; 0: it is the first
};

// Nullopt of a run without samples. `level` of all intervals.
absl::StatusOr<std::optional<RunProgress>> ReadProgress(const StoredRun& stored,
                                                        const std::optional<v1::Plan>& plan,
                                                        double level, Store& store);

// Adds comparisons, advice and forecast to what `run` has from its jobs.
void AddProgress(const RunProgress& progress, const StoredRun& stored, const Sunk& sunk,
                 int64_t now_ns, v1::Run& run);

// `point_count` places evenly over the tokens of the run, each with what is known of it.
std::vector<v1::LossPoint> LossCurve(const RunProgress& progress, int point_count);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_PROGRESS_H_
