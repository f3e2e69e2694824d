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
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// Absolute deviations are the Huber loss of this fraction of the typical residual: the optimum then
// rests on as many rows as there are parameters, as that of absolute deviations does.
constexpr double kAbsoluteDeltaFraction = 1e-5;
// Each rung of the ladder keeps most rows on the side of the kink they were on.
constexpr double kLadderFactor = 5;
// On the way to the loss asked for a rough minimum will do.
constexpr double kRoughTolerance = 1e-5;
// Minima closer than this are the same one.
constexpr double kSameMinimum = 1e-7;

HuberLoss FinalLoss(LossKind kind, double huber_delta, double typical_residual) {
  switch (kind) {
    case LossKind::kHuber:
      return {huber_delta};
    case LossKind::kAbsolute:
      return {kAbsoluteDeltaFraction * std::max(typical_residual, 1e-12)};
    case LossKind::kSquares:
      break;
  }
  return {};
}

double TypicalResidual(const Expansion& at, const Rows& rows) {
  return std::sqrt(at.squared_residuals / std::max(rows.weight.sum(), 1e-300));
}

// One descent: squares first, then ever narrower Huber losses.
struct Descent {
  ParameterVector phi;
  Expansion expansion;
  MinimizeSummary summary;
  HuberLoss loss;
};
Descent Descend(Objective& objective, const Rows& rows, const FitOptions& options,
                const ParameterVector& start) {
  Descent descent{.phi = start, .expansion = {}, .summary = {}, .loss = {}};
  MinimizeOptions rough = options.minimize;
  rough.tolerance = std::max(kRoughTolerance, options.minimize.tolerance);
  int iterations = 0, evaluations = 0;
  const auto run = [&](const HuberLoss& loss, const MinimizeOptions& minimize) {
    objective.SetLoss(loss);
    descent.loss = loss;
    descent.summary = Minimize(objective, minimize, descent.phi, descent.expansion);
    iterations += descent.summary.iteration_count;
    evaluations += descent.summary.evaluation_count;
  };
  const bool squares = options.loss == LossKind::kSquares;
  run({}, squares ? options.minimize : rough);
  if (!squares && descent.summary.termination != Termination::kNotFinite) {
    const double typical = TypicalResidual(descent.expansion, rows);
    const HuberLoss final_loss = FinalLoss(options.loss, options.huber_delta, typical);
    for (double delta = typical; delta > kLadderFactor * final_loss.delta; delta /= kLadderFactor) {
      run({delta}, rough);
    }
    run(final_loss, options.minimize);
  }
  descent.summary.iteration_count = iterations;
  descent.summary.evaluation_count = evaluations;
  return descent;
}

// A parameter outside of its bounds, the one furthest out first.
std::optional<int> FurthestOut(const ParameterSpace& space, const ParameterVector& theta) {
  std::optional<int> worst;
  double furthest = 0;
  for (int j = 0; j < theta.size(); ++j) {
    if (!space.IsFree(j)) continue;
    const double out = std::max(space.lowest(j) - theta[j], theta[j] - space.highest(j));
    if (out > furthest) {
      furthest = out;
      worst = j;
    }
  }
  return worst;
}

struct BoundedDescent {
  ParameterSpace space;
  ParameterVector theta;
  Descent descent;
};

// Holds what leaves its bounds at the bound, one parameter at a time.
BoundedDescent DescendWithinBounds(Objective& objective, const Rows& rows,
                                   const FitOptions& options, const ParameterSpace& whole,
                                   const ParameterVector& start) {
  BoundedDescent best{.space = whole, .theta = start, .descent = {}};
  for (;;) {
    if (best.space.FreeCount() == 0) {
      best.theta = best.space.Theta(ParameterVector(0));
      objective.SetLoss(FinalLoss(options.loss, options.huber_delta, options.huber_delta));
      objective.Expand(best.theta, best.descent.expansion);
      best.descent.summary = {.termination = Termination::kConverged,
                              .value = best.descent.expansion.value};
      return best;
    }
    ReducedObjective reduced(objective, best.space);
    best.descent = Descend(reduced, rows, options, best.space.Phi(best.theta));
    best.theta = best.space.Theta(best.descent.phi);
    const std::optional<int> out = FurthestOut(best.space, best.theta);
    if (!out.has_value()) return best;
    const double bound = std::clamp(best.theta[*out], best.space.lowest(*out),
                                    best.space.highest(*out));
    best.space = best.space.Holding(*out, bound);
  }
}

double ReportedObjective(LossKind kind, const Form& form, const ParameterVector& theta,
                         const Rows& rows, double value) {
  if (kind != LossKind::kAbsolute) return value;
  return ((form.PredictLogLoss(theta, rows) - rows.log_loss).abs() * rows.weight).sum();
}

}  // namespace

absl::StatusOr<FitResult> FitForm(const Form& form, const Rows& rows, const FitOptions& options) {
  if (options.loss == LossKind::kHuber &&
      !(std::isfinite(options.huber_delta) && options.huber_delta > 0)) {
    return absl::InvalidArgumentError(absl::StrCat("huber_delta is ", options.huber_delta,
                                                   "; must be a positive finite number"));
  }
  RHUMB_ASSIGN_OR_RETURN(
      const ParameterSpace space,
      ParameterSpace::Create(form, options.fixed, options.bounds, options.tied));
  std::vector<ParameterVector> starts = options.extra_starts;
  for (ParameterVector& start : form.Starts(rows)) starts.push_back(std::move(start));
  const std::unique_ptr<Objective> objective = form.MakeObjective(rows);

  std::optional<BoundedDescent> best;
  std::vector<double> minima;
  std::string failures;
  for (const ParameterVector& start : starts) {
    BoundedDescent found = DescendWithinBounds(*objective, rows, options, space, start);
    if (!IsMinimum(found.descent.summary.termination)) {
      absl::StrAppend(&failures, failures.empty() ? "" : ", ",
                      TerminationName(found.descent.summary.termination));
      continue;
    }
    minima.push_back(found.descent.expansion.value);
    if (!best.has_value() || found.descent.expansion.value < best->descent.expansion.value) {
      best = std::move(found);
    }
  }
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
  result.objective = ReportedObjective(options.loss, form, result.theta, rows,
                                       result.expansion.value);
  result.start_count = static_cast<int>(starts.size());
  std::sort(minima.begin(), minima.end());
  for (const double value : minima) {
    if (result.local_minima.empty() ||
        value > result.local_minima.back() * (1 + kSameMinimum)) {
      result.local_minima.push_back(value);
    }
  }
  result.space = best->space;
  for (int j = 0; j < result.theta.size(); ++j) {
    result.is_free.push_back(best->space.IsFree(j));
    result.at_bound.push_back(space.IsFree(j) && !best->space.IsFree(j));
  }
  result.free_count = best->space.FreeCount();
  return result;
}

Refitter::Refitter(const FitResult& result, const FitOptions& options)
    : form_(result.form), loss_(result.loss), minimize_(options.minimize), space_(*result.space) {}

bool Refitter::Refit(const Rows& rows, ParameterVector& theta, double* objective) const {
  const std::unique_ptr<Objective> whole = form_->MakeObjective(rows);
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
  return IsMinimum(summary.termination);
}

Refitter Refitter::Holding(int parameter, double theta) const {
  Refitter held = *this;
  held.space_ = space_.Holding(parameter, theta);
  return held;
}

}  // namespace rhumb
