// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/descend.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace rhumb {
namespace {

// Absolute deviations are the Huber loss of this fraction of the typical residual: the optimum then
// rests on as many rows as there are parameters, as that of absolute deviations does.
constexpr double kAbsoluteDeltaFraction = 1e-5;
// Each rung of the ladder keeps most rows on the side of the kink they were on.
constexpr double kLadderFactor = 5;
// A straight descent that is not down after these steps is in a flat valley that others will reach.
constexpr int kStraightIterations = 60;
// On the way to the loss asked for a rough minimum will do.
constexpr double kRoughTolerance = 1e-5;
// Two descents are in one minimum of the squares if their objectives agree to this fraction, and
// their residuals differ by less than it in squares. Both are first brought much nearer.
constexpr double kSameSquares = 1e-8;
constexpr double kJunctionTolerance = 1e-11;

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

// One descent of `start`, from `from`, to which it has come already. The summary counts the work of
// all rungs.
Descent Descend(Objective& objective, const Rows& rows, const FitOptions& options,
                const ParameterVector& start, const ParameterVector& from, Approach approach) {
  Descent descent{.phi = from, .expansion = {}, .summary = {}, .loss = {}};
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
  const auto is_cancelled = [&] { return descent.summary.termination == Termination::kCancelled; };
  if (!squares && !is_cancelled() && descent.summary.termination != Termination::kNotFinite) {
    const double typical = TypicalResidual(descent.expansion, rows);
    const HuberLoss final_loss = FinalLoss(options.loss, options.huber_delta, typical);
    for (double delta = typical; delta > kLadderFactor * final_loss.delta; delta /= kLadderFactor) {
      run({delta}, rough);
      if (is_cancelled()) return descent;
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

// True if both lie in one minimum of the squares.
bool IsSameMinimum(const ParameterVector& phi, const Expansion& at, const ParameterVector& other,
                   const Expansion& at_other) {
  if (!(std::abs(at.value - at_other.value) <= kSameSquares * at_other.value)) return false;
  const ParameterVector apart = phi - other;
  return apart.dot(at_other.gram * apart) <= kSameSquares * at_other.squared_residuals;
}

}  // namespace

// Holds what leaves its bounds at the bound, one parameter at a time.
BoundedDescent Descender::WithinBounds(const ParameterVector& start, const ParameterVector& from,
                                       Approach approach) {
  BoundedDescent best{.space = whole_, .theta = start, .descent = {}};
  std::optional<ParameterVector> come = from;
  for (;;) {
    if (best.space.FreeCount() == 0) {
      best.theta = best.space.Theta(ParameterVector(0));
      objective_.SetLoss(FinalLoss(options_.loss, options_.huber_delta, options_.huber_delta));
      objective_.Expand(best.theta, best.descent.expansion);
      best.descent.summary = {.termination = Termination::kConverged,
                              .value = best.descent.expansion.value};
      return best;
    }
    ReducedObjective reduced(objective_, best.space);
    best.descent = Descend(reduced, rows_, options_, best.space.Phi(best.theta),
                           best.space.Phi(come.value_or(best.theta)), approach);
    come.reset();
    best.theta = best.space.Theta(best.descent.phi);
    if (best.descent.summary.termination == Termination::kCancelled) return best;
    const std::optional<int> out = FurthestOut(best.space, best.theta);
    if (!out.has_value()) return best;
    const double bound =
        std::clamp(best.theta[*out], best.space.lowest(*out), best.space.highest(*out));
    best.space = best.space.Holding(*out, bound);
  }
}

// True if the objective falls from some bound that a parameter is held at back inside: with one
// parameter held after the other, an early one may have come free again.
bool Descender::LeavesABound(const BoundedDescent& found) {
  if (found.space.FreeCount() == whole_.FreeCount()) return false;
  if (found.descent.summary.termination == Termination::kCancelled) return false;
  Expansion expansion;
  objective_.SetLoss(found.descent.loss);
  objective_.Expand(found.theta, expansion);
  for (int j = 0; j < found.theta.size(); ++j) {
    if (!whole_.IsFree(j) || found.space.IsFree(j)) continue;
    const double inward = found.theta[j] >= whole_.highest(j) ? -1 : 1;
    // To first order, a thousandth in theta lowers the objective by this share.
    if (-inward * expansion.gradient[j] * 1e-3 > 1e-6 * expansion.value) return true;
  }
  return false;
}

BoundedDescent Descender::From(const ParameterVector& start, Approach approach) {
  return GoOn(start, start, approach);
}

BoundedDescent Descender::GoOn(const ParameterVector& start, const ParameterVector& from,
                               Approach approach) {
  BoundedDescent found = WithinBounds(start, from, approach);
  for (int again = 0; again < 2 && LeavesABound(found); ++again) {
    found = WithinBounds(found.theta, found.theta, Approach::kStraight);
  }
  return found;
}

BoundedDescent Descender::FromOneOfMany(const ParameterVector& start) {
  if (whole_.FreeCount() == 0 || options_.loss == LossKind::kSquares) {
    return From(start, Approach::kLadder);
  }
  ReducedObjective reduced(objective_, whole_);
  reduced.SetLoss({});
  MinimizeOptions near = options_.minimize;
  near.tolerance = kJunctionTolerance;
  Junction here{.phi = whole_.Phi(start), .expansion = {}, .end = {}};
  const MinimizeSummary squares = Minimize(reduced, near, here.phi, here.expansion);
  if (squares.termination == Termination::kCancelled) {
    return {.space = whole_, .theta = start, .descent = {.summary = squares}};
  }
  // A walk that stalled is not worth going on from.
  if (!IsMinimum(squares.termination)) return From(start, Approach::kLadder);
  for (int j = 0; j < here.phi.size(); ++j) {
    if (!IsUnfelt(here.expansion, j)) continue;
    BoundedDescent found = GoOn(start, whole_.Theta(here.phi), Approach::kLadder);
    const Termination end = found.descent.summary.termination;
    if (IsMinimum(end) || end == Termination::kCancelled) return found;
    // What a parameter at its start and the others at a minimum without it lead to may be no place
    // to go on from.
    return From(start, Approach::kLadder);
  }
  for (const Junction& known : junctions_) {
    if (IsSameMinimum(here.phi, here.expansion, known.phi, known.expansion)) return known.end;
  }
  here.end = From(whole_.Theta(here.phi), Approach::kLadder);
  if (here.end.descent.summary.termination == Termination::kCancelled) return here.end;
  junctions_.push_back(std::move(here));
  return junctions_.back().end;
}

}  // namespace rhumb
