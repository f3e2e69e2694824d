// SPDX-License-Identifier: Apache-2.0
#include "planner/track/trajectory.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/laws/loss_model.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// What annealing from the peak to zero is worth, as a share of the loss at the end, and how it goes
// with the rate: 1 - sqrt(rate), most of it at low rates. Chosen on the runs of docs/accuracy.md.
constexpr double kAnnealingShare = 0.08;
// Deviation of how far the loss lies above its end, as a share of that distance: where the runs of
// docs/accuracy.md lie around the formula.
constexpr double kShapeError = 0.4;
constexpr double kEarlyFraction = 0.05;

TrajectoryPoint PointOf(const TrajectoryQuestion& question, const LearningRateSchedule& schedule,
                        double fraction) {
  const double share = RateArea(schedule, fraction) / RateArea(schedule, 1);
  const double end = question.finished_loss_nats(question.total_token_count);
  const double annealing = kAnnealingShare * end *
                           (std::sqrt(1 - AnnealedShare(schedule, fraction)) -
                            std::sqrt(1 - AnnealedShare(schedule, 1)));
  TrajectoryPoint point;
  point.loss_nats = question.finished_loss_nats(share * question.total_token_count) + annealing;
  const double z = StandardNormalQuantile((1 + question.level) / 2);
  const double std =
      std::hypot(question.final_log_std * point.loss_nats, kShapeError * (point.loss_nats - end));
  point.low_nats = std::max(0.0, point.loss_nats - z * std);
  point.high_nats = point.loss_nats + z * std;
  point.is_early = fraction < std::max(schedule.warmup_fraction, kEarlyFraction);
  return point;
}

}  // namespace

absl::StatusOr<TrajectoryPoint> ExpectedLossAt(const TrajectoryQuestion& question,
                                               double token_count) {
  const double total = question.total_token_count;
  if (!(total > 0) || !std::isfinite(total)) {
    return absl::InvalidArgumentError(
        absl::StrCat("total_token_count must be positive, got ", total));
  }
  if (!(token_count > 0 && token_count <= total)) {
    return absl::InvalidArgumentError(
        absl::StrCat("token_count must be above 0 and at most total_token_count ", total, ", got ",
                     token_count));
  }
  if (!(question.level > 0 && question.level < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("level must be above 0 and below 1, got ", question.level));
  }
  if (!(question.final_log_std >= 0) || !std::isfinite(question.final_log_std)) {
    return absl::InvalidArgumentError(
        absl::StrCat("final_log_std must not be negative, got ", question.final_log_std));
  }
  RHUMB_RETURN_IF_ERROR(ValidateSchedule(question.schedule));
  const double fraction = token_count / total;
  if (question.schedule.kind != ScheduleKind::kUnknown) {
    return PointOf(question, question.schedule, fraction);
  }
  const std::vector<LearningRateSchedule> candidates =
      CandidateSchedules(question.schedule.warmup_fraction);
  TrajectoryPoint hull = PointOf(question, candidates.front(), fraction);
  hull.loss_nats = 0;
  for (const LearningRateSchedule& candidate : candidates) {
    const TrajectoryPoint point = PointOf(question, candidate, fraction);
    hull.loss_nats += point.loss_nats / static_cast<double>(candidates.size());
    hull.low_nats = std::min(hull.low_nats, point.low_nats);
    hull.high_nats = std::max(hull.high_nats, point.high_nats);
  }
  return hull;
}

std::function<double(double)> FinishedLoss(const Law& law, double param_count) {
  return [law, param_count](double token_count) {
    return PredictLoss(law, param_count, {.token_count = token_count});
  };
}

}  // namespace rhumb
