// SPDX-License-Identifier: Apache-2.0
#include "planner/track/learning_rate_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/str_cat.h"

namespace rhumb {
namespace {

// Where the decay begins, as a fraction of the run.
double DecayStart(const LearningRateSchedule& schedule) {
  switch (schedule.kind) {
    case ScheduleKind::kCosine:
    case ScheduleKind::kLinear:
      return schedule.warmup_fraction;
    case ScheduleKind::kWarmupStableDecay:
      return 1 - schedule.decay_fraction;
    case ScheduleKind::kConstant:
    case ScheduleKind::kUnknown:
      break;
  }
  return 1;
}

// Rate over peak at a share of the decay in [0, 1], between 1 and the floor.
double DecayRate(const LearningRateSchedule& schedule, double share) {
  const double fall =
      schedule.kind == ScheduleKind::kCosine ? (1 - std::cos(std::numbers::pi * share)) / 2 : share;
  return 1 - (1 - schedule.floor_fraction) * fall;
}

// Its area from 0 to `share`.
double DecayArea(const LearningRateSchedule& schedule, double share) {
  const double fall = schedule.kind == ScheduleKind::kCosine
                          ? (share - std::sin(std::numbers::pi * share) / std::numbers::pi) / 2
                          : share * share / 2;
  return share - (1 - schedule.floor_fraction) * fall;
}

absl::Status CheckRange(absl::string_view field, double value, bool ok, absl::string_view allowed) {
  if (ok) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("schedule.", field, " must be ", allowed, ", got ", value));
}

}  // namespace

absl::string_view NameOf(ScheduleKind kind) {
  switch (kind) {
    case ScheduleKind::kConstant:
      return "CONSTANT";
    case ScheduleKind::kCosine:
      return "COSINE";
    case ScheduleKind::kLinear:
      return "LINEAR";
    case ScheduleKind::kWarmupStableDecay:
      return "WARMUP_STABLE_DECAY";
    case ScheduleKind::kUnknown:
      break;
  }
  return "UNKNOWN";
}

absl::Status ValidateSchedule(const LearningRateSchedule& schedule) {
  const double warmup = schedule.warmup_fraction;
  const double floor = schedule.floor_fraction;
  const double decay = schedule.decay_fraction;
  absl::Status status =
      CheckRange("warmup_fraction", warmup, warmup >= 0 && warmup < 1, "in [0, 1)");
  if (status.ok()) {
    status = CheckRange("floor_fraction", floor, floor >= 0 && floor <= 1, "in [0, 1]");
  }
  if (status.ok() && schedule.kind == ScheduleKind::kWarmupStableDecay) {
    status = CheckRange("decay_fraction", decay, decay > 0 && decay <= 1 - warmup,
                        "above 0 and at most 1 - warmup_fraction");
  }
  return status;
}

double RelativeRate(const LearningRateSchedule& schedule, double fraction) {
  if (fraction < schedule.warmup_fraction) return fraction / schedule.warmup_fraction;
  const double start = DecayStart(schedule);
  if (fraction <= start) return 1;
  return DecayRate(schedule, (fraction - start) / (1 - start));
}

double RateArea(const LearningRateSchedule& schedule, double fraction) {
  const double warmup = schedule.warmup_fraction;
  if (fraction < warmup) return fraction * fraction / (2 * warmup);
  const double start = DecayStart(schedule);
  const double stable = warmup / 2 + std::min(fraction, start) - warmup;
  if (fraction <= start) return stable;
  return stable + (1 - start) * DecayArea(schedule, (fraction - start) / (1 - start));
}

double AnnealedShare(const LearningRateSchedule& schedule, double fraction) {
  if (fraction < schedule.warmup_fraction) return 0;
  return 1 - RelativeRate(schedule, fraction);
}

std::vector<LearningRateSchedule> CandidateSchedules(double warmup_fraction) {
  const auto of = [warmup_fraction](ScheduleKind kind, double floor, double decay) {
    return LearningRateSchedule{.kind = kind,
                                .warmup_fraction = warmup_fraction,
                                .floor_fraction = floor,
                                .decay_fraction = decay};
  };
  return {of(ScheduleKind::kCosine, 0.1, 0), of(ScheduleKind::kCosine, 0, 0),
          of(ScheduleKind::kLinear, 0, 0),
          of(ScheduleKind::kWarmupStableDecay, 0, std::min(0.2, 1 - warmup_fraction)),
          of(ScheduleKind::kConstant, 1, 0)};
}

}  // namespace rhumb
