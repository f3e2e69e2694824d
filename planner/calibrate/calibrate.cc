// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/calibrate.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/calibrate/constant_space.h"

namespace rhumb {
namespace {

// Cost of a constant that lies its spread from the default, as error on every run.
constexpr double kPenalty = 0.05;
constexpr double kFirstStep = 0.16;
constexpr double kLastStep = 0.005;

// Spreads beyond which the penalty grows with the distance instead of its square.
constexpr double kFarSpreads = 2;

double Held(double spreads) {
  const double far = std::abs(spreads);
  return far <= kFarSpreads ? far * far : kFarSpreads * (2 * far - kFarSpreads);
}

// Runs of one family with a measured step, by table.
using FamilyRuns = std::vector<std::vector<const MeasuredRun*>>;

double MeanError(const FamilyRuns& tables, const TimeConstants& constants) {
  double mean = 0;
  for (const std::vector<const MeasuredRun*>& runs : tables) {
    double sum = 0;
    for (const MeasuredRun* run : runs) {
      sum += std::abs(std::log(PredictRun(*run, constants).step_seconds / *run->step_seconds));
    }
    mean += sum / static_cast<double>(runs.size());
  }
  return mean / static_cast<double>(tables.size());
}

class FamilySearch {
 public:
  FamilySearch(const FamilyRuns& tables, const TimeConstants& defaults, double penalty,
               const CalibrationOptions& options)
      : tables_(tables),
        defaults_(defaults),
        axes_(AxesOf(defaults)),
        origin_(PointOf(axes_, defaults)),
        penalty_(penalty),
        shared_log_spread_(options.shared_log_spread),
        own_log_spread_(options.own_log_spread),
        best_(origin_),
        best_cost_(Cost(origin_)) {
    // Along each constant, and along all rates at once: a machine that is slower as a whole.
    for (size_t i = 0; i < axes_.size(); ++i) {
      directions_.emplace_back(axes_.size(), 0.0)[i] = 1;
    }
    std::vector<double>& all_rates = directions_.emplace_back(axes_.size(), 0.0);
    for (size_t i = 0; i < axes_.size(); ++i) all_rates[i] = axes_[i].is_rate ? 1 : 0;
  }

  // One round over all directions; false if nothing moved.
  bool Round(double step) {
    bool moved = false;
    for (const std::vector<double>& direction : directions_) {
      for (const double way : {step, -step}) {
        if (!Try(direction, way)) continue;
        moved = true;
        break;
      }
    }
    return moved;
  }

  TimeConstants constants() const { return ConstantsAt(axes_, best_, defaults_); }

 private:
  bool Try(const std::vector<double>& direction, double way) {
    std::vector<double> point = best_;
    for (size_t i = 0; i < point.size(); ++i) point[i] += way * direction[i];
    // What the bounds cut off must not count as a move.
    point = PointOf(axes_, ConstantsAt(axes_, point, defaults_));
    if (point == best_) return false;
    const double cost = Cost(point);
    if (!(cost < best_cost_ * (1 - 1e-9))) return false;
    best_ = std::move(point);
    best_cost_ = cost;
    return true;
  }

  double Cost(const std::vector<double>& point) const {
    return MeanError(tables_, ConstantsAt(axes_, point, defaults_)) + penalty_ * Moved(point);
  }

  // How unlikely the defaults make `point`: all rates share a factor, about which each has its own.
  double Moved(const std::vector<double>& point) const {
    double shared = 0;
    int rates = 0;
    for (size_t i = 0; i < point.size(); ++i) {
      if (!axes_[i].is_rate) continue;
      shared += point[i] - origin_[i];
      ++rates;
    }
    shared /= std::max(1, rates);
    double moved = Held(shared / shared_log_spread_);
    for (size_t i = 0; i < point.size(); ++i) {
      const double own = point[i] - origin_[i] - (axes_[i].is_rate ? shared : 0.0);
      moved += Held(own / own_log_spread_);
    }
    return moved;
  }

  const FamilyRuns& tables_;
  const TimeConstants& defaults_;
  std::vector<ConstantAxis> axes_;
  std::vector<double> origin_;
  double penalty_;
  double shared_log_spread_;
  double own_log_spread_;
  std::vector<std::vector<double>> directions_;
  std::vector<double> best_;
  double best_cost_;
};

FamilyCalibration CalibrateFamily(const FamilyRuns& tables, const TimeConstants& defaults,
                                  const CalibrationOptions& options) {
  FamilyCalibration result;
  for (const std::vector<const MeasuredRun*>& runs : tables) {
    result.run_count += static_cast<int64_t>(runs.size());
  }
  result.table_count = static_cast<int64_t>(tables.size());
  result.default_error = MeanError(tables, defaults);
  FamilySearch search(tables, defaults,
                      kPenalty * options.default_run_count / static_cast<double>(result.run_count),
                      options);
  double step = kFirstStep;
  int rounds = 0;
  while (step >= kLastStep) {
    const bool stopped = options.should_stop && options.should_stop();
    if (stopped || rounds++ >= options.max_round_count) {
      result.complete = false;
      break;
    }
    if (!search.Round(step)) step /= 2;
  }
  result.constants = search.constants();
  result.error = MeanError(tables, result.constants);
  result.constants.fitted = true;
  result.constants.source = absl::StrCat("calibrated from ", result.run_count, " runs of ",
                                         result.table_count, " tables");
  return result;
}

}  // namespace

absl::StatusOr<Calibration> Calibrate(const std::vector<RunGroup>& groups,
                                      const CalibrationOptions& options) {
  std::map<std::string, FamilyRuns> families;
  for (const RunGroup& group : groups) {
    std::map<std::string, std::vector<const MeasuredRun*>> tables;
    for (const MeasuredRun& run : group.runs) {
      if (run.step_seconds.has_value()) tables[run.gpu.family].push_back(&run);
    }
    for (auto& [family, runs] : tables) families[family].push_back(std::move(runs));
  }
  if (families.empty()) {
    return absl::InvalidArgumentError("no run has a measured step; there is nothing to learn from");
  }
  Calibration calibration;
  for (const auto& [family, tables] : families) {
    calibration.families.push_back(CalibrateFamily(tables, options.defaults(family), options));
    calibration.families.back().constants.family = family;
  }
  return calibration;
}

std::vector<std::string> UnseenConstants(const std::vector<RunGroup>& groups,
                                         const TimeConstants& constants) {
  std::vector<std::string> unseen;
  for (const ConstantAxis& axis : AxesOf(constants)) {
    TimeConstants least = constants, most = constants;
    least.*axis.member = axis.least;
    most.*axis.member = axis.most;
    const auto depends = [&](const MeasuredRun& run) {
      return run.gpu.family == constants.family && run.step_seconds.has_value() &&
             PredictRun(run, least).step_seconds != PredictRun(run, most).step_seconds;
    };
    const bool seen = std::any_of(groups.begin(), groups.end(), [&](const RunGroup& group) {
      return std::any_of(group.runs.begin(), group.runs.end(), depends);
    });
    if (!seen) unseen.push_back(axis.name);
  }
  return unseen;
}

const TimeConstants& ConstantsOf(const Calibration& calibration, const CalibrationOptions& options,
                                 absl::string_view family) {
  for (const FamilyCalibration& fitted : calibration.families) {
    if (fitted.constants.family == family) return fitted.constants;
  }
  return options.defaults(family);
}

}  // namespace rhumb
