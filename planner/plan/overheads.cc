// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/overheads.h"

#include <algorithm>
#include <cmath>

#include "planner/units.h"

namespace rhumb {

OverheadModel MakeOverheadModel(double total_param_count, int64_t gpu_count, int64_t node_count,
                                double failures_per_gpu_hour) {
  OverheadModel model;
  model.startup_seconds = kStartupSeconds;
  model.evaluation_fraction = kEvaluationFraction;
  const double write_seconds = kCheckpointBytesPerParam * total_param_count /
                               (kStorageBytesPerSecondPerNode * static_cast<double>(node_count));
  const double failures_per_second =
      failures_per_gpu_hour * static_cast<double>(gpu_count) / kSecondsPerHour;
  double interval = kMaxCheckpointIntervalSeconds;
  if (failures_per_second > 0) {
    interval = std::min(interval, std::sqrt(2 * write_seconds / failures_per_second));
  }
  interval = std::max(interval, write_seconds);
  model.checkpoint_interval_seconds = interval;
  model.checkpoint_fraction = write_seconds / interval;
  model.failure_fraction = failures_per_second * (kRestartSeconds + interval / 2);
  return model;
}

std::vector<Overhead> ItemiseOverheads(const OverheadModel& model, double train_seconds) {
  return {{"startup", model.startup_seconds},
          {"checkpoints", model.checkpoint_fraction * train_seconds},
          {"evaluation", model.evaluation_fraction * train_seconds},
          {"failures", model.failure_fraction * train_seconds}};
}

}  // namespace rhumb
