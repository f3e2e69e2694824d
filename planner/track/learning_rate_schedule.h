// SPDX-License-Identifier: Apache-2.0
// The shape of a learning rate over a run, relative to its peak, and the two areas of it that loss
// curves depend on. Not which peak to take (laws/learning_rate.h).
#ifndef RHUMB_PLANNER_TRACK_LEARNING_RATE_SCHEDULE_H_
#define RHUMB_PLANNER_TRACK_LEARNING_RATE_SCHEDULE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rhumb {

enum class ScheduleKind {
  kUnknown,
  kConstant,
  kCosine,             // half a cosine from the peak to the floor
  kLinear,             // a line from the peak to the floor
  kWarmupStableDecay,  // the peak, then a line to the floor over the last decay_fraction
};

// Fractions of warm-up and decay are of all tokens of the run, the floor is one of the peak. The
// warm-up is a line from 0.
struct LearningRateSchedule {
  ScheduleKind kind = ScheduleKind::kUnknown;
  double warmup_fraction = 0;
  double floor_fraction = 0;  // of kCosine, kLinear, kWarmupStableDecay
  double decay_fraction = 0;  // of kWarmupStableDecay
};

// "UNKNOWN", "CONSTANT", "COSINE", "LINEAR", "WARMUP_STABLE_DECAY".
absl::string_view NameOf(ScheduleKind kind);

// InvalidArgument naming the field unless warmup_fraction is in [0, 1), floor_fraction in [0, 1],
// and of kWarmupStableDecay decay_fraction in (0, 1 - warmup_fraction].
absl::Status ValidateSchedule(const LearningRateSchedule& schedule);

// What follows is of a valid schedule of a known kind, at a fraction of the run's tokens in [0, 1].

// Learning rate over its peak.
double RelativeRate(const LearningRateSchedule& schedule, double fraction);

// Area under RelativeRate from 0 to `fraction`: S1 of Tissue et al. 2024, arXiv:2408.11029, eq.
// (1), over steps and peak.
double RateArea(const LearningRateSchedule& schedule, double fraction);

// How far the rate has come down from its peak: 1 - RelativeRate after the warm-up, 0 in it. S2 of
// the same equation over its sum 1 / (1 - lambda), for a momentum that is short beside the run.
double AnnealedShare(const LearningRateSchedule& schedule, double fraction);

// What a run of unknown schedule may follow, as heavy as each other: a cosine to a tenth and to
// zero, a line to zero, a constant rate with a decay over the last fifth or without one. The
// warm-up is the one given. A choice of ours.
std::vector<LearningRateSchedule> CandidateSchedules(double warmup_fraction);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_LEARNING_RATE_SCHEDULE_H_
