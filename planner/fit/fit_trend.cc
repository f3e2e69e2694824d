// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/fit_trend.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/envelope.h"
#include "planner/fit/isoflop.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

void AddTrend(const OptimumTrend& trend, LawFit& answer) {
  answer.params_exponent = trend.params_exponent;
  answer.tokens_exponent = trend.tokens_exponent;
  answer.params_coefficient = trend.params_coefficient;
  answer.formula = "N_opt = G_N C^a, D_opt = G_D C^b";
  answer.constants = {{"a", trend.params_exponent},
                      {"b", trend.tokens_exponent},
                      {"G_N", trend.params_coefficient},
                      {"G_D", trend.tokens_coefficient}};
  answer.std_errors = {{"a", trend.params_exponent_std_error},
                       {"b", trend.params_exponent_std_error}};
  if (trend.params_exponent_interval.has_value()) {
    const auto [low, high] = *trend.params_exponent_interval;
    answer.params_exponent_interval = Interval{low, high};
    answer.tokens_exponent_interval = Interval{1 - high, 1 - low};
    answer.intervals = {{"a", {low, high}}, {"b", {1 - high, 1 - low}}};
  }
  answer.termination = "converged";
}

// What the status of a method without a trend says about the data.
absl::Status Undetermined(const absl::Status& status, LawFit& answer) {
  if (!absl::IsFailedPrecondition(status)) return status;
  answer.identifiability.identifiable = false;
  answer.identifiability.undetermined = {{"a", std::string(status.message())},
                                         {"b", std::string(status.message())}};
  answer.termination = "not fitted: the data do not identify the law";
  return absl::OkStatus();
}

}  // namespace

absl::Status FitTrendLaw(const Rows& rows, const LawFitOptions& options,
                         const std::function<bool(double)>& progress, LawFit& answer) {
  const TrendOptions trend{.bootstrap_count = options.bootstrap_count,
                           .seed = options.seed,
                           .level = options.level,
                           .progress = progress};
  if (options.method == FitMethod::kIsoFlop) {
    answer.family = "isoflop";
    answer.objective_definition =
        "least squares of a parabola of L in ln N at each budget; then of ln N_opt on ln C";
    IsoFlopOptions isoflop;
    isoflop.trend = trend;
    const absl::StatusOr<IsoFlopFit> fit = FitIsoFlop(rows, isoflop);
    if (!fit.ok()) {
      RHUMB_RETURN_IF_ERROR(Undetermined(fit.status(), answer));
      RHUMB_ASSIGN_OR_RETURN(answer.isoflop_budgets, FitIsoFlopBudgets(rows, isoflop));
      for (IsoFlopBudget& budget : answer.isoflop_budgets) {
        budget.used = false;
        budget.dropped_because.clear();
      }
      return absl::OkStatus();
    }
    answer.isoflop_budgets = fit->budgets;
    AddTrend(fit->trend, answer);
    for (const auto& warning : fit->warnings) answer.warnings.push_back(warning);
    for (const IsoFlopBudget& budget : fit->budgets) {
      if (budget.used) continue;
      answer.warnings.emplace_back(
          "BUDGET_DROPPED",
          absl::StrFormat("budget %.3g FLOPs: %s", budget.training_flops, budget.dropped_because));
    }
    return absl::OkStatus();
  }
  answer.family = "envelope";
  answer.objective_definition =
      "size of the run with least loss at each budget; least squares of ln N on ln C";
  EnvelopeOptions envelope;
  envelope.trend = trend;
  const absl::StatusOr<EnvelopeFit> fit = FitEnvelope(rows, envelope);
  if (!fit.ok()) return Undetermined(fit.status(), answer);
  AddTrend(fit->trend, answer);
  return absl::OkStatus();
}

}  // namespace rhumb
