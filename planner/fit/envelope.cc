// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/envelope.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "Eigen/Core"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// A run as a curve of ln L over ln C.
struct Curve {
  int run = 0;
  double log_params = 0;
  std::vector<std::pair<double, double>> points;  // (ln C, ln L), by rising ln C
};

std::vector<Curve> CurvesOf(const Rows& rows, int min_checkpoints) {
  std::vector<Curve> curves(static_cast<size_t>(rows.run_count));
  for (int i = 0; i < rows.size(); ++i) {
    if (!(rows.weight[i] > 0)) continue;
    Curve& curve = curves[static_cast<size_t>(rows.run[static_cast<size_t>(i)])];
    curve.run = rows.run[static_cast<size_t>(i)];
    curve.log_params = rows.log_params[i];
    curve.points.emplace_back(rows.log_flops[i], rows.log_loss[i]);
  }
  std::erase_if(curves, [min_checkpoints](const Curve& curve) {
    return static_cast<int>(curve.points.size()) < min_checkpoints;
  });
  for (Curve& curve : curves) {
    std::stable_sort(curve.points.begin(), curve.points.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  return curves;
}

std::optional<double> LossAt(const Curve& curve, double log_flops) {
  if (log_flops < curve.points.front().first || log_flops > curve.points.back().first) {
    return std::nullopt;
  }
  const auto above = std::lower_bound(
      curve.points.begin(), curve.points.end(), log_flops,
      [](const std::pair<double, double>& point, double at) { return point.first < at; });
  if (above == curve.points.begin()) return above->second;
  const auto below = above - 1;
  const double fraction = (log_flops - below->first) / (above->first - below->first);
  return below->second + fraction * (above->second - below->second);
}

// First and last ln C at which two curves overlap.
std::optional<std::pair<double, double>> OverlapOf(const std::vector<Curve>& curves) {
  std::vector<std::pair<double, int>> ends;  // +1 opens, -1 closes
  for (const Curve& curve : curves) {
    ends.emplace_back(curve.points.front().first, 1);
    ends.emplace_back(curve.points.back().first, -1);
  }
  std::sort(ends.begin(), ends.end());
  std::optional<double> first;
  double last = 0;
  int open = 0;
  for (const auto& [at, change] : ends) {
    if (open >= 2 && change < 0) last = at;
    open += change;
    if (open >= 2 && !first.has_value()) first = at;
  }
  if (!first.has_value() || !(last > *first)) return std::nullopt;
  return std::make_pair(*first, last);
}

// Losses of every curve at every budget, so that a draw only has to compare; infinite where a curve
// does not reach. (curves x budgets)
Eigen::MatrixXd Tabulate(const std::vector<Curve>& curves, const std::vector<double>& budgets) {
  Eigen::MatrixXd table(static_cast<Eigen::Index>(curves.size()),
                        static_cast<Eigen::Index>(budgets.size()));
  for (size_t c = 0; c < curves.size(); ++c) {
    for (size_t b = 0; b < budgets.size(); ++b) {
      table(static_cast<Eigen::Index>(c), static_cast<Eigen::Index>(b)) =
          LossAt(curves[c], budgets[b]).value_or(std::numeric_limits<double>::infinity());
    }
  }
  return table;
}

struct Envelope {
  std::vector<double> flops, params;
  std::set<int> best_runs;
};
Envelope EnvelopeOf(const std::vector<Curve>& curves, const std::vector<double>& budgets,
                    const Eigen::MatrixXd& table, const std::vector<double>& run_weight) {
  Envelope envelope;
  for (size_t b = 0; b < budgets.size(); ++b) {
    double least = std::numeric_limits<double>::infinity();
    size_t best = 0;
    for (size_t c = 0; c < curves.size(); ++c) {
      const double loss = table(static_cast<Eigen::Index>(c), static_cast<Eigen::Index>(b));
      if (run_weight[static_cast<size_t>(curves[c].run)] > 0 && loss < least) {
        least = loss;
        best = c;
      }
    }
    if (!std::isfinite(least)) continue;
    envelope.flops.push_back(std::exp(budgets[b]));
    envelope.params.push_back(std::exp(curves[best].log_params));
    envelope.best_runs.insert(curves[best].run);
  }
  return envelope;
}

}  // namespace

absl::StatusOr<EnvelopeFit> FitEnvelope(const Rows& rows, const EnvelopeOptions& options) {
  if (options.budget_count < 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("budget_count is ", options.budget_count, "; must be 2 or more"));
  }
  if (options.min_checkpoints < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("min_checkpoints is ", options.min_checkpoints, "; must be 1 or more"));
  }
  const std::vector<Curve> curves = CurvesOf(rows, options.min_checkpoints);
  const std::optional<std::pair<double, double>> overlap = OverlapOf(curves);
  if (!overlap.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no two runs with ", options.min_checkpoints,
                     " checkpoints or more cover the same compute: nothing can be compared"));
  }
  EnvelopeFit fit;
  fit.lowest_flops = options.lowest_flops.value_or(std::exp(overlap->first));
  fit.highest_flops = options.highest_flops.value_or(std::exp(overlap->second));
  if (!(std::isfinite(fit.highest_flops) && fit.lowest_flops > 0 &&
        fit.highest_flops > fit.lowest_flops)) {
    return absl::InvalidArgumentError(absl::StrCat("budgets from ", fit.lowest_flops, " to ",
                                                   fit.highest_flops,
                                                   " FLOPs; must be positive and rising"));
  }
  std::vector<double> budgets;
  const double low = std::log(fit.lowest_flops);
  const double step = (std::log(fit.highest_flops) - low) / (options.budget_count - 1);
  for (int b = 0; b < options.budget_count; ++b) budgets.push_back(low + step * b);
  const Eigen::MatrixXd table = Tabulate(curves, budgets);
  const std::vector<double> once(static_cast<size_t>(rows.run_count), 1.0);
  const Envelope envelope = EnvelopeOf(curves, budgets, table, once);
  fit.budget_count = static_cast<int>(envelope.flops.size());
  fit.run_count = static_cast<int>(curves.size());
  fit.best_run_count = static_cast<int>(envelope.best_runs.size());
  if (std::set<double>(envelope.params.begin(), envelope.params.end()).size() < 2) {
    return absl::FailedPreconditionError(
        "one size is the best at every compute: the envelope says nothing of how it grows");
  }
  RHUMB_ASSIGN_OR_RETURN(fit.trend, FitTrend(envelope.flops, envelope.params));
  // Neighbouring budgets share their best run: the line's own error would be far too small.
  fit.trend.params_exponent_std_error = std::numeric_limits<double>::quiet_NaN();
  RHUMB_RETURN_IF_ERROR(AddTrendInterval(
      rows.run_count, options.trend,
      [&](const std::vector<double>& run_weight) -> std::optional<double> {
        const Envelope drawn = EnvelopeOf(curves, budgets, table, run_weight);
        const absl::StatusOr<OptimumTrend> trend = FitTrend(drawn.flops, drawn.params);
        if (!trend.ok()) return std::nullopt;
        return trend->params_exponent;
      },
      fit.trend));
  return fit;
}

}  // namespace rhumb
