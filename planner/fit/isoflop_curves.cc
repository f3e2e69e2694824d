// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/isoflop_curves.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "planner/fit/rows.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// As in fit_law.cc.
constexpr double kFinishedSchedule = 0.999;

// Rows that the fit takes: finished, of positive weight, and of no run that is held out.
std::vector<int> FittedRows(const ObservationSet& observations, const Rows& rows,
                            const LawFitOptions& options) {
  const auto takes_part = [&](int i) {
    const Observation& row = observations.observations[static_cast<size_t>(i)];
    const bool finished = row.schedule_fraction.value_or(1) >= kFinishedSchedule;
    return row.weight > 0 && (finished || options.include_mid_schedule);
  };
  std::set<int> held_out;  // runs
  for (int i = 0; i < rows.size(); ++i) {
    const bool beyond = (options.holdout_above_flops.has_value() &&
                         rows.log_flops[i] > std::log(*options.holdout_above_flops)) ||
                        (options.holdout_above_params.has_value() &&
                         rows.log_params[i] > std::log(*options.holdout_above_params));
    if (beyond && takes_part(i)) held_out.insert(rows.run[static_cast<size_t>(i)]);
  }
  std::vector<int> fitted;
  for (int i = 0; i < rows.size(); ++i) {
    if (takes_part(i) && held_out.count(rows.run[static_cast<size_t>(i)]) == 0) fitted.push_back(i);
  }
  return fitted;
}

// Indices into the set, a list a budget, by rising compute; the rule of isoflop.cc.
std::vector<std::vector<int>> GroupByBudget(const Rows& rows, std::vector<int> members,
                                            double tolerance) {
  std::stable_sort(members.begin(), members.end(),
                   [&](int a, int b) { return rows.log_flops[a] < rows.log_flops[b]; });
  std::vector<std::vector<int>> budgets;
  double first = 0;
  for (const int row : members) {
    if (budgets.empty() || rows.log_flops[row] - first > std::log1p(tolerance)) {
      budgets.emplace_back();
      first = rows.log_flops[row];
    }
    budgets.back().push_back(row);
  }
  return budgets;
}

// What is known of a budget without a parabola.
IsoFlopBudget Describe(const Rows& rows, const std::vector<int>& members) {
  IsoFlopBudget budget;
  double log_flops = 0;
  std::set<double> sizes;
  for (const int row : members) {
    log_flops += rows.log_flops[row];
    sizes.insert(rows.log_params[row]);
  }
  budget.training_flops = std::exp(log_flops / static_cast<double>(members.size()));
  budget.observation_count = static_cast<int>(members.size());
  budget.size_count = static_cast<int>(sizes.size());
  return budget;
}

// From where the parabola has risen by the flat region's share of the least loss.
std::optional<double> CurvatureOf(const IsoFlopBudget& budget, double flat_loss_fraction) {
  if (!(budget.flat_high_param_count > budget.best_param_count)) return std::nullopt;
  const double half_width = std::log(budget.flat_high_param_count / budget.best_param_count);
  const double curvature = flat_loss_fraction * budget.best_loss_nats / (half_width * half_width);
  return std::isfinite(curvature) ? std::optional<double>(curvature) : std::nullopt;
}

}  // namespace

absl::StatusOr<std::vector<IsoFlopCurve>> IsoFlopCurves(const ObservationSet& observations,
                                                        const LawFitOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const Rows rows, MakeRows(observations.observations));
  IsoFlopOptions isoflop;
  isoflop.trend.bootstrap_count = 0;
  const std::vector<int> fitted = FittedRows(observations, rows, options);
  const std::vector<std::vector<int>> groups =
      GroupByBudget(rows, fitted, isoflop.budget_tolerance);
  const absl::StatusOr<IsoFlopFit> fit = FitIsoFlop(SelectRows(rows, fitted), isoflop);
  const bool has_parabolas = fit.ok() && fit->budgets.size() == groups.size();
  std::vector<IsoFlopCurve> curves;
  for (size_t b = 0; b < groups.size(); ++b) {
    IsoFlopCurve& curve = curves.emplace_back();
    curve.budget = has_parabolas ? fit->budgets[b] : Describe(rows, groups[b]);
    if (has_parabolas) curve.curvature_nats = CurvatureOf(curve.budget, isoflop.flat_loss_fraction);
    curve.observations = groups[b];
    std::stable_sort(curve.observations.begin(), curve.observations.end(),
                     [&](int x, int y) { return rows.log_params[x] < rows.log_params[y]; });
  }
  return curves;
}

}  // namespace rhumb
