// SPDX-License-Identifier: Apache-2.0
#include "planner/track/forecast.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/laws/loss_model.h"
#include "planner/status_macros.h"
#include "planner/track/finish_time.h"
#include "planner/track/loss_points.h"
#include "planner/track/not_finite.h"

namespace rhumb {
namespace {

constexpr int kMostPoints = 28;
// Losses of less than a twentieth of today's tokens say little of the end, and no power law holds
// as far back.
constexpr double kReach = 20;
// Without a prior: fewer points than the form has constants, or a curve this short, could go
// anywhere.
constexpr size_t kLeastPoints = 4;
constexpr double kLeastFraction = 0.05;
// Deviation of the median of five normal values over that of one.
constexpr double kMedianOfFive = 0.536;
constexpr double kRateTolerance = 0.03;  // of the peak
constexpr double kOverrun = 1.001;       // of the total: the last step may go over it

absl::Status Validate(const ForecastQuestion& question) {
  if (!(question.total_token_count > 0) || !std::isfinite(question.total_token_count)) {
    return absl::InvalidArgumentError(
        absl::StrCat("total_token_count must be positive, got ", question.total_token_count));
  }
  if (!(question.level > 0 && question.level < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("level must be above 0 and below 1, got ", question.level));
  }
  if (question.prior.has_value()) {
    const FinalLossPrior& prior = *question.prior;
    if (!(prior.mean_nats > 0) || !std::isfinite(prior.mean_nats)) {
      return absl::InvalidArgumentError(
          absl::StrCat("prior.mean_nats must be positive, got ", prior.mean_nats));
    }
    if (!(prior.std_nats > 0) || !std::isfinite(prior.std_nats)) {
      return absl::InvalidArgumentError(
          absl::StrCat("prior.std_nats must be positive, got ", prior.std_nats));
    }
  }
  return ValidateSchedule(question.schedule);
}

double FractionOf(const ForecastQuestion& question, const RunSample& sample) {
  return std::min(1.0, static_cast<double>(sample.token_count) / question.total_token_count);
}

// Schedules that the learning rates told so far do not contradict; all candidates if they
// contradict all, or say nothing.
std::vector<LearningRateSchedule> PlausibleSchedules(const ForecastQuestion& question,
                                                     const std::vector<RunSample>& samples) {
  if (question.schedule.kind != ScheduleKind::kUnknown) return {question.schedule};
  double peak = 0, warmup = question.schedule.warmup_fraction;
  for (const RunSample& sample : samples) {
    const double rate = sample.learning_rate.value_or(0);
    if (std::isfinite(rate)) peak = std::max(peak, rate);
  }
  if (peak > 0 && warmup == 0) {
    for (const RunSample& sample : samples) {
      if (sample.learning_rate.value_or(0) < (1 - kRateTolerance) * peak) continue;
      warmup = std::min(FractionOf(question, sample), 0.5);
      break;
    }
  }
  const std::vector<LearningRateSchedule> candidates = CandidateSchedules(warmup);
  if (!(peak > 0)) return candidates;
  std::vector<LearningRateSchedule> plausible;
  for (const LearningRateSchedule& candidate : candidates) {
    double worst = 0;
    for (const RunSample& sample : samples) {
      const double fraction = FractionOf(question, sample);
      if (!sample.learning_rate.has_value() || fraction < warmup) continue;
      const double rate = *sample.learning_rate / peak;
      worst = std::max(worst, std::abs(rate - RelativeRate(candidate, fraction)));
    }
    if (worst <= kRateTolerance) plausible.push_back(candidate);
  }
  return plausible.empty() ? candidates : plausible;
}

ForecastRange RangeOf(const std::vector<NormalPart>& parts, double level) {
  return {.expected = QuantileOf(parts, 0.5),
          .low = std::max(0.0, QuantileOf(parts, (1 - level) / 2)),
          .high = QuantileOf(parts, (1 + level) / 2)};
}

FinalLossForecast FromPrior(const ForecastQuestion& question, const std::string& why) {
  if (!question.prior.has_value()) return {.source = why};
  return {.loss_nats =
              RangeOf({{1, question.prior->mean_nats, question.prior->std_nats}}, question.level),
          .source = absl::StrCat("the prior alone: ", why)};
}

FinalLossForecast ForecastFinalLoss(const ForecastQuestion& question,
                                    const std::vector<RunSample>& samples) {
  if (samples.empty()) return FromPrior(question, "no sample yet");
  // A prior is of a run that learns.
  for (const std::vector<RunSample>* each : {&samples, &question.newest}) {
    const std::optional<std::string> why = WhyNoLossAtEnd(*each);
    if (why.has_value()) return {.source = *why};
  }
  const double now = static_cast<double>(samples.back().token_count);
  if (now > kOverrun * question.total_token_count) {
    return {.source = absl::StrCat("the run is past its planned end of ",
                                   question.total_token_count, " tokens, at ", now)};
  }
  const std::vector<LearningRateSchedule> schedules = PlausibleSchedules(question, samples);
  const double first =
      std::max(now / kReach, schedules.front().warmup_fraction * question.total_token_count);
  const LossPoints reduced = ReduceLosses(samples, first, kMostPoints);
  if (reduced.points.empty()) return FromPrior(question, "no sample with a loss after the warm-up");
  const double fraction = now / question.total_token_count;
  if (!question.prior.has_value()) {
    if (reduced.points.size() < kLeastPoints) {
      return {.source = absl::StrCat(reduced.points.size(), " points of the curve and no prior; ",
                                     kLeastPoints, " are needed")};
    }
    if (fraction < kLeastFraction) {
      return {.source = absl::StrCat("only ", fraction, " of the tokens and no prior; ",
                                     kLeastFraction, " are needed")};
    }
  }
  std::vector<CurvePoint> points;
  for (const LossPoint& point : reduced.points) {
    points.push_back({std::min(1.0, point.token_count / question.total_token_count),
                      point.loss_nats, point.std_nats});
  }
  std::vector<NormalPart> parts =
      PosteriorOfFinalLoss(points, schedules, question.prior, !reduced.noise_is_measured);
  // A bound on the noise is no measurement of it: what it would add is in the points' own.
  const double noise = reduced.noise_is_measured ? kMedianOfFive * reduced.sample_std_nats : 0;
  for (NormalPart& part : parts) part.std = std::hypot(part.std, noise);
  return {.loss_nats = RangeOf(parts, question.level),
          .source = absl::StrCat(
              reduced.used_count, reduced.is_validation ? " validation losses" : " losses",
              question.prior.has_value() ? " and the prior" : "", ", schedule ",
              schedules.size() == 1 ? std::string(NameOf(schedules.front().kind))
                                    : absl::StrCat("unknown, one of ", schedules.size())),
          .used_count = reduced.used_count,
          .spike_count = reduced.spike_count};
}

}  // namespace

absl::StatusOr<Forecast> MakeForecast(const ForecastQuestion& question) {
  RHUMB_RETURN_IF_ERROR(Validate(question));
  const std::vector<RunSample> samples = LastingSamples(question.samples);
  Forecast forecast;
  forecast.level = question.level;
  if (!samples.empty()) forecast.token_count = samples.back().token_count;
  forecast.tokens_left =
      std::max(0.0, question.total_token_count - static_cast<double>(forecast.token_count));
  forecast.final_loss = ForecastFinalLoss(question, samples);
  forecast.finish = ForecastFinish(question.samples, forecast.tokens_left, question.level,
                                   question.newest, question.pace);
  return forecast;
}

}  // namespace rhumb
