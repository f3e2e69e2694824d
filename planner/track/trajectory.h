// SPDX-License-Identifier: Apache-2.0
// The loss to expect in the middle of a run: what a law says of finished runs, read along the
// schedule of the learning rate. What the run itself says is in forecast.h.
//
//   L(t) = law(s D) + g law(D) (sqrt(eta(t/D)) - sqrt(eta(1))),   s = S1(t/D) / S1(1)
//
// D: tokens of the run; eta: learning rate over its peak, taken as 1 in the warm-up; S1: area under
// it; g: what annealing to zero is worth. The law's term in tokens runs on the area instead of the
// tokens, and the annealing still to come lies on top; both vanish at the end, where L is law(D).
// After Tissue et al. 2024, arXiv:2408.11029, eq. (1), with the law's floor in place of a fitted
// one. That the gain goes by the root of the rate, that g is one share of the loss, and its value,
// are choices of ours.
#ifndef RHUMB_PLANNER_TRACK_TRAJECTORY_H_
#define RHUMB_PLANNER_TRACK_TRAJECTORY_H_

#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/laws/law.h"
#include "planner/track/learning_rate_schedule.h"

namespace rhumb {

struct TrajectoryQuestion {
  // Loss in nats of a finished run of so many tokens, of this model.
  std::function<double(double token_count)> finished_loss_nats;
  double total_token_count = 0;
  LearningRateSchedule schedule;
  // Of ln L at the end: the law's own error and what runs scatter by. 0: the band is the shape's
  // alone.
  double final_log_std = 0;
  double level = 0.9;  // of the band, in (0, 1)
};

struct TrajectoryPoint {
  double loss_nats = 0;
  double low_nats = 0, high_nats = 0;
  // In the warm-up or the first twentieth: no power law holds there, and a loss outside of the band
  // says nothing.
  bool is_early = false;
};

// At token_count in (0, total_token_count]. Of an unknown schedule the mean and the hull of the
// bands of CandidateSchedules. InvalidArgument names the field that is not as said here or in
// ValidateSchedule.
absl::StatusOr<TrajectoryPoint> ExpectedLossAt(const TrajectoryQuestion& question,
                                               double token_count);

// finished_loss_nats of a law for a model of `param_count`, as the law counts parameters.
std::function<double(double token_count)> FinishedLoss(const Law& law, double param_count);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_TRAJECTORY_H_
