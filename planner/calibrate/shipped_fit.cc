// SPDX-License-Identifier: Apache-2.0
#include "planner/calibrate/shipped_fit.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "Eigen/Core"
#include "absl/status/status.h"
#include "planner/linear_algebra.h"

namespace rhumb {
namespace {

constexpr double kDifference = 1e-4;  // of a logarithm, to either side, for derivatives
constexpr double kLeastStep = 1e-8;   // of all logarithms: the fit has converged
// Steps as small as this one change the cost by less than its rounding.
constexpr double kSmallStep = 1e-5;
constexpr double kFirstDamping = 1e-3;
constexpr double kLeastDamping = 1e-7;
constexpr double kMostDamping = 1e9;

// One measured run, its predictions and the axes that it depends on.
struct FitRun {
  MeasuredRun run;  // its profile is overwritten by the point
  double weight = 0;
  std::vector<size_t> axes;
};

class Problem {
 public:
  Problem(const std::vector<RunGroup>& groups, const ShippedFitOptions& options)
      : axes_(ShippedAxes()), options_(options) {
    for (const RunGroup& group : groups) {
      std::vector<FitRun> timed;
      for (const MeasuredRun& run : group.runs) {
        if (run.step_seconds.has_value()) timed.push_back({.run = run, .weight = 0, .axes = {}});
      }
      if (timed.empty()) continue;
      ++table_count_;
      for (FitRun& run : timed) {
        run.weight = 1.0 / static_cast<double>(timed.size());
        runs_.push_back(std::move(run));
      }
    }
    for (const ShippedAxis& axis : axes_) {
      least_.push_back(std::log(axis.least));
      most_.push_back(std::log(axis.most));
    }
    FindDependence();
  }

  size_t axis_count() const { return axes_.size(); }
  int64_t table_count() const { return table_count_; }
  const std::vector<FitRun>& runs() const { return runs_; }

  // Where nothing is known of any run.
  Eigen::VectorXd Believed() const {
    Eigen::VectorXd point(static_cast<Eigen::Index>(axes_.size()));
    for (size_t i = 0; i < axes_.size(); ++i) {
      const double parent =
          axes_[i].parent < 0 ? 0.0 : point[static_cast<Eigen::Index>(axes_[i].parent)];
      point[static_cast<Eigen::Index>(i)] = parent + std::log(axes_[i].centre);
    }
    return Clamped(point);
  }

  Eigen::VectorXd Clamped(Eigen::VectorXd point) const {
    for (size_t i = 0; i < axes_.size(); ++i) {
      double& coordinate = point[static_cast<Eigen::Index>(i)];
      coordinate = std::clamp(coordinate, least_[i], most_[i]);
    }
    return point;
  }

  // ln(predicted / measured) of every run; keeps what was filled in for the derivatives.
  Eigen::VectorXd Errors(const Eigen::VectorXd& point) {
    const std::vector<double> values = Values(point);
    Eigen::VectorXd errors(static_cast<Eigen::Index>(runs_.size()));
    std::map<std::string, TimeConstants> families;
    for (size_t i = 0; i < runs_.size(); ++i) {
      MeasuredRun& run = runs_[i].run;
      const auto [family, is_new] = families.try_emplace(run.gpu.family);
      if (is_new) family->second = FamilyAt(values, run.gpu.family);
      run.profile = ProfileAt(values, std::move(run.profile));
      const RunPrediction prediction = PredictRun(run, family->second);
      errors[static_cast<Eigen::Index>(i)] = std::log(prediction.step_seconds / *run.step_seconds);
    }
    return errors;
  }

  double Cost(const Eigen::VectorXd& point, const Eigen::VectorXd& errors) const {
    const double s = options_.error_scale;
    double cost = 0;
    for (size_t i = 0; i < runs_.size(); ++i) {
      const double e = errors[static_cast<Eigen::Index>(i)];
      cost += runs_[i].weight * (std::sqrt(e * e + s * s) - s);
    }
    for (size_t i = 0; i < axes_.size(); ++i) {
      const double moved = Moved(point, i);
      cost += options_.pull / 2 * moved * moved;
    }
    return cost;
  }

  // Gradient of Cost() and the positive definite matrix of its reweighted squares; the part of
  // the runs on the diagonal beside it.
  struct Model {
    Eigen::VectorXd gradient;
    Eigen::MatrixXd curvature;
    Eigen::VectorXd data_diagonal;
  };
  Model ModelAt(const Eigen::VectorXd& point, const Eigen::VectorXd& errors) {
    const auto n = static_cast<Eigen::Index>(axes_.size());
    Model model = {Eigen::VectorXd::Zero(n), Eigen::MatrixXd::Zero(n, n), Eigen::VectorXd::Zero(n)};
    const std::vector<double> values = Values(point);
    const double s = options_.error_scale;
    for (size_t i = 0; i < runs_.size(); ++i) {
      const double e = errors[static_cast<Eigen::Index>(i)];
      const double weight = runs_[i].weight / std::sqrt(e * e + s * s);
      const std::vector<double> slopes = Slopes(runs_[i], values);
      const std::vector<size_t>& axes = runs_[i].axes;
      for (size_t a = 0; a < axes.size(); ++a) {
        const auto row = static_cast<Eigen::Index>(axes[a]);
        model.gradient[row] += weight * e * slopes[a];
        for (size_t b = 0; b <= a; ++b) {
          model.curvature(row, static_cast<Eigen::Index>(axes[b])) +=
              weight * slopes[a] * slopes[b];
        }
      }
    }
    model.data_diagonal = model.curvature.diagonal();
    for (size_t i = 0; i < axes_.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      const double stiffness = options_.pull / (axes_[i].spread * axes_[i].spread);
      const double force = stiffness * axes_[i].spread * Moved(point, i);
      model.gradient[row] += force;
      model.curvature(row, row) += stiffness;
      if (axes_[i].parent < 0) continue;
      const auto parent = static_cast<Eigen::Index>(axes_[i].parent);
      model.gradient[parent] -= force;
      model.curvature(parent, parent) += stiffness;
      model.curvature(row, parent) -= stiffness;
    }
    model.curvature.triangularView<Eigen::StrictlyUpper>() = model.curvature.transpose();
    return model;
  }

  // Axes that the gradient pushes out of the bounds stand still.
  bool IsHeld(const Eigen::VectorXd& point, const Eigen::VectorXd& gradient, size_t i) const {
    const auto row = static_cast<Eigen::Index>(i);
    return (point[row] <= least_[i] && gradient[row] > 0) ||
           (point[row] >= most_[i] && gradient[row] < 0);
  }

  std::vector<double> Values(const Eigen::VectorXd& point) const {
    std::vector<double> values(axes_.size());
    for (size_t i = 0; i < axes_.size(); ++i) {
      values[i] = std::exp(point[static_cast<Eigen::Index>(i)]);
    }
    return values;
  }

 private:
  // How far axis i is from where it is believed to be, in spreads.
  double Moved(const Eigen::VectorXd& point, size_t i) const {
    const ShippedAxis& axis = axes_[i];
    const double parent = axis.parent < 0 ? 0.0 : point[static_cast<Eigen::Index>(axis.parent)];
    return (point[static_cast<Eigen::Index>(i)] - parent - std::log(axis.centre)) / axis.spread;
  }

  bool MayDepend(const FitRun& run, const ShippedAxis& axis) const {
    if (axis.of_family != nullptr) return axis.owner == run.run.gpu.family;
    if (axis.of_profile == nullptr) return true;
    return std::find(axis.profiles.begin(), axis.profiles.end(), run.run.profile.name) !=
           axis.profiles.end();
  }

  static double LogSeconds(const MeasuredRun& run, const TimeConstants& constants) {
    return std::log(PredictRun(run, constants).step_seconds);
  }

  // The run with what was not printed filled in as at the point.
  static MeasuredRun Decided(const MeasuredRun& run, const TimeConstants& constants) {
    MeasuredRun decided = run;
    if (!run.micro_batch_unknown && !run.virtual_stages_unknown) return decided;
    decided.layout = PredictRun(run, constants).layout;
    decided.layout.recompute = run.layout.recompute;
    decided.micro_batch_unknown = false;
    decided.virtual_stages_unknown = false;
    return decided;
  }

  // `run` or `constants` with the axis at `value`.
  static void Set(const ShippedAxis& axis, double value, MeasuredRun& run,
                  TimeConstants& constants) {
    if (axis.of_family != nullptr) constants.*axis.of_family = value;
    if (axis.of_profile != nullptr) run.profile.*axis.of_profile = value;
    if (axis.of_work != nullptr) run.profile.work.*axis.of_work = value;
  }

  std::vector<double> Slopes(const FitRun& fit_run, const std::vector<double>& values) const {
    TimeConstants constants = FamilyAt(values, fit_run.run.gpu.family);
    MeasuredRun run = Decided(fit_run.run, constants);
    std::vector<double> slopes;
    slopes.reserve(fit_run.axes.size());
    for (const size_t i : fit_run.axes) {
      Set(axes_[i], values[i] * std::exp(kDifference), run, constants);
      const double above = LogSeconds(run, constants);
      Set(axes_[i], values[i] * std::exp(-kDifference), run, constants);
      slopes.push_back((above - LogSeconds(run, constants)) / (2 * kDifference));
      Set(axes_[i], values[i], run, constants);
    }
    return slopes;
  }

  // A run depends on an axis if either bound changes its prediction.
  void FindDependence() {
    const std::vector<double> values = Values(Believed());
    for (FitRun& fit_run : runs_) {
      TimeConstants constants = FamilyAt(values, fit_run.run.gpu.family);
      fit_run.run.profile = ProfileAt(values, std::move(fit_run.run.profile));
      MeasuredRun run = Decided(fit_run.run, constants);
      const double base = LogSeconds(run, constants);
      for (size_t i = 0; i < axes_.size(); ++i) {
        if (!MayDepend(fit_run, axes_[i])) continue;
        for (const double bound : {axes_[i].least, axes_[i].most}) {
          Set(axes_[i], bound, run, constants);
          if (LogSeconds(run, constants) == base) continue;
          fit_run.axes.push_back(i);
          break;
        }
        Set(axes_[i], values[i], run, constants);
      }
    }
  }

  const std::vector<ShippedAxis>& axes_;
  const ShippedFitOptions& options_;
  std::vector<FitRun> runs_;
  int64_t table_count_ = 0;
  std::vector<double> least_, most_;
};

// -(curvature + damping x its diagonal)^-1 gradient on the axes that may move.
Eigen::VectorXd StepOf(const Problem& problem, const Problem::Model& model,
                       const Eigen::VectorXd& point, double damping) {
  std::vector<Eigen::Index> free;
  for (size_t i = 0; i < problem.axis_count(); ++i) {
    if (!problem.IsHeld(point, model.gradient, i)) free.push_back(static_cast<Eigen::Index>(i));
  }
  const auto n = static_cast<Eigen::Index>(free.size());
  Eigen::VectorXd scale(n), gradient(n);
  Eigen::MatrixXd matrix(n, n);
  for (Eigen::Index i = 0; i < n; ++i) {
    const Eigen::Index row = free[static_cast<size_t>(i)];
    scale[i] = 1 / std::sqrt(model.curvature(row, row));
    gradient[i] = model.gradient[row] * scale[i];
  }
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < n; ++j) {
      matrix(i, j) = scale[i] * scale[j] *
                     model.curvature(free[static_cast<size_t>(i)], free[static_cast<size_t>(j)]);
    }
    matrix(i, i) += damping;
  }
  Eigen::VectorXd step = Eigen::VectorXd::Zero(point.size());
  const std::optional<Eigen::MatrixXd> inverse = InvertPositiveDefinite(matrix, 1e-15);
  if (!inverse.has_value()) return step;
  const Eigen::VectorXd scaled = *inverse * gradient;
  for (Eigen::Index i = 0; i < n; ++i) {
    step[free[static_cast<size_t>(i)]] = -scale[i] * scaled[i];
  }
  return step;
}

}  // namespace

absl::StatusOr<ShippedFit> FitShippedConstants(const std::vector<RunGroup>& groups,
                                               const ShippedFitOptions& options) {
  Problem problem(groups, options);
  if (problem.runs().empty()) {
    return absl::InvalidArgumentError("no run has a measured step; there is nothing to learn from");
  }
  Eigen::VectorXd point = problem.Believed();
  Eigen::VectorXd errors = problem.Errors(point);
  double cost = problem.Cost(point, errors);
  double damping = kFirstDamping;
  ShippedFit fit;
  Problem::Model model = problem.ModelAt(point, errors);
  while (!fit.complete && fit.iteration_count < options.max_iteration_count) {
    ++fit.iteration_count;
    const Eigen::VectorXd next = problem.Clamped(point + StepOf(problem, model, point, damping));
    const double moved = (next - point).cwiseAbs().maxCoeff();
    const Eigen::VectorXd next_errors = problem.Errors(next);
    const double next_cost = problem.Cost(next, next_errors);
    if (next_cost < cost || (moved < kSmallStep && next_cost < cost * (1 + 1e-12))) {
      point = next;
      errors = next_errors;
      cost = next_cost;
      damping = std::max(damping / 4, kLeastDamping);
      fit.complete = moved < kLeastStep;
      model = problem.ModelAt(point, errors);
    } else {
      damping *= 8;
      fit.complete = moved < kLeastStep || damping > kMostDamping;
    }
  }
  fit.values = problem.Values(point);
  fit.run_counts.assign(problem.axis_count(), 0);
  for (size_t i = 0; i < problem.runs().size(); ++i) {
    const FitRun& run = problem.runs()[i];
    for (const size_t axis : run.axes) ++fit.run_counts[axis];
    fit.error += run.weight * std::abs(errors[static_cast<Eigen::Index>(i)]) /
                 static_cast<double>(problem.table_count());
  }
  for (size_t i = 0; i < problem.axis_count(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    fit.data_shares.push_back(model.data_diagonal[row] / model.curvature(row, row));
  }
  fit.run_count = static_cast<int64_t>(problem.runs().size());
  fit.table_count = problem.table_count();
  return fit;
}

RunPrediction PredictRunAt(const std::vector<double>& values, const MeasuredRun& run) {
  MeasuredRun moved = run;
  moved.profile = ProfileAt(values, std::move(moved.profile));
  return PredictRun(moved, FamilyAt(values, run.gpu.family));
}

}  // namespace rhumb
