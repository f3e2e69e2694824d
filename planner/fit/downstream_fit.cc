// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/downstream_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/fit/jet_objective.h"
#include "planner/fit/log_linear.h"
#include "planner/fit/minimize.h"
#include "planner/linear_algebra.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// A level this many spans of the metric away from the data was not seen.
constexpr double kFarLevel = 2;
// Standard errors beyond this share of the metric's span, or of the loss's, say nothing.
constexpr double kLooseShare = 1;
constexpr size_t kDescents = 6;

// theta = (L0, ln k, [chance], [ceiling]): levels that are given are left out.
template <bool has_chance, bool has_ceiling>
struct SigmoidResidual {
  static constexpr int kParameterCount = 4 - has_chance - has_ceiling;
  Eigen::ArrayXd loss, metric;
  double chance = 0, ceiling = 0;

  template <typename T>
  T operator()(const std::array<T, kParameterCount>& theta, Eigen::Index row) const {
    using std::exp;
    T low = chance, high = ceiling;
    if constexpr (!has_chance) low = theta[2];
    if constexpr (!has_ceiling) high = theta[kParameterCount - 1];
    const T x = exp(theta[1]) * (loss[row] - theta[0]);
    // The share of ignorance, written for the sign that cannot overflow.
    T share;
    if (ValueOf(x) >= 0) {
      share = 1 / (1 + exp(-x));
    } else {
      share = exp(x) / (1 + exp(x));
    }
    return high + (low - high) * share - metric[row];
  }
};

std::unique_ptr<Objective> MakeObjective(const Eigen::ArrayXd& loss, const Eigen::ArrayXd& metric,
                                         const Eigen::ArrayXd& weight,
                                         const TaskFitOptions& options) {
  const double chance = options.chance.value_or(0), ceiling = options.ceiling.value_or(0);
  const double floor = kRelativeRoundingFloor * weight.sum() *
                       std::max(metric.abs().maxCoeff(), 1e-3) * metric.abs().maxCoeff();
  const auto make = [&](auto residual) -> std::unique_ptr<Objective> {
    return std::make_unique<JetObjective<decltype(residual)>>(residual, weight, floor);
  };
  if (options.chance.has_value() && options.ceiling.has_value()) {
    return make(SigmoidResidual<true, true>{loss, metric, chance, ceiling});
  }
  if (options.chance.has_value()) {
    return make(SigmoidResidual<true, false>{loss, metric, chance, ceiling});
  }
  if (options.ceiling.has_value()) {
    return make(SigmoidResidual<false, true>{loss, metric, chance, ceiling});
  }
  return make(SigmoidResidual<false, false>{loss, metric, chance, ceiling});
}

absl::Status Check(absl::Span<const TaskObservation> observations, const TaskFitOptions& options) {
  for (size_t i = 0; i < observations.size(); ++i) {
    const TaskObservation& row = observations[i];
    const auto bad = [i](const char* field, double value, const char* allowed) {
      return absl::InvalidArgumentError(
          absl::StrCat("observations[", i, "].", field, " is ", value, "; must be ", allowed));
    };
    if (!(std::isfinite(row.loss_nats) && row.loss_nats > 0)) {
      return bad("loss_nats", row.loss_nats, "a positive finite number");
    }
    if (!std::isfinite(row.metric)) return bad("metric", row.metric, "a finite number");
    if (!(std::isfinite(row.weight) && row.weight >= 0)) {
      return bad("weight", row.weight, "a finite number, 0 or more");
    }
  }
  if (options.chance.has_value() && !std::isfinite(*options.chance)) {
    return absl::InvalidArgumentError("chance is not a finite number");
  }
  if (options.ceiling.has_value() && !std::isfinite(*options.ceiling)) {
    return absl::InvalidArgumentError("ceiling is not a finite number");
  }
  if (options.chance.has_value() && options.chance == options.ceiling) {
    return absl::InvalidArgumentError(
        absl::StrCat("chance and ceiling are both ", *options.chance, "; must differ"));
  }
  return absl::OkStatus();
}

// Starts: a grid of (L0, k) over the losses seen; the levels that are free solve a linear problem.
std::vector<ParameterVector> Starts(const Eigen::ArrayXd& loss, const Eigen::ArrayXd& metric,
                                    const Eigen::ArrayXd& weight, const TaskFitOptions& options) {
  const double low = loss.minCoeff(), range = loss.maxCoeff() - low;
  const int free_levels = !options.chance.has_value() + !options.ceiling.has_value();
  std::vector<ParameterVector> starts;
  for (const double position : {-0.25, 0.1, 0.35, 0.65, 0.9, 1.25}) {
    for (const double steepness : {1.0, 4.0, 15.0}) {
      const double midpoint = low + position * range, k = steepness / range;
      const Eigen::ArrayXd share = 1 / (1 + (-k * (loss - midpoint)).exp());
      double chance = options.chance.value_or(0), ceiling = options.ceiling.value_or(0);
      if (free_levels == 2) {
        const absl::StatusOr<LinearFit> levels =
            FitLinear(share.matrix(), metric.matrix(), {.weight = weight.matrix(), .group = {}});
        if (!levels.ok()) continue;
        ceiling = levels->coefficients[0];
        chance = ceiling + levels->coefficients[1];
      } else if (!options.chance.has_value()) {
        chance = (weight * share * (metric - ceiling * (1 - share))).sum() /
                 (weight * share.square()).sum();
      } else if (!options.ceiling.has_value()) {
        ceiling = (weight * (1 - share) * (metric - chance * share)).sum() /
                  (weight * (1 - share).square()).sum();
      }
      ParameterVector theta(2 + free_levels);
      theta[0] = midpoint;
      theta[1] = std::log(k);
      int next = 2;
      if (!options.chance.has_value()) theta[next++] = chance;
      if (!options.ceiling.has_value()) theta[next++] = ceiling;
      if (theta.allFinite()) starts.push_back(theta);
    }
  }
  return starts;
}

// Run of each observation, numbered from 0; the nameless are runs of their own.
std::vector<int> RunsOf(absl::Span<const TaskObservation> observations, int& run_count) {
  std::map<std::string, int> known;
  std::vector<int> runs;
  run_count = 0;
  for (const TaskObservation& row : observations) {
    if (row.run.empty()) {
      runs.push_back(run_count++);
      continue;
    }
    const auto [run, is_new] = known.try_emplace(row.run, run_count);
    if (is_new) ++run_count;
    runs.push_back(run->second);
  }
  return runs;
}

// Gradient of each run, (runs x parameters): sum of w r dm/dtheta over its rows.
Eigen::MatrixXd ScoresOfRuns(const TaskFit& fit, const TaskFitOptions& options,
                             const Eigen::ArrayXd& loss, const Eigen::ArrayXd& metric,
                             const Eigen::ArrayXd& weight, const std::vector<int>& runs) {
  const TaskSigmoid& task = fit.sigmoid;
  Eigen::MatrixXd scores =
      Eigen::MatrixXd::Zero(fit.run_count, static_cast<Eigen::Index>(fit.parameter_names.size()));
  for (Eigen::Index i = 0; i < loss.size(); ++i) {
    const double x = task.steepness * (loss[i] - task.midpoint_loss_nats);
    const double share = 1 / (1 + std::exp(-x));  // of ignorance
    const double bend = task.amplitude * share * (1 - share);
    Eigen::VectorXd slope(scores.cols());
    Eigen::Index next = 0;
    slope[next++] = -task.steepness * bend;
    slope[next++] = bend * x;
    if (!options.chance.has_value()) slope[next++] = share;
    if (!options.ceiling.has_value()) slope[next++] = 1 - share;
    const double residual = task.offset + task.amplitude * share - metric[i];
    scores.row(runs[static_cast<size_t>(i)]) += weight[i] * residual * slope.transpose();
  }
  return scores;
}

}  // namespace

absl::StatusOr<TaskFit> FitTask(absl::Span<const TaskObservation> observations,
                                const TaskFitOptions& options) {
  RHUMB_RETURN_IF_ERROR(Check(observations, options));
  const auto count = static_cast<Eigen::Index>(observations.size());
  Eigen::ArrayXd loss(count), metric(count), weight(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    loss[i] = observations[static_cast<size_t>(i)].loss_nats;
    metric[i] = observations[static_cast<size_t>(i)].metric;
    weight[i] = observations[static_cast<size_t>(i)].weight;
  }
  TaskFit fit;
  fit.parameter_names = {"midpoint_loss_nats", "ln_steepness"};
  if (!options.chance.has_value()) fit.parameter_names.emplace_back("chance");
  if (!options.ceiling.has_value()) fit.parameter_names.emplace_back("ceiling");
  const auto parameters = static_cast<Eigen::Index>(fit.parameter_names.size());
  if (count <= parameters) {
    return absl::FailedPreconditionError(absl::StrCat(count, " observations cannot determine ",
                                                      parameters, " constants of a sigmoid"));
  }
  const double loss_range = loss.maxCoeff() - loss.minCoeff();
  const double metric_range = metric.maxCoeff() - metric.minCoeff();
  if (!(loss_range > 0)) return absl::FailedPreconditionError("the loss does not vary");
  if (!(metric_range > 0)) return absl::FailedPreconditionError("the metric does not vary");

  const std::unique_ptr<Objective> objective = MakeObjective(loss, metric, weight, options);
  std::optional<ParameterVector> best;
  Expansion at_best;
  MinimizeOptions minimize;
  minimize.should_stop = options.should_stop;
  // Descents are long, and the best few starts end where all would.
  std::vector<std::pair<double, ParameterVector>> starts;
  for (ParameterVector& start : Starts(loss, metric, weight, options)) {
    if (options.should_stop && options.should_stop()) break;
    Expansion at_start;
    objective->Expand(start, at_start);
    if (std::isfinite(at_start.value)) starts.emplace_back(at_start.value, std::move(start));
  }
  std::stable_sort(starts.begin(), starts.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (starts.size() > kDescents) starts.resize(kDescents);
  for (auto& [value, theta] : starts) {
    Expansion expansion;
    const MinimizeSummary summary = Minimize(*objective, minimize, theta, expansion);
    if (!IsMinimum(summary.termination)) continue;
    if (best.has_value() && !(expansion.value < at_best.value)) continue;
    best = theta;
    at_best = expansion;
  }
  if (options.should_stop && options.should_stop()) {
    return absl::CancelledError("the fit was cancelled");
  }
  if (!best.has_value()) {
    return absl::FailedPreconditionError(
        "no sigmoid fits: the metric does not bend over the losses seen; give chance and ceiling");
  }
  int next = 2;
  fit.chance = options.chance.has_value() ? *options.chance : (*best)[next++];
  fit.ceiling = options.ceiling.has_value() ? *options.ceiling : (*best)[next++];
  fit.sum_of_squares = at_best.squared_residuals;
  fit.sigmoid.amplitude = fit.chance - fit.ceiling;
  fit.sigmoid.offset = fit.ceiling;
  fit.sigmoid.midpoint_loss_nats = (*best)[0];
  fit.sigmoid.steepness = std::exp((*best)[1]);
  const double variance = at_best.squared_residuals / static_cast<double>(count - parameters);
  fit.sigmoid.residual_std = std::sqrt(variance);

  fit.std_errors.assign(static_cast<size_t>(parameters), std::numeric_limits<double>::infinity());
  const std::vector<int> runs = RunsOf(observations, fit.run_count);
  if (const auto inverse = InvertPositiveDefinite(at_best.gram, 1e-14);
      inverse.has_value() && fit.run_count > parameters) {
    Eigen::MatrixXd covariance = variance * *inverse;
    if (fit.run_count < static_cast<int>(count)) {
      const Eigen::MatrixXd half =
          ScoresOfRuns(fit, options, loss, metric, weight, runs) * *inverse;
      const double g = fit.run_count, n = static_cast<double>(count);
      covariance =
          g / (g - 1) * (n - 1) / (n - static_cast<double>(parameters)) * half.transpose() * half;
    }
    for (Eigen::Index j = 0; j < parameters; ++j) {
      fit.std_errors[static_cast<size_t>(j)] = std::sqrt(covariance(j, j));
    }
  }
  const auto doubt = [&fit](const std::string& why) {
    fit.identifiable = false;
    absl::StrAppend(&fit.remark, fit.remark.empty() ? "" : "; ", why);
  };
  for (size_t j = 0; j < fit.std_errors.size(); ++j) {
    const double span = j == 0 ? loss_range : j == 1 ? 1 : metric_range;
    if (!(fit.std_errors[j] <= kLooseShare * span)) {
      doubt(absl::StrCat(fit.parameter_names[j], " is not determined (standard error ",
                         fit.std_errors[j], ")"));
    }
  }
  for (const auto& [name, level, is_given] :
       {std::make_tuple("chance", fit.chance, options.chance.has_value()),
        std::make_tuple("ceiling", fit.ceiling, options.ceiling.has_value())}) {
    const double out = std::max(level - metric.maxCoeff(), metric.minCoeff() - level);
    if (!is_given && out > kFarLevel * metric_range) {
      doubt(absl::StrCat(name, " ran to ", level, ", far from every metric seen; give it"));
    }
  }
  return fit;
}

}  // namespace rhumb
