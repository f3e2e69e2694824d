// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/isoflop.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "Eigen/Core"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/bootstrap.h"
#include "planner/fit/draws.h"
#include "planner/fit/log_linear.h"
#include "planner/fit/random.h"
#include "planner/laws/chinchilla.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr int kDrawsPerProgress = 50;
// A parabola over sizes further apart than this is bent by the asymmetry of the true curve.
constexpr double kWideSizeRatio = 16;

// Indices of the rows of each budget, by rising compute.
std::vector<std::vector<int>> GroupByBudget(const Rows& rows, double tolerance) {
  std::vector<int> order(static_cast<size_t>(rows.size()));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&rows](int a, int b) { return rows.log_flops[a] < rows.log_flops[b]; });
  std::vector<std::vector<int>> budgets;
  double first = 0;
  for (const int row : order) {
    if (budgets.empty() || rows.log_flops[row] - first > std::log1p(tolerance)) {
      budgets.emplace_back();
      first = rows.log_flops[row];
    }
    budgets.back().push_back(row);
  }
  return budgets;
}

IsoFlopBudget FitBudget(const Rows& rows, const std::vector<int>& members,
                        const std::vector<double>& run_weight, double flat_loss_fraction) {
  IsoFlopBudget budget;
  const auto count = static_cast<Eigen::Index>(members.size());
  Eigen::VectorXd x(count), loss(count), weight(count);
  double log_flops = 0, lowest = 0, highest = 0;
  std::set<double> sizes;
  for (Eigen::Index i = 0; i < count; ++i) {
    const int row = members[static_cast<size_t>(i)];
    x[i] = rows.log_params[row];
    loss[i] = std::exp(rows.log_loss[row]);
    weight[i] =
        rows.weight[row] * run_weight[static_cast<size_t>(rows.run[static_cast<size_t>(row)])];
    log_flops += rows.log_flops[row];
    if (!(weight[i] > 0)) continue;
    ++budget.observation_count;
    lowest = sizes.empty() ? x[i] : std::min(lowest, x[i]);
    highest = sizes.empty() ? x[i] : std::max(highest, x[i]);
    sizes.insert(x[i]);
  }
  budget.training_flops = std::exp(log_flops / static_cast<double>(count));
  budget.size_count = static_cast<int>(sizes.size());
  if (budget.size_count < 3) {
    budget.dropped_because =
        absl::StrCat("a parabola needs three sizes, there are ", budget.size_count);
    return budget;
  }
  const double center = x.mean();
  Eigen::MatrixXd columns(count, 2);
  columns.col(0) = x.array() - center;
  columns.col(1) = columns.col(0).cwiseAbs2();
  const absl::StatusOr<LinearFit> fit = FitLinear(columns, loss, {.weight = weight, .group = {}});
  if (!fit.ok()) {
    budget.dropped_because = std::string(fit.status().message());
    return budget;
  }
  const double slope = fit->coefficients[1], curvature = fit->coefficients[2];
  const double vertex = -slope / (2 * curvature);
  if (!std::isfinite(vertex)) {
    budget.dropped_because = "the loss does not depend on the size";
    return budget;
  }
  if (curvature > 0) budget.curvature_nats = curvature;
  budget.best_param_count = std::exp(center + vertex);
  budget.best_loss_nats = fit->coefficients[0] - slope * slope / (4 * curvature);
  if (!(curvature > 0)) {
    budget.dropped_because = "the losses have no minimum: the parabola opens downward";
    return budget;
  }
  const double half_width = std::sqrt(flat_loss_fraction * budget.best_loss_nats / curvature);
  budget.flat_low_param_count = std::exp(center + vertex - half_width);
  budget.flat_high_param_count = std::exp(center + vertex + half_width);
  if (center + vertex < lowest || center + vertex > highest) {
    budget.dropped_because = absl::StrFormat(
        "the minimum at %.3g parameters lies outside of the sizes run, %.3g to %.3g",
        budget.best_param_count, std::exp(lowest), std::exp(highest));
    return budget;
  }
  budget.used = true;
  return budget;
}

std::vector<IsoFlopBudget> FitBudgets(const Rows& rows, const std::vector<std::vector<int>>& groups,
                                      const std::vector<double>& run_weight, double flat) {
  std::vector<IsoFlopBudget> budgets;
  for (const std::vector<int>& members : groups) {
    budgets.push_back(FitBudget(rows, members, run_weight, flat));
  }
  return budgets;
}

absl::StatusOr<OptimumTrend> TrendOf(const std::vector<IsoFlopBudget>& budgets) {
  std::vector<double> flops, sizes;
  for (const IsoFlopBudget& budget : budgets) {
    if (!budget.used) continue;
    flops.push_back(budget.training_flops);
    sizes.push_back(budget.best_param_count);
  }
  return FitTrend(flops, sizes);
}

void AddWarnings(const Rows& rows, IsoFlopFit& fit) {
  int dropped = 0, wide = 0;
  for (const IsoFlopBudget& budget : fit.budgets) {
    if (!budget.used) {
      ++dropped;
      continue;
    }
    const double span = rows.log_params[budget.rows.back()] - rows.log_params[budget.rows.front()];
    if (span > std::log(kWideSizeRatio)) ++wide;
  }
  if (dropped > 0) {
    fit.warnings.emplace_back("ISOFLOP_BUDGETS_DROPPED",
                              absl::StrCat(dropped, " of ", fit.budgets.size(),
                                           " budgets have no minimum inside their sizes"));
  }
  if (wide > 0) {
    fit.warnings.emplace_back(
        "ISOFLOP_WIDE_SIZES",
        absl::StrCat(wide, " budgets span sizes more than a factor of ", kWideSizeRatio,
                     " apart: a parabola over so wide a range is biased"));
  }
}

}  // namespace

double OptimumTrend::ParamsAt(double training_flops) const {
  return params_coefficient * std::pow(training_flops, params_exponent);
}

absl::StatusOr<OptimumTrend> FitTrend(const std::vector<double>& training_flops,
                                      const std::vector<double>& param_counts) {
  const std::vector<std::vector<double>> predictors = {training_flops};
  RHUMB_ASSIGN_OR_RETURN(const PowerLawFit fit, FitPowerLaw(predictors, param_counts));
  OptimumTrend trend;
  trend.params_exponent = fit.exponents[0];
  trend.params_coefficient = fit.coefficient;
  trend.tokens_exponent = 1 - trend.params_exponent;
  trend.tokens_coefficient = 1 / (kTrainingFlopsPerParamToken * trend.params_coefficient);
  trend.params_exponent_std_error = fit.linear.std_errors[1];
  return trend;
}

absl::Status AddTrendInterval(
    int run_count, const TrendOptions& options,
    const std::function<std::optional<double>(const std::vector<double>&)>& fit_draw,
    OptimumTrend& trend) {
  if (!(options.level > 0 && options.level < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("level is ", options.level, "; must be between 0 and 1"));
  }
  Random random(options.seed);
  std::vector<double> exponents;
  for (int draw = 0; draw < options.bootstrap_count; ++draw) {
    if (options.progress && draw % kDrawsPerProgress == 0 &&
        !options.progress(draw / static_cast<double>(options.bootstrap_count))) {
      return absl::CancelledError("the bootstrap was cancelled");
    }
    const std::optional<double> exponent = fit_draw(DrawRunWeights(run_count, random));
    if (exponent.has_value()) exponents.push_back(*exponent);
  }
  trend.draw_count = options.bootstrap_count;
  trend.failed_draw_count = options.bootstrap_count - static_cast<int>(exponents.size());
  if (exponents.size() < 20 || trend.failed_draw_count > trend.draw_count / 2) {
    return absl::OkStatus();
  }
  const double tail = (1 - options.level) / 2;
  const double low = Quantile(exponents, tail);
  trend.params_exponent_interval = {low, SortedQuantile(exponents, 1 - tail)};
  return absl::OkStatus();
}

absl::StatusOr<std::vector<IsoFlopBudget>> FitIsoFlopBudgets(const Rows& rows,
                                                             const IsoFlopOptions& options) {
  const auto positive = [](const char* name, double value) -> absl::Status {
    if (std::isfinite(value) && value > 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", value, "; must be a positive finite number"));
  };
  RHUMB_RETURN_IF_ERROR(positive("budget_tolerance", options.budget_tolerance));
  RHUMB_RETURN_IF_ERROR(positive("flat_loss_fraction", options.flat_loss_fraction));
  const std::vector<std::vector<int>> groups = GroupByBudget(rows, options.budget_tolerance);
  const std::vector<double> once(static_cast<size_t>(rows.run_count), 1.0);
  std::vector<IsoFlopBudget> budgets = FitBudgets(rows, groups, once, options.flat_loss_fraction);
  for (size_t b = 0; b < groups.size(); ++b) {
    budgets[b].rows = groups[b];
    std::stable_sort(budgets[b].rows.begin(), budgets[b].rows.end(),
                     [&rows](int x, int y) { return rows.log_params[x] < rows.log_params[y]; });
  }
  return budgets;
}

absl::StatusOr<IsoFlopFit> FitIsoFlop(const Rows& rows, const IsoFlopOptions& options) {
  IsoFlopFit fit;
  RHUMB_ASSIGN_OR_RETURN(fit.budgets, FitIsoFlopBudgets(rows, options));
  absl::StatusOr<OptimumTrend> trend = TrendOf(fit.budgets);
  if (!trend.ok()) {
    std::string reasons;
    int listed = 0;
    for (const IsoFlopBudget& budget : fit.budgets) {
      if (budget.used || ++listed > 5) continue;
      absl::StrAppendFormat(&reasons, "%s%.3g FLOPs: %s", reasons.empty() ? "" : "; ",
                            budget.training_flops, budget.dropped_because);
    }
    return absl::FailedPreconditionError(
        absl::StrCat("fewer than two compute budgets have a best size inside the sizes run (",
                     reasons, listed > 5 ? "; ..." : "", ")"));
  }
  fit.trend = *trend;
  AddWarnings(rows, fit);
  std::vector<std::vector<int>> groups;
  for (const IsoFlopBudget& budget : fit.budgets) groups.push_back(budget.rows);
  RHUMB_RETURN_IF_ERROR(AddTrendInterval(
      rows.run_count, options.trend,
      [&](const std::vector<double>& run_weight) -> std::optional<double> {
        const absl::StatusOr<OptimumTrend> drawn =
            TrendOf(FitBudgets(rows, groups, run_weight, options.flat_loss_fraction));
        if (!drawn.ok()) return std::nullopt;
        return drawn->params_exponent;
      },
      fit.trend));
  return fit;
}

}  // namespace rhumb
