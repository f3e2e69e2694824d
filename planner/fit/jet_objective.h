// SPDX-License-Identifier: Apache-2.0
// An objective, and a whole form, from one template formula: derivatives come from jet.h.
#ifndef RHUMB_PLANNER_FIT_JET_OBJECTIVE_H_
#define RHUMB_PLANNER_FIT_JET_OBJECTIVE_H_

#include <array>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "Eigen/Core"
#include "planner/fit/form.h"
#include "planner/fit/jet.h"
#include "planner/fit/objective.h"

namespace rhumb {

// `Residual` has `kParameterCount` and
//   template <typename T>
//   T operator()(const std::array<T, kParameterCount>& theta, Eigen::Index row) const
// which computes the residual of a row from doubles or jets.
template <typename Residual>
class JetObjective final : public Objective {
 public:
  static constexpr int kCount = Residual::kParameterCount;

  // `rounding_floor`: see Objective::RoundingFloor.
  JetObjective(Residual residual, Eigen::ArrayXd weight, double rounding_floor)
      : residual_(std::move(residual)),
        weight_(std::move(weight)),
        rounding_floor_(rounding_floor) {}

  int ParameterCount() const override { return kCount; }
  void SetLoss(const HuberLoss& loss) override { loss_ = loss; }
  double RoundingFloor() const override { return rounding_floor_; }

  void Expand(const ParameterVector& theta, Expansion& out) const override {
    std::array<Jet2<kCount>, kCount> variables;
    for (int j = 0; j < kCount; ++j) {
      variables[static_cast<size_t>(j)] = Jet2<kCount>::Variable(theta[j], j);
    }
    out.value = 0;
    out.squared_residuals = 0;
    std::array<double, kCount> gradient = {};
    std::array<double, Jet2<kCount>::kHessianSize> hessian = {}, gram = {};
    for (Eigen::Index row = 0; row < weight_.size(); ++row) {
      const Jet2<kCount> r = residual_(variables, row);
      const double w = weight_[row];
      out.value += w * loss_.Value(r.value);
      out.squared_residuals += w * r.value * r.value;
      const double slope = w * loss_.Slope(r.value);
      const double curvature = w * loss_.Curvature(r.value);
      for (size_t i = 0, at = 0; i < kCount; ++i) {
        gradient[i] += slope * r.gradient[i];
        for (size_t j = i; j < kCount; ++j, ++at) {
          const double square = r.gradient[i] * r.gradient[j];
          hessian[at] += curvature * square + slope * r.hessian[at];
          gram[at] += w * square;
        }
      }
    }
    out.gradient.resize(kCount);
    out.hessian.resize(kCount, kCount);
    out.gram.resize(kCount, kCount);
    for (int i = 0, at = 0; i < kCount; ++i) {
      out.gradient[i] = gradient[static_cast<size_t>(i)];
      for (int j = i; j < kCount; ++j, ++at) {
        out.hessian(i, j) = out.hessian(j, i) = hessian[static_cast<size_t>(at)];
        out.gram(i, j) = out.gram(j, i) = gram[static_cast<size_t>(at)];
      }
    }
  }

 private:
  const Residual residual_;
  const Eigen::ArrayXd weight_;
  const double rounding_floor_;
  HuberLoss loss_;
};

// Residuals of a formula for ln L against rows, on ln L or on L.
template <typename Formula>
struct FormResidual {
  static constexpr int kParameterCount = Formula::kParameterCount;
  Formula formula;
  ResidualKind kind;
  Eigen::ArrayXd target;  // ln L or L

  template <typename T>
  T operator()(const std::array<T, kParameterCount>& theta, Eigen::Index row) const {
    using std::exp;
    const T log_loss = formula(theta, row);
    return (kind == ResidualKind::kLoss ? exp(log_loss) : log_loss) - target[row];
  }
};

// A form from `Formula`, which has `kParameterCount`, a constructor from Rows and a template
// operator()(theta, row) for ln L. What is left to write: name, formula, parameters, Starts.
template <typename Formula>
class JetForm : public Form {
 public:
  static constexpr int kCount = Formula::kParameterCount;

  const std::vector<ParameterInfo>& parameters() const override { return parameters_; }

  std::unique_ptr<Objective> MakeObjective(const Rows& rows, ResidualKind kind) const override {
    const Eigen::ArrayXd target =
        kind == ResidualKind::kLoss ? rows.log_loss.exp().eval() : rows.log_loss;
    const double scale = kind == ResidualKind::kLoss ? target.square().maxCoeff() : 1;
    return std::make_unique<JetObjective<FormResidual<Formula>>>(
        FormResidual<Formula>{Formula(rows), kind, target}, rows.weight,
        kRelativeRoundingFloor * scale * rows.weight.sum());
  }

  Eigen::ArrayXd PredictLogLoss(const ParameterVector& theta, const Rows& rows) const override {
    const Formula formula(rows);
    std::array<double, kCount> at;
    for (int j = 0; j < kCount; ++j) at[static_cast<size_t>(j)] = theta[j];
    Eigen::ArrayXd log_loss(rows.size());
    for (Eigen::Index row = 0; row < log_loss.size(); ++row) log_loss[row] = formula(at, row);
    return log_loss;
  }

  Eigen::MatrixXd Jacobian(const ParameterVector& theta, const Rows& rows) const override {
    const Formula formula(rows);
    std::array<Jet2<kCount>, kCount> at;
    for (int j = 0; j < kCount; ++j) {
      at[static_cast<size_t>(j)] = Jet2<kCount>::Variable(theta[j], j);
    }
    Eigen::MatrixXd jacobian(rows.size(), kCount);
    for (Eigen::Index row = 0; row < jacobian.rows(); ++row) {
      const Jet2<kCount> log_loss = formula(at, row);
      for (int j = 0; j < kCount; ++j) {
        jacobian(row, j) = log_loss.gradient[static_cast<size_t>(j)];
      }
    }
    return jacobian;
  }

 protected:
  explicit JetForm(std::vector<ParameterInfo> parameters) : parameters_(std::move(parameters)) {}

 private:
  const std::vector<ParameterInfo> parameters_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_JET_OBJECTIVE_H_
