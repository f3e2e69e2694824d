// SPDX-License-Identifier: Apache-2.0
// Wall time beyond the training steps: start-up, checkpoints, evaluation, failures, and the joints
// of a chain of jobs. Linear in train time but for those, so that a deadline turns into tokens in
// closed form.
#ifndef RHUMB_PLANNER_PLAN_OVERHEADS_H_
#define RHUMB_PLANNER_PLAN_OVERHEADS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "planner/plan/plan.h"

namespace rhumb {

// From the start of a job, from a failure, or from the end of the job before in a chain, to the
// next step: scheduling, container, compilation, first batch.
inline constexpr double kStartupSeconds = 600;
inline constexpr double kEvaluationFraction = 0.01;  // of train time
inline constexpr double kCheckpointBytesPerParam =
    14;  // bf16 weights, fp32 master copy and Adam's two moments
inline constexpr double kStorageBytesPerSecondPerNode = 2e9;
inline constexpr double kMaxCheckpointIntervalSeconds = 4 * 3600.0;
// Of one run; no scheduler takes more.
inline constexpr int64_t kMostJobCount = 10000;

// In one job a run whose steps are modelled to take `train` seconds takes
//   W(train) = startup_seconds + step_time_factor (1 + per_train_second) train.
// Where a job may take no longer than job_limit_seconds it is a chain of k jobs, the least k for
// which
//   wall = W + (k - 1) job_change_seconds <= k job_limit_seconds:
// every job but the last saves its state before its limit ends it, every job but the first starts
// from what was saved. The wall time rises strictly with the train time, by a job's change at once
// where another job is needed. What a job waits in the queue is not in it.
struct OverheadModel {
  double startup_seconds = 0;
  double restart_seconds = 0;
  double checkpoint_seconds = 0;   // to write one
  double checkpoint_fraction = 0;  // of train time, writing checkpoints
  double evaluation_fraction = 0;
  double failure_fraction = 0;  // restarting and repeating lost work
  double checkpoint_interval_seconds = 0;
  double step_time_factor = 1;  // measured over modelled time of a step
  // 1: no chain, be it that none is allowed or that a job would leave no time to train. The wall
  // time of more jobs than these is more than LongestWallSeconds().
  int64_t max_job_count = 1;
  double job_limit_seconds = std::numeric_limits<double>::infinity();

  double per_train_second() const {
    return checkpoint_fraction + evaluation_fraction + failure_fraction;
  }
  double wall_per_train_second() const { return step_time_factor * (1 + per_train_second()); }
  double job_change_seconds() const { return restart_seconds + checkpoint_seconds; }
  double LongestWallSeconds() const {
    return static_cast<double>(max_job_count) * job_limit_seconds;
  }

  double WallSeconds(double train_seconds) const {
    const double one_job = startup_seconds + wall_per_train_second() * train_seconds;
    return max_job_count == 1 ? one_job : WallSecondsOfChain(one_job);
  }
  // Longest train time whose wall time is at most `wall_seconds`; negative if not even start-up
  // fits. The inverse of WallSeconds(), and between its steps that of the lower end.
  double TrainSeconds(double wall_seconds) const {
    const double one_job = max_job_count == 1 ? wall_seconds : OneJobSeconds(wall_seconds);
    return (one_job - startup_seconds) / wall_per_train_second();
  }
  // What the longest run within `wall_seconds` takes: less where one more job would only restart.
  double UsedSeconds(double wall_seconds) const;
  // Jobs of a run with so much train time.
  int64_t JobCount(double train_seconds) const;

 private:
  // Out of line: runs in one job are what the search evaluates by the thousand. Of a run that would
  // take `one_job_seconds` in one job, and the longest such within `wall_seconds`.
  double WallSecondsOfChain(double one_job_seconds) const;
  double OneJobSeconds(double wall_seconds) const;
  double JobsFor(double one_job_seconds) const;
};

// The checkpoint interval is the first-order optimum sqrt(2 w M) for write time w and mean time M
// between failures of the whole job (Young 1974, doi:10.1145/361147.361115), at most
// kMaxCheckpointIntervalSeconds and at least w; half an interval is lost per failure. A restart
// takes as long as a start.
OverheadModel MakeOverheadModel(double total_param_count, int64_t gpu_count, int64_t node_count,
                                double failures_per_gpu_hour,
                                double startup_seconds = kStartupSeconds);

// `model` in jobs of at most `job_limit_seconds` (absent: any length), at most `max_job_count` of
// them (absent: kMostJobCount). One job where a longer chain would not train: a job takes its start
// and the checkpoint at its end.
OverheadModel InJobs(OverheadModel model, const std::optional<double>& job_limit_seconds,
                     const std::optional<int64_t>& max_job_count);

// The same, itemised for a plan whose steps are modelled to take `train_seconds`.
std::vector<Overhead> ItemiseOverheads(const OverheadModel& model, double train_seconds);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_OVERHEADS_H_
