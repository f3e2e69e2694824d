// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/fit/descend.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// Of a form with many minima only the most promising starts go down the ladder as well.
constexpr size_t kLadderStarts = 2;
constexpr size_t kStraightStarts = 6;  // where more than two parameters are free
// Minima closer than this are the same one.
constexpr double kSameMinimum = 1e-7;
constexpr int kNamedFailures = 10;

double ReportedObjective(const FitOptions& options, const Form& form, const ParameterVector& theta,
                         const Rows& rows, double value) {
  if (options.loss != LossKind::kAbsolute) return value;
  const Eigen::ArrayXd predicted = form.PredictLogLoss(theta, rows);
  const Eigen::ArrayXd residual = options.residual == ResidualKind::kLoss
                                      ? (predicted.exp() - rows.log_loss.exp()).eval()
                                      : (predicted - rows.log_loss).eval();
  return (residual.abs() * rows.weight).sum();
}

}  // namespace

absl::StatusOr<FitResult> FitForm(const Form& form, const Rows& rows, const FitOptions& options) {
  if (options.loss == LossKind::kHuber &&
      !(std::isfinite(options.huber_delta) && options.huber_delta > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("huber_delta is ", options.huber_delta, "; must be a positive finite number"));
  }
  RHUMB_ASSIGN_OR_RETURN(const ParameterSpace space,
                         ParameterSpace::Create(form, options.fixed, options.bounds, options.tied));
  RHUMB_RETURN_IF_ERROR(form.CheckRows(rows));
  bool is_cancelled = false;
  const auto should_stop = [&] {
    is_cancelled = is_cancelled || (options.minimize.should_stop && options.minimize.should_stop());
    return is_cancelled;
  };
  std::vector<ParameterVector> starts = options.extra_starts;
  if (!options.tied.empty()) {
    // Starts are least squares of the form without its ties: where a wild run bends those, the
    // robust minimum of the form without ties is near that with them.
    FitOptions free = options;
    free.tied.clear();
    const absl::StatusOr<FitResult> untied = FitForm(form, rows, free);
    if (absl::IsCancelled(untied.status())) return untied.status();
    if (untied.ok()) starts.push_back(untied->theta);
  }
  const size_t given_count = starts.size();
  for (ParameterVector& start : form.Starts(rows, should_stop)) starts.push_back(std::move(start));
  if (should_stop()) return absl::CancelledError("the fit was cancelled");
  const std::unique_ptr<Objective> objective = form.MakeObjective(rows, options.residual);

  std::optional<BoundedDescent> best;
  std::vector<std::pair<double, ParameterVector>> minima;
  std::string failures;
  int failed_count = 0;
  Descender descender(*objective, rows, options, space);
  const auto take = [&](BoundedDescent found) {
    const Termination termination = found.descent.summary.termination;
    is_cancelled = is_cancelled || termination == Termination::kCancelled;
    if (!IsMinimum(termination)) {
      ++failed_count;
      // A few say it all.
      if (failed_count <= kNamedFailures) {
        absl::StrAppend(&failures, failures.empty() ? "" : ", ", TerminationName(termination));
      }
      return;
    }
    minima.emplace_back(found.descent.expansion.value, found.theta);
    if (!best.has_value() || found.descent.expansion.value < best->descent.expansion.value) {
      best = std::move(found);
    }
  };
  for (size_t i = 0; i < starts.size() && !is_cancelled; ++i) {
    if (!form.HasManyMinima() && i < given_count) {
      take(descender.FromOneOfMany(starts[i]));
    } else if (!form.HasManyMinima() || i < given_count + kLadderStarts) {
      take(descender.From(starts[i], Approach::kLadder));
    }
    if (!is_cancelled && form.HasManyMinima() && (space.FreeCount() <= 2 || i < kStraightStarts)) {
      take(descender.From(starts[i], Approach::kStraight));
    }
  }
  if (is_cancelled) return absl::CancelledError("the fit was cancelled");
  if (!best.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("no minimum of ", form.name(), " was reached: ", failures));
  }

  FitResult result;
  result.form = &form;
  result.theta = best->theta;
  result.summary = best->descent.summary;
  objective->SetLoss(best->descent.loss);
  objective->Expand(result.theta, result.expansion);
  result.loss = best->descent.loss;
  result.objective = ReportedObjective(options, form, result.theta, rows, result.expansion.value);
  result.start_count = static_cast<int>(starts.size());
  std::stable_sort(minima.begin(), minima.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [value, theta] : minima) {
    if (result.local_minima.empty() || value > result.local_minima.back() * (1 + kSameMinimum)) {
      result.local_minima.push_back(value);
      result.minima.push_back(theta);
      result.descent_counts.push_back(0);
    }
    ++result.descent_counts.back();
  }
  result.failed_descent_count = failed_count;
  result.residual = options.residual;
  result.space = best->space;
  for (int j = 0; j < result.theta.size(); ++j) {
    result.is_free.push_back(best->space.IsFree(j));
    result.at_bound.push_back(space.IsFree(j) && !best->space.IsFree(j));
  }
  result.free_count = best->space.FreeCount();
  return result;
}

Refitter::Refitter(const FitResult& result, const FitOptions& options)
    : form_(result.form),
      loss_(result.loss),
      residual_(options.residual),
      minimize_(options.minimize),
      space_(*result.space) {}

Termination Refitter::Refit(const Rows& rows, ParameterVector& theta, double* objective) const {
  const std::unique_ptr<Objective> whole = form_->MakeObjective(rows, residual_);
  whole->SetLoss(loss_);
  const ReducedObjective reduced(*whole, space_);
  ParameterVector phi = space_.Phi(theta);
  Expansion expansion;
  MinimizeSummary summary;
  if (space_.FreeCount() > 0) {
    summary = Minimize(reduced, minimize_, phi, expansion);
  } else {
    reduced.Expand(phi, expansion);
    summary.termination = Termination::kConverged;
  }
  theta = space_.Theta(phi);
  if (objective != nullptr) *objective = expansion.value;
  return summary.termination;
}

Refitter Refitter::Holding(int parameter, double theta) const {
  Refitter held = *this;
  held.space_ = space_.Holding(parameter, theta);
  return held;
}

}  // namespace rhumb
