// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/minimize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "Eigen/Cholesky"
#include "Eigen/Eigenvalues"

namespace rhumb {
namespace {

// A Newton step that promises less than this fraction is lost in the rounding of a sum.
constexpr double kRoundingDecrease = 1e-9;
// Damped steps that promise less than this fraction leave the rest to Newton's.
constexpr double kDampedDecrease = 1e-9;
constexpr double kGreatestDamping = 1e30;
// A bounded step's length over its radius is right to this, which is rounding; some six shifts get
// there.
constexpr double kShiftTolerance = 1e-14;
constexpr int kMaxShifts = 50;

bool ShouldStop(const MinimizeOptions& options) {
  return options.should_stop && options.should_stop();
}

// The quadratic model in coordinates where the trust region is a ball: step = L^-T u, gram = L L^T.
struct Model {
  Eigen::LLT<ParameterMatrix> metric;
  ParameterVector gradient;  // L^-1 g
  ParameterMatrix hessian;   // L^-1 H L^-T

  explicit Model(const Expansion& at) {
    ParameterMatrix gram = at.gram;
    ParameterVector slope = at.gradient;
    ParameterMatrix curvature = at.hessian;
    // A parameter that no residual feels (ln E once E is nothing) stands still: its curvature is
    // rounding, and one sign of it would call every minimum a saddle.
    for (int j = 0; j < gram.rows(); ++j) {
      if (!IsUnfelt(at, j)) continue;
      for (ParameterMatrix* matrix : {&gram, &curvature}) {
        matrix->row(j).setZero();
        matrix->col(j).setZero();
        (*matrix)(j, j) = 1;
      }
      slope[j] = 0;
    }
    // A direction the data do not see at all would leave the region unbounded there.
    for (int j = 0; j < gram.rows(); ++j) {
      gram(j, j) += 1e-12 * gram(j, j) + std::numeric_limits<double>::min();
    }
    metric.compute(gram);
    double ridge = 1e-10;
    while (metric.info() != Eigen::Success && ridge < 1e10) {
      ParameterMatrix loaded = gram;
      loaded.diagonal() += ridge * gram.diagonal();
      loaded.diagonal().array() += ridge * std::max(gram.diagonal().maxCoeff(), 1e-300) * 1e-8;
      metric.compute(loaded);
      ridge *= 100;
    }
    gradient = metric.matrixL().solve(slope);
    hessian = metric.matrixL().solve(curvature);
    hessian = metric.matrixL().solve(hessian.transpose()).transpose();
    hessian = 0.5 * (hessian + hessian.transpose().eval());
  }

  double Decrease(const ParameterVector& u) const {
    return -gradient.dot(u) - 0.5 * u.dot(hessian * u);
  }
  ParameterVector Step(const ParameterVector& u) const { return metric.matrixU().solve(u); }
};

// The model along the axes of its curvature, where a bounded step of any radius is cheap.
class Spectrum {
 public:
  explicit Spectrum(const Model& model) {
    const Eigen::SelfAdjointEigenSolver<ParameterMatrix> eigen(model.hessian);
    lambda_ = eigen.eigenvalues();
    axes_ = eigen.eigenvectors();
    c_ = axes_.transpose() * model.gradient;
  }

  // argmin of the model over |u| <= radius. Source: More & Sorensen 1983, doi:10.1137/0904038.
  ParameterVector BoundedStep(double radius) const {
    // The shift at which |c / (lambda + shift)| is the radius. No smaller than what any one axis
    // asks for, where the norm is still too large: from there Newton's steps on the inverse of the
    // norm, which is almost a line, do not pass the solution.
    const double scale = std::max({std::abs(lambda_[0]), lambda_.cwiseAbs().maxCoeff(), 1e-300});
    double shift = std::max(0.0, -lambda_[0]) + scale * 1e-12;
    for (int j = 0; j < c_.size(); ++j) {
      shift = std::max(shift, std::abs(c_[j]) / radius - lambda_[j]);
    }
    for (int i = 0; i < kMaxShifts; ++i) {
      double squares = 0, cubes = 0;
      for (int j = 0; j < c_.size(); ++j) {
        const double inverse = 1 / (lambda_[j] + shift);
        const double square = c_[j] * c_[j] * inverse * inverse;
        squares += square;
        cubes += square * inverse;
      }
      const double excess = std::sqrt(squares) / radius - 1;
      if (!(excess > kShiftTolerance)) break;
      const double next = shift + excess * squares / cubes;
      if (!(next > shift)) break;
      shift = next;
    }
    ParameterVector y(c_.size());
    for (int j = 0; j < c_.size(); ++j) y[j] = -c_[j] / (lambda_[j] + shift);
    // The hard case: the gradient has no part along the most negative curvature; go there as well.
    if (lambda_[0] < 0 && y.norm() < 0.99 * radius) {
      const double rest = std::sqrt(std::max(0.0, radius * radius - y.squaredNorm()));
      y[0] += y[0] > 0 || (y[0] == 0 && c_[0] <= 0) ? rest : -rest;
    }
    return axes_ * y;
  }

 private:
  ParameterVector lambda_;  // ascending
  ParameterMatrix axes_;
  ParameterVector c_;  // the gradient along each axis
};

// Lowers the objective by Levenberg-Marquardt steps from `theta`, whose expansion is `at`, until
// they gain less than a rough minimum needs. Columns are scaled by the largest norm they have had,
// so that a parameter without effect cannot run away. False if it was told to stop.
// Source: More 1978, doi:10.1007/BFb0067700; damping by Nielsen 1999, IMM-REP-1999-05.
bool ApproachByDampedSteps(const Objective& objective, const MinimizeOptions& options,
                           bool is_cautious, ParameterVector& theta, Expansion& at,
                           MinimizeSummary& summary) {
  ParameterVector scale = at.gram.diagonal().cwiseMax(std::numeric_limits<double>::min());
  double damping = 1e-3, growth = 2;
  if (is_cautious) {
    // The first step is then no longer than the start is from zero, both in units of the scale.
    const ParameterVector root = scale.cwiseSqrt();
    const double reach = std::max(root.cwiseProduct(theta).norm(), 1e-300);
    damping = std::max(1.0, at.gradient.cwiseQuotient(root).norm() / reach);
  }
  Expansion next;
  for (; summary.iteration_count < options.max_iterations; ++summary.iteration_count) {
    scale = scale.cwiseMax(at.gram.diagonal());
    // In units of the scale, so that parameters of any size are solved for alike.
    const ParameterVector unit = scale.cwiseSqrt().cwiseInverse();
    ParameterMatrix damped = unit.asDiagonal() * at.gram * unit.asDiagonal();
    damped.diagonal().array() += damping;
    const ParameterVector gradient = unit.cwiseProduct(at.gradient);
    const ParameterVector step = damped.ldlt().solve(-gradient);
    const double promised = 0.5 * (damping * step.squaredNorm() - gradient.dot(step));
    if (!(promised > kDampedDecrease * at.value) || damping > kGreatestDamping) return true;
    if (ShouldStop(options)) return false;
    const ParameterVector trial = theta + unit.cwiseProduct(step);
    objective.Expand(trial, next);
    ++summary.evaluation_count;
    const bool is_finite = std::isfinite(next.value) && next.gradient.allFinite();
    const double ratio = is_finite ? (at.value - next.value) / promised : -1;
    if (ratio > 0) {
      theta = trial;
      std::swap(at, next);
      damping *= std::max(1.0 / 3, 1 - std::pow(2 * ratio - 1, 3));
      growth = 2;
    } else {
      damping *= growth;
      growth *= 2;
    }
  }
  return true;
}

MinimizeSummary DescendByNewton(const Objective& objective, const MinimizeOptions& options,
                                ParameterVector& theta, Expansion& expansion) {
  MinimizeSummary summary;
  const auto end = [&](Termination termination) {
    summary.termination = termination;
    summary.value = expansion.value;
    return summary;
  };
  if (ShouldStop(options)) return end(Termination::kCancelled);
  objective.Expand(theta, expansion);
  ++summary.evaluation_count;
  if (!std::isfinite(expansion.value) || !expansion.gradient.allFinite()) {
    return end(Termination::kNotFinite);
  }
  const double floor = objective.RoundingFloor();
  // Beyond the change that removes every residual the model has nothing to say.
  double radius = std::sqrt(expansion.squared_residuals);
  Expansion next;
  for (;; ++summary.iteration_count) {
    if (expansion.value <= floor) return end(Termination::kPerfectFit);
    const Model model(expansion);
    const Eigen::LLT<ParameterMatrix> newton(model.hessian);
    ParameterVector u;
    bool full_step = false;
    if (newton.info() == Eigen::Success) {
      u = -newton.solve(model.gradient);
      full_step = u.allFinite();
      if (full_step) {
        summary.relative_decrease = model.Decrease(u) / expansion.value;
        if (summary.relative_decrease <= options.tolerance) return end(Termination::kConverged);
      }
    }
    std::optional<Spectrum> spectrum;
    if (!full_step) {
      // Absolute deviations may be least all along a line, as a median of two values is: curvature
      // and slope are rounding there, and no step that changes the residuals by as much as they
      // are promises anything.
      spectrum.emplace(model);
      const double whole = std::sqrt(expansion.squared_residuals);
      summary.relative_decrease = model.Decrease(spectrum->BoundedStep(whole)) / expansion.value;
      if (summary.relative_decrease <= options.tolerance) return end(Termination::kConverged);
    }
    if (summary.iteration_count >= options.max_iterations) return end(Termination::kIterationLimit);
    const double smallest = 1e-15 * std::sqrt(expansion.squared_residuals);
    bool moved = false;
    while (!moved) {
      const bool inside = full_step && u.norm() <= radius;
      if (!inside && !spectrum.has_value()) spectrum.emplace(model);
      const ParameterVector step = inside ? u : spectrum->BoundedStep(radius);
      const double promised = model.Decrease(step);
      const ParameterVector trial = theta + model.Step(step);
      if (ShouldStop(options)) return end(Termination::kCancelled);
      objective.Expand(trial, next);
      ++summary.evaluation_count;
      const double gained = expansion.value - next.value;
      const double ratio =
          std::isfinite(next.value) && next.gradient.allFinite() ? gained / promised : -1;
      const double length = step.norm();
      if (ratio < 0.25) {
        radius = 0.25 * std::min(radius, length);
      } else if (ratio > 0.75 && length > 0.8 * radius) {
        radius *= 2.5;
      }
      if (ratio > 1e-4 && gained > 0) {
        theta = trial;
        std::swap(expansion, next);
        moved = true;
      } else if (!(radius > smallest) || promised <= 1e-16 * expansion.value) {
        return end(summary.relative_decrease <= kRoundingDecrease ? Termination::kConverged
                                                                  : Termination::kStalled);
      }
    }
  }
}

}  // namespace

absl::string_view TerminationName(Termination termination) {
  switch (termination) {
    case Termination::kConverged:
      return "converged";
    case Termination::kPerfectFit:
      return "perfect fit";
    case Termination::kStalled:
      return "stalled";
    case Termination::kIterationLimit:
      return "iteration limit";
    case Termination::kNotFinite:
      return "not finite";
    case Termination::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

MinimizeSummary Minimize(const Objective& objective, const MinimizeOptions& options,
                         ParameterVector& theta, Expansion& expansion) {
  if (!options.far_start) return DescendByNewton(objective, options, theta, expansion);
  const ParameterVector start = theta;
  MinimizeSummary best = DescendByNewton(objective, options, theta, expansion);
  const auto cancelled = [&best] {
    best.termination = Termination::kCancelled;
    return best;
  };
  for (const bool is_cautious : {false, true}) {
    if (best.termination == Termination::kCancelled || ShouldStop(options)) return cancelled();
    ParameterVector other = start;
    Expansion at_other;
    MinimizeSummary damped;
    objective.Expand(other, at_other);
    if (!std::isfinite(at_other.value) || !at_other.gradient.allFinite()) continue;
    if (!ApproachByDampedSteps(objective, options, is_cautious, other, at_other, damped)) {
      return cancelled();
    }
    MinimizeSummary summary = DescendByNewton(objective, options, other, at_other);
    summary.iteration_count += damped.iteration_count;
    summary.evaluation_count += damped.evaluation_count + 1;
    if (summary.termination == Termination::kCancelled) return cancelled();
    const bool is_better = IsMinimum(summary.termination) == IsMinimum(best.termination)
                               ? summary.value < best.value
                               : IsMinimum(summary.termination);
    if (!is_better) continue;
    best = summary;
    theta = other;
    expansion = at_other;
  }
  return best;
}

}  // namespace rhumb
