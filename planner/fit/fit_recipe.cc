// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/fit_recipe.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/downstream_fit.h"
#include "planner/fit/hyperparameter_fit.h"
#include "planner/fit/profile.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr char kNotFitted[] = "not fitted: the data do not identify the constants";

// Every row must have what `get` reads; the method is at fault for rows that lack it, for another
// method needs none.
template <typename Get>
absl::Status Require(absl::Span<const Observation> rows, const char* column, Get get) {
  const auto lacking =
      std::count_if(rows.begin(), rows.end(), [&](const Observation& row) { return !get(row); });
  if (lacking == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("method needs ", column, " in every row; ",
                                                 lacking, " of ", rows.size(), " have none"));
}

// The rows do not tell `symbols`, for a reason that is about the data.
absl::Status Undetermined(const absl::Status& status, const std::vector<std::string>& symbols,
                          LawFit& answer) {
  if (!absl::IsFailedPrecondition(status)) return status;
  answer.identifiability.identifiable = false;
  for (const std::string& symbol : symbols) {
    answer.identifiability.undetermined.emplace_back(symbol, std::string(status.message()));
  }
  answer.termination = kNotFitted;
  return absl::OkStatus();
}

// A constant, its standard error and its interval on the scale it was fitted on.
struct Estimate {
  double value = 0;
  double std_error = 0;
  bool is_log = false;  // both are of its logarithm
};
void AddConstant(const std::string& symbol, const Estimate& estimate, double degrees,
                 LawFit& answer) {
  const auto shown = [&](double x) { return estimate.is_log ? std::exp(x) : x; };
  const double value = shown(estimate.value);
  answer.constants.emplace_back(symbol, value);
  if (!std::isfinite(estimate.std_error) || degrees < 1) return;
  answer.std_errors.emplace_back(symbol,
                                 estimate.is_log ? value * estimate.std_error : estimate.std_error);
  const double reach = estimate.std_error * StudentQuantile(0.5 + 0.5 * answer.level, degrees);
  answer.intervals.emplace_back(
      symbol, Interval{shown(estimate.value - reach), shown(estimate.value + reach)});
}

void AddPowerLaw(const PowerLawFit& law, const std::vector<std::string>& symbols, double degrees,
                 LawFit& answer) {
  for (size_t j = 0; j < symbols.size(); ++j) {
    const auto at = static_cast<Eigen::Index>(j);
    AddConstant(symbols[j],
                {.value = law.linear.coefficients[at],
                 .std_error = law.linear.std_errors[at],
                 .is_log = j == 0},
                degrees, answer);
  }
}

absl::Status FitSweep(absl::Span<const Observation> rows, LawFit& answer) {
  answer.family = "hyperparameters";
  answer.objective_definition = absl::StrFormat(
      "least squares of ln lr and ln B over the runs within %g%% of the least loss "
      "of their N and D; errors by groups of equal N and D",
      100 * HyperparameterOptions{}.near_best_fraction);
  RHUMB_RETURN_IF_ERROR(
      Require(rows, "learning_rate", [](const Observation& r) { return r.learning_rate; }));
  RHUMB_RETURN_IF_ERROR(Require(rows, "global_batch_tokens",
                                [](const Observation& r) { return r.global_batch_tokens; }));
  const std::vector<std::string> rate = {"lr_c", "lr_N", "lr_D"}, batch = {"B_c", "B_D"};
  std::vector<std::string> all = rate;
  all.insert(all.end(), batch.begin(), batch.end());
  absl::StatusOr<HyperparameterFit> fit = FitHyperparameters(rows);
  if (fit.ok() && fit->cell_count <= static_cast<int>(rate.size())) {
    fit = absl::FailedPreconditionError(
        absl::StrCat(fit->cell_count, " different pairs of N and D leave no error to judge ",
                     rate.size(), " constants by; at least ", rate.size() + 1, " are needed"));
  }
  if (!fit.ok()) return Undetermined(fit.status(), all, answer);
  AddPowerLaw(fit->learning_rate, rate, static_cast<double>(fit->cell_count) - 3, answer);
  AddPowerLaw(fit->batch_tokens, batch, static_cast<double>(fit->cell_count) - 2, answer);
  const PowerLawFit& lr = fit->learning_rate;
  answer.formula = absl::StrFormat("lr = %.4g N^%.3f D^%.3f, B = %.4g D^%.3f tokens",
                                   lr.coefficient, lr.exponents[0], lr.exponents[1],
                                   fit->batch_tokens.coefficient, fit->batch_tokens.exponents[0]);
  answer.warnings.emplace_back(
      "BEST_RUNS_ONLY", absl::StrFormat("%d of %d runs are near the best of their N and D, of "
                                        "which there are %d pairs; the others say what is worse",
                                        fit->observation_count, rows.size(), fit->cell_count));
  answer.termination = "converged";
  return absl::OkStatus();
}

absl::Status FitBatches(absl::Span<const Observation> rows, LawFit& answer) {
  answer.family = "critical-batch";
  answer.objective_definition = absl::StrFormat(
      "D = D_min (1 + B/B_crit) by least squares at each loss that is %g%% above the best of a N "
      "and D; then least squares of ln B_crit",
      100 * (CriticalBatchOptions{}.target_factor - 1));
  RHUMB_RETURN_IF_ERROR(Require(rows, "global_batch_tokens",
                                [](const Observation& r) { return r.global_batch_tokens; }));
  const std::vector<std::string> by_loss = {"L_c", "L_p"}, by_tokens = {"D_c", "D_p"};
  absl::StatusOr<CriticalBatchFit> fit = FitCriticalBatch(rows);
  const auto number = [](const absl::StatusOr<CriticalBatchFit>& of) { return of->curves.size(); };
  if (fit.ok() && (!fit->by_loss.has_value() || !fit->by_tokens.has_value())) {
    fit = absl::FailedPreconditionError(absl::StrCat(
        "only ", number(fit), " lines of equal loss have three batches; at least 3 are needed"));
  }
  if (!fit.ok()) return Undetermined(fit.status(), {"L_c", "L_p", "D_c", "D_p"}, answer);
  const double degrees = static_cast<double>(number(fit)) - 2;
  AddPowerLaw(*fit->by_loss, by_loss, degrees, answer);
  AddPowerLaw(*fit->by_tokens, by_tokens, degrees, answer);
  answer.formula = absl::StrFormat("B_crit = %.4g L^%.3f = %.4g D_min^%.3f tokens",
                                   fit->by_loss->coefficient, fit->by_loss->exponents[0],
                                   fit->by_tokens->coefficient, fit->by_tokens->exponents[0]);
  answer.warnings.emplace_back(
      "LINES_OF_EQUAL_LOSS",
      absl::StrFormat("%d lines of equal loss over %d runs; lines of one size share runs, so the "
                      "errors are too small rather than too large",
                      number(fit), rows.size()));
  answer.termination = "converged";
  return absl::OkStatus();
}

absl::Status FitMetric(absl::Span<const Observation> rows, const LawFitOptions& options,
                       LawFit& answer) {
  answer.family = "downstream";
  answer.objective_definition =
      "1/2 sum_i w_i (metric(L_i) - metric_i)^2; errors of rows taken as "
      "independent";
  TaskFitOptions levels;
  for (const auto& [symbol, value] : options.fixed) {
    std::optional<double>* level = symbol == "chance"    ? &levels.chance
                                   : symbol == "ceiling" ? &levels.ceiling
                                                         : nullptr;
    if (level == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("fixed[", symbol,
                                                     "] is no level of a metric; "
                                                     "must be chance or ceiling"));
    }
    *level = value;
  }
  if (levels.chance.has_value() && levels.chance == levels.ceiling) {
    return absl::InvalidArgumentError(
        absl::StrCat("fixed has chance and ceiling of ", *levels.chance, "; they must differ"));
  }
  RHUMB_RETURN_IF_ERROR(
      Require(rows, "task_metric", [](const Observation& r) { return r.task_metric; }));
  std::vector<TaskObservation> tasks;
  for (const Observation& row : rows) {
    tasks.push_back({.loss_nats = row.loss_nats, .metric = *row.task_metric, .weight = row.weight});
  }
  const absl::StatusOr<TaskFit> fit = FitTask(tasks, levels);
  if (!fit.ok()) return Undetermined(fit.status(), {"L_0", "k"}, answer);
  const auto degrees = static_cast<double>(rows.size() - fit->parameter_names.size());
  const std::vector<double>& errors = fit->std_errors;
  AddConstant("L_0", {.value = fit->sigmoid.midpoint_loss_nats, .std_error = errors[0]}, degrees,
              answer);
  AddConstant("k",
              {.value = std::log(fit->sigmoid.steepness), .std_error = errors[1], .is_log = true},
              degrees, answer);
  size_t next = 2;
  for (const auto& [symbol, value, given] :
       {std::make_tuple("chance", fit->chance, levels.chance.has_value()),
        std::make_tuple("ceiling", fit->ceiling, levels.ceiling.has_value())}) {
    if (given) {
      answer.constants.emplace_back(symbol, value);
    } else {
      AddConstant(symbol, {.value = value, .std_error = errors[next++]}, degrees, answer);
    }
  }
  answer.objective = 0.5 * fit->sum_of_squares;
  answer.formula = absl::StrFormat("metric = %.4g + (%.4g - %.4g) / (1 + e^(-%.4g (L - %.4g)))",
                                   fit->ceiling, fit->chance, fit->ceiling, fit->sigmoid.steepness,
                                   fit->sigmoid.midpoint_loss_nats);
  answer.identifiability.identifiable = fit->identifiable;
  if (!fit->identifiable) answer.identifiability.undetermined.emplace_back("k", fit->remark);
  answer.warnings.emplace_back(
      "TASK_SCATTER",
      absl::StrFormat("a row's metric lies %.3g from the curve (standard deviation); rows of one "
                      "run err together, and few single tasks follow a sigmoid at all",
                      fit->sigmoid.residual_std));
  answer.termination = "converged";
  return absl::OkStatus();
}

}  // namespace

absl::Status FitRecipe(absl::Span<const Observation> rows, const LawFitOptions& options,
                       LawFit& answer) {
  switch (options.method) {
    case FitMethod::kHyperparameters:
      return FitSweep(rows, answer);
    case FitMethod::kCriticalBatch:
      return FitBatches(rows, answer);
    case FitMethod::kDownstream:
      return FitMetric(rows, options, answer);
    default:
      return absl::InternalError("the method gives no recipe");
  }
}

}  // namespace rhumb
