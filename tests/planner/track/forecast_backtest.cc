// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/track/forecast_backtest.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "planner/fit/fit_law.h"
#include "planner/laws/loss_model.h"
#include "planner/track/forecast.h"
#include "planner/track/trajectory.h"

namespace rhumb {
namespace {

constexpr std::array<double, 6> kFractions = {0.1, 0.2, 0.35, 0.5, 0.7, 0.9};
constexpr double kLevel = 0.9;

double MedianOf(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// What a cell is computed from.
struct Judged {
  int covered = 0, below = 0;
  std::vector<double> half_widths, errors, last_errors, prior_errors;

  void Add(const ForecastRange& range, double truth, double last, double prior) {
    covered += truth >= range.low && truth <= range.high ? 1 : 0;
    below += truth < range.low ? 1 : 0;
    half_widths.push_back((range.high - range.low) / 2);
    errors.push_back(std::abs(range.expected - truth));
    last_errors.push_back(std::abs(last - truth));
    prior_errors.push_back(std::abs(prior - truth));
  }

  BacktestCell Cell(double fraction) const {
    return {.fraction = fraction,
            .count = static_cast<int>(errors.size()),
            .covered = covered,
            .below = below,
            .median_half_width_nats = MedianOf(half_widths),
            .mean_abs_error_nats = MeanOf(errors),
            .median_abs_error_nats = MedianOf(errors),
            .last_value_error_nats = MeanOf(last_errors),
            .prior_error_nats = MeanOf(prior_errors)};
  }
};

}  // namespace

std::vector<BacktestCell> BacktestForecasts(const std::vector<RecordedCurve>& curves,
                                            const PriorOf& prior_of, bool schedule_known) {
  std::vector<BacktestCell> cells;
  Judged all;
  for (const double fraction : kFractions) {
    Judged judged;
    for (const RecordedCurve& curve : curves) {
      ForecastQuestion question = {.samples = SamplesUpTo(curve, fraction),
                                   .total_token_count = curve.total_token_count,
                                   .prior = prior_of(curve),
                                   .level = kLevel};
      if (question.samples.empty()) continue;
      if (schedule_known) question.schedule = curve.schedule;
      const absl::StatusOr<Forecast> forecast = MakeForecast(question);
      if (!forecast.ok() || !forecast->final_loss.loss_nats.has_value()) continue;
      const double last = *question.samples.back().loss_nats;
      const double prior = question.prior.has_value() ? question.prior->mean_nats
                                                      : std::numeric_limits<double>::quiet_NaN();
      judged.Add(*forecast->final_loss.loss_nats, curve.final_loss_nats, last, prior);
      all.Add(*forecast->final_loss.loss_nats, curve.final_loss_nats, last, prior);
    }
    cells.push_back(judged.Cell(fraction));
  }
  cells.push_back(all.Cell(0));
  return cells;
}

std::map<double, Law> LawsOfOtherSizes(const std::vector<RecordedCurve>& curves) {
  std::set<double> sizes;
  for (const RecordedCurve& curve : curves) sizes.insert(curve.param_count);
  LawFitOptions options;
  options.bootstrap_count = 100;
  options.fixed = {{"E", 1.69}};
  std::map<double, Law> laws;
  for (const double size : sizes) {
    ObservationSet others;
    for (const RecordedCurve& curve : curves) {
      if (curve.param_count == size) continue;
      others.observations.push_back({.param_count = curve.param_count,
                                     .token_count = curve.total_token_count,
                                     .loss_nats = curve.final_loss_nats,
                                     .run = curve.name});
    }
    const absl::StatusOr<LawFit> fit = FitLaw(others, options);
    if (fit.ok() && fit->law.has_value()) laws[size] = *fit->law;
  }
  return laws;
}

PriorOf PriorFromOtherSizes(const std::map<double, Law>& laws) {
  return [laws](const RecordedCurve& curve) -> std::optional<FinalLossPrior> {
    const auto law = laws.find(curve.param_count);
    if (law == laws.end()) return std::nullopt;
    const std::optional<PredictionInterval> interval = PredictRunInterval(
        law->second, curve.param_count, {.token_count = curve.total_token_count}, kLevel);
    if (!interval.has_value()) return std::nullopt;
    const double z = StandardNormalQuantile((1 + kLevel) / 2);
    return FinalLossPrior{interval->mean_nats, (interval->high_nats - interval->low_nats) / 2 / z};
  };
}

std::vector<BacktestCell> BacktestTrajectories(const std::vector<RecordedCurve>& curves,
                                               const std::map<double, Law>& laws) {
  std::vector<BacktestCell> cells;
  for (const double fraction : kFractions) {
    Judged judged;
    for (const RecordedCurve& curve : curves) {
      const auto law = laws.find(curve.param_count);
      const std::vector<RunSample> samples = SamplesUpTo(curve, fraction);
      if (law == laws.end() || samples.size() < 2) continue;
      const auto finished = FinishedLoss(law->second, curve.param_count);
      const double shift = curve.final_loss_nats - finished(curve.total_token_count);
      const auto shifted = [&](double token_count) { return finished(token_count) + shift; };
      const absl::StatusOr<TrajectoryPoint> point =
          ExpectedLossAt({.finished_loss_nats = shifted,
                          .total_token_count = curve.total_token_count,
                          .schedule = curve.schedule,
                          .level = kLevel},
                         static_cast<double>(samples.back().token_count));
      if (!point.ok() || point->is_early) continue;
      judged.Add({point->loss_nats, point->low_nats, point->high_nats}, *samples.back().loss_nats,
                 finished(samples.back().token_count), curve.final_loss_nats);
    }
    cells.push_back(judged.Cell(fraction));
  }
  return cells;
}

}  // namespace rhumb
