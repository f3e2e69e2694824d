// SPDX-License-Identifier: Apache-2.0
// What a run is expected to do: what its plan says, and its own settings where they differ.
#ifndef RHUMB_DAEMON_EXPECTED_RUN_H_
#define RHUMB_DAEMON_EXPECTED_RUN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "planner/laws/law.h"
#include "planner/laws/loss_model.h"
#include "planner/plan/question.h"
#include "planner/track/learning_rate_schedule.h"
#include "planner/track/progress_report.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::daemon {

// The law that a run's losses are compared with, at the run's model and tokens.
struct ExpectedLoss {
  Law law;
  double param_count = 0;  // as the law counts
  TokenUse end;            // all tokens of the run
  // Of one run: with its noise where the law says it, else of the mean alone.
  std::optional<LossInterval> interval;
};

struct ExpectedRun {
  PlannedProgress planned;  // without loss_nats, which depends on how far the run is
  std::optional<double> target_token_count;
  std::optional<double> gpu_count, price_usd_per_gpu_hour, capacity_bytes;
  std::optional<double> gpu_hours, total_usd, wall_seconds;  // planned, of the whole run
  // Planned, overheads included, and the standard deviation of its ln.
  std::optional<double> seconds_per_token;
  double pace_log_std = 0;
  LearningRateSchedule schedule;
  std::optional<ExpectedLoss> loss;
  // What was taken that nobody said, and why something is missing.
  std::vector<Assumption> assumptions;
};

// `plan` is that of the run, if it has one that is known, and with `replanned` not its first: what
// the settings say of end, batch, GPUs and price was said before. `level` of the loss' interval.
absl::StatusOr<ExpectedRun> Expect(const v1::RunSettings& settings,
                                   const std::optional<v1::Plan>& plan, bool replanned,
                                   double level, Store& store);

// With what is taken where nothing is said; of no kind, unknown.
LearningRateSchedule ScheduleOf(const v1::LearningRateSchedule& told);

// The stored plan of that name; nullopt for no name, and for a plan that is gone.
absl::StatusOr<std::optional<v1::Plan>> FindPlanMessage(const std::string& name, Store& store);

// Of settings of no bytes, what nobody said. DATA_LOSS if they are no message.
absl::StatusOr<v1::RunSettings> SettingsOf(const StoredRun& run);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_EXPECTED_RUN_H_
