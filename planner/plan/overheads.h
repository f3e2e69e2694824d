// SPDX-License-Identifier: Apache-2.0
// Wall time beyond the training steps: start-up, checkpoints, evaluation, failures. Linear in train
// time, so that a deadline turns into tokens in closed form.
#ifndef RHUMB_PLANNER_PLAN_OVERHEADS_H_
#define RHUMB_PLANNER_PLAN_OVERHEADS_H_

#include <cstdint>
#include <vector>

#include "planner/plan/plan.h"

namespace rhumb {

inline constexpr double kStartupSeconds = 600;  // scheduling, container, compilation, first batch
inline constexpr double kRestartSeconds = 600;  // from failure to the next step
inline constexpr double kEvaluationFraction = 0.01;  // of train time
inline constexpr double kCheckpointBytesPerParam =
    14;  // bf16 weights, fp32 master copy and Adam's two moments
inline constexpr double kStorageBytesPerSecondPerNode = 2e9;
inline constexpr double kMaxCheckpointIntervalSeconds = 4 * 3600.0;

// wall_seconds = startup_seconds + (1 + per_train_second) * train_seconds.
struct OverheadModel {
  double startup_seconds = 0;
  double checkpoint_fraction = 0;  // of train time, writing checkpoints
  double evaluation_fraction = 0;
  double failure_fraction = 0;  // restarting and repeating lost work
  double checkpoint_interval_seconds = 0;

  double per_train_second() const {
    return checkpoint_fraction + evaluation_fraction + failure_fraction;
  }
  double WallSeconds(double train_seconds) const {
    return startup_seconds + (1 + per_train_second()) * train_seconds;
  }
  // Longest train time within `wall_seconds`; negative if not even start-up fits.
  double TrainSeconds(double wall_seconds) const {
    return (wall_seconds - startup_seconds) / (1 + per_train_second());
  }
};

// The checkpoint interval is the first-order optimum sqrt(2 w M) for write time w and mean time M
// between failures of the whole job (Young 1974, doi:10.1145/361147.361115), at most
// kMaxCheckpointIntervalSeconds and at least w; half an interval is lost per failure.
OverheadModel MakeOverheadModel(double total_param_count, int64_t gpu_count, int64_t node_count,
                                double failures_per_gpu_hour);

// The same, itemised for a plan.
std::vector<Overhead> ItemiseOverheads(const OverheadModel& model, double train_seconds);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_OVERHEADS_H_
