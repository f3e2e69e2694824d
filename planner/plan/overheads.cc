// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/overheads.h"

#include <algorithm>
#include <cmath>

#include "planner/units.h"

namespace rhumb {
namespace {

// Whether a run fits its jobs is judged with the slack of hard limits, or rounding would add a job
// to one that fills them to the end.
constexpr double kLimitSlack = 1 + 1e-9;

}  // namespace

OverheadModel MakeOverheadModel(double total_param_count, int64_t gpu_count, int64_t node_count,
                                double failures_per_gpu_hour, double startup_seconds) {
  OverheadModel model;
  model.startup_seconds = startup_seconds;
  model.restart_seconds = startup_seconds;
  model.evaluation_fraction = kEvaluationFraction;
  const double write_seconds = kCheckpointBytesPerParam * total_param_count /
                               (kStorageBytesPerSecondPerNode * static_cast<double>(node_count));
  model.checkpoint_seconds = write_seconds;
  const double failures_per_second =
      failures_per_gpu_hour * static_cast<double>(gpu_count) / kSecondsPerHour;
  double interval = kMaxCheckpointIntervalSeconds;
  if (failures_per_second > 0) {
    interval = std::min(interval, std::sqrt(2 * write_seconds / failures_per_second));
  }
  interval = std::max(interval, write_seconds);
  model.checkpoint_interval_seconds = interval;
  model.checkpoint_fraction = write_seconds / interval;
  model.failure_fraction = failures_per_second * (model.restart_seconds + interval / 2);
  return model;
}

double OverheadModel::JobsFor(double one_job_seconds) const {
  const double change = job_change_seconds();
  return std::max(
      1.0, std::ceil((one_job_seconds - change) / (job_limit_seconds * kLimitSlack - change)));
}

double OverheadModel::WallSecondsOfChain(double one_job_seconds) const {
  return one_job_seconds + (JobsFor(one_job_seconds) - 1) * job_change_seconds();
}

double OverheadModel::OneJobSeconds(double wall_seconds) const {
  if (wall_seconds <= job_limit_seconds) return wall_seconds;
  const double change = job_change_seconds();
  // All jobs that reach into that time, or those that fill it to their end.
  const double filled = std::ceil(wall_seconds / job_limit_seconds) - 1;
  return std::max(wall_seconds - filled * change,
                  filled * job_limit_seconds - (filled - 1) * change);
}

double OverheadModel::UsedSeconds(double wall_seconds) const {
  if (max_job_count == 1) return std::min(wall_seconds, job_limit_seconds);
  const double filled = std::floor(wall_seconds / job_limit_seconds) * job_limit_seconds;
  return filled > 0 && wall_seconds - filled <= job_change_seconds() ? filled : wall_seconds;
}

int64_t OverheadModel::JobCount(double train_seconds) const {
  constexpr double kMost = 1e15;  // of what a caller may still count with
  if (max_job_count == 1) return 1;
  const double one_job = startup_seconds + wall_per_train_second() * train_seconds;
  return static_cast<int64_t>(std::min(JobsFor(one_job), kMost));
}

OverheadModel InJobs(OverheadModel model, const std::optional<double>& job_limit_seconds,
                     const std::optional<int64_t>& max_job_count) {
  if (!job_limit_seconds.has_value()) return model;
  model.job_limit_seconds = *job_limit_seconds;
  const double least =
      std::max(model.startup_seconds, model.restart_seconds) + model.checkpoint_seconds;
  if (*job_limit_seconds > least) model.max_job_count = max_job_count.value_or(kMostJobCount);
  return model;
}

std::vector<Overhead> ItemiseOverheads(const OverheadModel& model, double train_seconds) {
  const double measured_seconds = model.step_time_factor * train_seconds;
  std::vector<Overhead> items = {{"startup", model.startup_seconds},
                                 {"checkpoints", model.checkpoint_fraction * measured_seconds},
                                 {"evaluation", model.evaluation_fraction * measured_seconds},
                                 {"failures", model.failure_fraction * measured_seconds}};
  const int64_t job_count = model.JobCount(train_seconds);
  if (job_count > 1) {
    items.push_back(
        {"job restarts", static_cast<double>(job_count - 1) * model.job_change_seconds()});
  }
  return items;
}

}  // namespace rhumb
