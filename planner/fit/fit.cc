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
// Of a form with many minima only the most promising starts go down the ladder as well, and a
// straight descent that is not down after these steps is in a flat valley that others will reach.
constexpr size_t kLadderStarts = 2;
constexpr int kStraightIterations = 60;
constexpr size_t kStraightStarts = 6;  // where more than two parameters are free
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

// How the loss asked for is approached. The ladder (squares first, then ever narrower Huber losses)
// leads to the best minimum as a rule; the straight way ends in the nearest.
enum class Approach { kLadder, kStraight };

// One descent.
struct Descent {
  ParameterVector phi;
  Expansion expansion;
  MinimizeSummary summary;
  HuberLoss loss;
};
Descent Descend(Objective& objective, const Rows& rows, const FitOptions& options,
                const ParameterVector& start, Approach approach) {
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
  if (approach == Approach::kStraight && options.loss == LossKind::kHuber) {
    MinimizeOptions brief = options.minimize;
    brief.max_iterations = std::min(brief.max_iterations, kStraightIterations);
    run({options.huber_delta}, brief);
    return descent;
  }
  const bool squares = options.loss == LossKind::kSquares;
  run({}, squares ? options.minimize : rough);
  if (!squares && descent.summary.termination != Termination::kNotFinite) {
    const double typical = TypicalResidual(descent.expansion, rows);
    const HuberLoss final_loss = FinalLoss(options.loss, options.huber_delta, typical);
    for (double delta = typical; delta > kLadderFactor * final_loss.delta; delta /= kLadderFactor) {
      run({delta}, rough);
    }
    // What a wider loss drove out of the law may belong to it under this one.
    for (int j = 0; j < descent.phi.size(); ++j) {
      if (IsUnfelt(descent.expansion, j)) descent.phi[j] = start[j];
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
                                   const ParameterVector& start, Approach approach) {
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
    best.descent = Descend(reduced, rows, options, best.space.Phi(best.theta), approach);
    best.theta = best.space.Theta(best.descent.phi);
    const std::optional<int> out = FurthestOut(best.space, best.theta);
    if (!out.has_value()) return best;
    const double bound =
        std::clamp(best.theta[*out], best.space.lowest(*out), best.space.highest(*out));
    best.space = best.space.Holding(*out, bound);
  }
}

// True if the objective falls from some bound that a parameter is held at back inside: with one
// parameter held after the other, an early one may have come free again.
bool LeavesABound(Objective& objective, const ParameterSpace& whole, const BoundedDescent& found) {
  if (found.space.FreeCount() == whole.FreeCount()) return false;
  Expansion expansion;
  objective.SetLoss(found.descent.loss);
  objective.Expand(found.theta, expansion);
  for (int j = 0; j < found.theta.size(); ++j) {
    if (!whole.IsFree(j) || found.space.IsFree(j)) continue;
    const double inward = found.theta[j] >= whole.highest(j) ? -1 : 1;
    // To first order, a thousandth in theta lowers the objective by this share.
    if (-inward * expansion.gradient[j] * 1e-3 > 1e-6 * expansion.value) return true;
  }
  return false;
}

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
  std::vector<ParameterVector> starts = options.extra_starts;
  for (ParameterVector& start : form.Starts(rows)) starts.push_back(std::move(start));
  const std::unique_ptr<Objective> objective = form.MakeObjective(rows, options.residual);

  std::optional<BoundedDescent> best;
  std::vector<std::pair<double, ParameterVector>> minima;
  std::string failures;
  const auto descend = [&](const ParameterVector& start, Approach approach) {
    BoundedDescent found = DescendWithinBounds(*objective, rows, options, space, start, approach);
    for (int again = 0; again < 2 && LeavesABound(*objective, space, found); ++again) {
      found =
          DescendWithinBounds(*objective, rows, options, space, found.theta, Approach::kStraight);
    }
    if (!IsMinimum(found.descent.summary.termination)) {
      absl::StrAppend(&failures, failures.empty() ? "" : ", ",
                      TerminationName(found.descent.summary.termination));
      return;
    }
    minima.emplace_back(found.descent.expansion.value, found.theta);
    if (!best.has_value() || found.descent.expansion.value < best->descent.expansion.value) {
      best = std::move(found);
    }
  };
  for (size_t i = 0; i < starts.size(); ++i) {
    if (!form.HasManyMinima() || i < options.extra_starts.size() + kLadderStarts) {
      descend(starts[i], Approach::kLadder);
    }
    if (form.HasManyMinima() && (space.FreeCount() <= 2 || i < kStraightStarts)) {
      descend(starts[i], Approach::kStraight);
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
  result.objective = ReportedObjective(options, form, result.theta, rows, result.expansion.value);
  result.start_count = static_cast<int>(starts.size());
  std::stable_sort(minima.begin(), minima.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [value, theta] : minima) {
    if (result.local_minima.empty() || value > result.local_minima.back() * (1 + kSameMinimum)) {
      result.local_minima.push_back(value);
      result.minima.push_back(theta);
    }
  }
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

bool Refitter::Refit(const Rows& rows, ParameterVector& theta, double* objective) const {
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
  return IsMinimum(summary.termination);
}

Refitter Refitter::Holding(int parameter, double theta) const {
  Refitter held = *this;
  held.space_ = space_.Holding(parameter, theta);
  return held;
}

}  // namespace rhumb
