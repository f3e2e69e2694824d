// SPDX-License-Identifier: Apache-2.0
// E + (A N^-alpha + B D^-beta)^gamma, with derivatives by hand: bootstraps run on it.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "planner/fit/form.h"
#include "planner/fit/variable_projection.h"

namespace rhumb {
namespace {

using Eigen::ArrayXd;

enum : int { kLogA, kLogB, kLogE, kAlpha, kBeta, kLogGamma, kCount };

// Beyond these the power cannot be told from a logarithm or an exponential.
constexpr double kLeastGamma = 0.02;
constexpr double kGreatestGamma = 50;

// With s = ln(A N^-alpha + B D^-beta) and t = gamma s, ln L = ln(E + e^t).
struct Terms {
  ArrayXd params_share;     // A N^-alpha / e^s
  ArrayXd log_reducible;    // t
  ArrayXd reducible_share;  // e^t / L
  ArrayXd loss;             // L
};

void Evaluate(const ParameterVector& theta, const ArrayXd& log_params, const ArrayXd& log_tokens,
              Terms& terms) {
  terms.params_share = (theta[kLogA] - theta[kAlpha] * log_params).exp();
  terms.log_reducible = (theta[kLogB] - theta[kBeta] * log_tokens).exp() + terms.params_share;
  terms.params_share /= terms.log_reducible;
  terms.log_reducible = std::exp(theta[kLogGamma]) * terms.log_reducible.log();
  terms.reducible_share = terms.log_reducible.exp();
  terms.loss = terms.reducible_share + std::exp(theta[kLogE]);
  terms.reducible_share /= terms.loss;
}

// d t / d theta at one row; the entry of ln E is zero.
std::array<double, kCount> ReducibleGradient(double gamma, double p, double t, double x, double y) {
  const double q = 1 - p;
  return {gamma * p, gamma * q, 0, gamma * p * x, gamma * q * y, t};
}

class CoupledObjective final : public Objective {
 public:
  CoupledObjective(const Rows& rows, ResidualKind kind)
      : rows_(rows), on_loss_(kind == ResidualKind::kLoss), target_(rows.log_loss) {
    if (on_loss_) target_ = target_.exp();
  }

  int ParameterCount() const override { return kCount; }
  void SetLoss(const HuberLoss& loss) override { loss_ = loss; }
  double RoundingFloor() const override {
    const double scale = on_loss_ ? target_.square().maxCoeff() : 1;
    return kRelativeRoundingFloor * scale * rows_.weight.sum();
  }

  // With T the share of e^t in L, z = dt and e the unit vector of ln E:
  //   d ln L = T z + (1-T) e,  d2 ln L = T d2t + T (1-T) (z-e)(z-e)^T,
  //   d2t = gamma p q (a-b)(a-b)^T + z' g^T + g z'^T + t g g^T,
  // where a, b are the gradients of ln A N^-alpha and ln B D^-beta, z' is z without ln gamma's
  // entry and g the unit vector of ln gamma.
  void Expand(const ParameterVector& theta, Expansion& out) const override {
    Evaluate(theta, rows_.log_params, rows_.log_tokens, terms_);
    const ArrayXd prediction = on_loss_ ? terms_.loss : terms_.loss.log().eval();
    const double gamma = std::exp(theta[kLogGamma]);
    double value = 0, squares = 0;
    std::array<double, kCount> gradient = {};
    std::array<double, 21> hessian = {}, gram = {};
    for (Eigen::Index i = 0; i < rows_.size(); ++i) {
      const double r = prediction[i] - target_[i];
      const double w = rows_.weight[i];
      const double scale = on_loss_ ? terms_.loss[i] : 1;
      value += w * loss_.Value(r);
      squares += w * r * r;
      const double slope = w * loss_.Slope(r) * scale;
      const double square = w * scale * scale;
      const double x = -rows_.log_params[i], y = -rows_.log_tokens[i];
      const double p = terms_.params_share[i], t = terms_.log_reducible[i];
      const double share = terms_.reducible_share[i];
      const std::array<double, kCount> z = ReducibleGradient(gamma, p, t, x, y);
      std::array<double, kCount> d;  // d ln L
      for (size_t j = 0; j < kCount; ++j) d[j] = share * z[j];
      d[kLogE] = 1 - share;
      std::array<double, kCount> apart = z;  // z - e
      apart[kLogE] = -1;
      const std::array<double, kCount> difference = {1, -1, 0, x, -y, 0};  // a - b
      const double mixed = slope * share * gamma * p * (1 - p);
      const double between = slope * share * (1 - share);
      // The residual of L has one term more: d2L = L (d2 ln L + d d^T).
      const double along = square * loss_.Curvature(r) + (on_loss_ ? slope : 0);
      for (size_t j = 0, at = 0; j < kCount; ++j) {
        gradient[j] += slope * d[j];
        for (size_t k = j; k < kCount; ++k, ++at) {
          const double dd = d[j] * d[k];
          hessian[at] +=
              along * dd + mixed * difference[j] * difference[k] + between * apart[j] * apart[k];
          gram[at] += square * dd;
        }
      }
      // The row and column of ln gamma.
      constexpr std::array<size_t, kCount> kGammaColumn = {5, 10, 14, 17, 19, 20};
      for (size_t j = 0; j < kCount; ++j) hessian[kGammaColumn[j]] += slope * share * z[j];
    }
    out.value = value;
    out.squared_residuals = squares;
    out.gradient = Eigen::Map<const Eigen::Matrix<double, kCount, 1>>(gradient.data());
    Fill(hessian, out.hessian);
    Fill(gram, out.gram);
  }

 private:
  static void Fill(const std::array<double, 21>& t, ParameterMatrix& matrix) {
    matrix.resize(kCount, kCount);
    for (int i = 0, at = 0; i < kCount; ++i) {
      for (int j = i; j < kCount; ++j, ++at) {
        matrix(i, j) = matrix(j, i) = t[static_cast<size_t>(at)];
      }
    }
  }

  const Rows rows_;
  const bool on_loss_;
  ArrayXd target_;
  HuberLoss loss_;
  mutable Terms terms_;
};

// For given E and gamma the law is (L - E)^(1/gamma) = A N^-alpha + B D^-beta, which variable
// projection solves; a relative error of that power is gamma (L-E)/L times one of L.
std::vector<ParameterVector> CoupledStarts(const Rows& rows,
                                           const std::function<bool()>& should_stop) {
  constexpr std::array<double, 7> kGammas = {0.15, 0.25, 0.4, 0.65, 1, 1.6, 2.6};
  constexpr std::array<double, 7> kOffsets = {0, 0.25, 0.45, 0.6, 0.75, 0.87, 0.94};
  const ArrayXd loss = rows.log_loss.exp();
  const double least = loss.minCoeff();
  struct Start {
    double squared_residual;
    ParameterVector theta;
  };
  std::vector<Start> starts;
  for (const double gamma : kGammas) {
    Start best{.squared_residual = std::numeric_limits<double>::infinity(), .theta = {}};
    for (const double offset : kOffsets) {
      const ArrayXd reducible = loss - offset * least;
      const std::vector<PowerSumStart> found =
          ProjectPowerSum({.x = rows.log_params,
                           .y = rows.log_tokens,
                           .log_target = reducible.log() / gamma,
                           .weight = rows.weight * (gamma * reducible / loss).square(),
                           .has_offset = false,
                           .grid_size = 14,
                           .should_stop = should_stop});
      if (found.empty() || !(found[0].squared_residual < best.squared_residual)) continue;
      best.squared_residual = found[0].squared_residual;
      best.theta.resize(kCount);
      best.theta << found[0].log_a, found[0].log_b, std::log(std::max(offset, 1e-6) * least),
          found[0].alpha, found[0].beta, std::log(gamma);
    }
    if (best.theta.size() > 0) starts.push_back(best);
  }
  std::stable_sort(starts.begin(), starts.end(), [](const Start& a, const Start& b) {
    return a.squared_residual < b.squared_residual;
  });
  std::vector<ParameterVector> thetas;
  for (const Start& start : starts) thetas.push_back(start.theta);
  for (const ParameterVector& plain : ProjectedStarts(rows, should_stop)) {
    ParameterVector theta(kCount);
    theta << plain, 0;
    thetas.push_back(theta);
  }
  return thetas;
}

class Coupled final : public Form {
 public:
  absl::string_view name() const override { return "coupled"; }
  absl::string_view formula() const override { return "L = E + (A N^-alpha + B D^-beta)^gamma"; }
  const std::vector<ParameterInfo>& parameters() const override { return parameters_; }

  std::unique_ptr<Objective> MakeObjective(const Rows& rows, ResidualKind kind) const override {
    return std::make_unique<CoupledObjective>(rows, kind);
  }

  std::vector<ParameterVector> Starts(const Rows& rows,
                                      const std::function<bool()>& should_stop) const override {
    return CoupledStarts(rows, should_stop);
  }

  ArrayXd PredictLogLoss(const ParameterVector& theta, const Rows& rows) const override {
    Terms terms;
    Evaluate(theta, rows.log_params, rows.log_tokens, terms);
    return terms.loss.log();
  }

  Eigen::MatrixXd Jacobian(const ParameterVector& theta, const Rows& rows) const override {
    Terms terms;
    Evaluate(theta, rows.log_params, rows.log_tokens, terms);
    const double gamma = std::exp(theta[kLogGamma]);
    Eigen::MatrixXd jacobian(rows.size(), kCount);
    for (Eigen::Index i = 0; i < rows.size(); ++i) {
      const std::array<double, kCount> z =
          ReducibleGradient(gamma, terms.params_share[i], terms.log_reducible[i],
                            -rows.log_params[i], -rows.log_tokens[i]);
      for (int j = 0; j < kCount; ++j) {
        jacobian(i, j) = terms.reducible_share[i] * z[static_cast<size_t>(j)];
      }
      jacobian(i, kLogE) = 1 - terms.reducible_share[i];
    }
    return jacobian;
  }

 private:
  const std::vector<ParameterInfo> parameters_ = {
      {.symbol = "A", .theta_name = "ln_A", .is_log = true, .unit = "nats^(1/gamma)"},
      {.symbol = "B", .theta_name = "ln_B", .is_log = true, .unit = "nats^(1/gamma)"},
      {.symbol = "E", .theta_name = "ln_E", .is_log = true, .unit = "nats"},
      {.symbol = "alpha", .theta_name = "alpha"},
      {.symbol = "beta", .theta_name = "beta"},
      {.symbol = "gamma",
       .theta_name = "ln_gamma",
       .is_log = true,
       .lowest_theta = std::log(kLeastGamma),
       .highest_theta = std::log(kGreatestGamma)}};
};

}  // namespace

const Form& CoupledForm() {
  static const Coupled form;
  return form;
}

}  // namespace rhumb
