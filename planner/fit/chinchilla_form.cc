// SPDX-License-Identifier: Apache-2.0
// E + A N^-alpha + B D^-beta: the objective every fit and bootstrap spends its time in.
#include <cmath>
#include <memory>
#include <vector>

#include "planner/fit/form.h"
#include "planner/fit/variable_projection.h"

namespace rhumb {
namespace {

using Eigen::ArrayXd;

enum : int { kLogA, kLogB, kLogE, kAlpha, kBeta, kCount };

// Shares of the three terms in the loss, and its logarithm.
struct Terms {
  ArrayXd params_share;  // A N^-alpha / L
  ArrayXd tokens_share;  // B D^-beta / L
  ArrayXd log_loss;      // ln L
};

void Evaluate(const ParameterVector& theta, const ArrayXd& log_params, const ArrayXd& log_tokens,
              Terms& terms) {
  terms.params_share = (theta[kLogA] - theta[kAlpha] * log_params).exp();
  terms.tokens_share = (theta[kLogB] - theta[kBeta] * log_tokens).exp();
  terms.log_loss = terms.params_share + terms.tokens_share + std::exp(theta[kLogE]);
  terms.params_share /= terms.log_loss;
  terms.tokens_share /= terms.log_loss;
  terms.log_loss = terms.log_loss.log();
}

class ChinchillaObjective final : public Objective {
 public:
  ChinchillaObjective(const Rows& rows, ResidualKind kind)
      : rows_(rows), on_loss_(kind == ResidualKind::kLoss) {
    if (on_loss_) loss_nats_ = rows.log_loss.exp();
  }

  int ParameterCount() const override { return kCount; }
  void SetLoss(const HuberLoss& loss) override { loss_ = loss; }
  double RoundingFloor() const override {
    const double scale = on_loss_ ? loss_nats_.square().maxCoeff() : 1;
    return kRelativeRoundingFloor * scale * rows_.weight.sum();
  }

  // With p_k the shares of the terms and v_k = d ln(term_k)/d theta, the residual has gradient
  // J = sum p_k v_k and second derivatives sum p_k v_k v_k^T - J J^T. Each entry of the three
  // matrices is then a sum over rows of shares times powers of ln N and ln D. The residual of the
  // loss itself has gradient L J and second derivatives L sum p_k v_k v_k^T.
  void Expand(const ParameterVector& theta, Expansion& out) const override {
    Evaluate(theta, rows_.log_params, rows_.log_tokens, terms_);
    double value = 0, squares = 0;
    double g[5] = {};
    double h[15] = {};
    double m[15] = {};
    const Eigen::Index count = rows_.size();
    for (Eigen::Index i = 0; i < count; ++i) {
      double r = terms_.log_loss[i] - rows_.log_loss[i];
      double scale = 1;
      if (on_loss_) {
        scale = std::exp(terms_.log_loss[i]);
        r = scale - loss_nats_[i];
      }
      const double w = rows_.weight[i];
      const double x = -rows_.log_params[i];
      const double y = -rows_.log_tokens[i];
      const double p = terms_.params_share[i];
      const double q = terms_.tokens_share[i];
      const double s = 1 - p - q;
      value += w * loss_.Value(r);
      squares += w * r * r;
      const double c = w * loss_.Slope(r) * scale;
      const double v = w * scale * scale;
      const double k = v * loss_.Curvature(r) - (on_loss_ ? 0 : c);
      g[0] += c * p;
      g[1] += c * q;
      g[2] += c * s;
      g[3] += c * p * x;
      g[4] += c * q * y;
      const double pp = k * p * p + c * p, qq = k * q * q + c * q, ss = k * s * s + c * s;
      const double pq = k * p * q, ps = k * p * s, qs = k * q * s;
      Accumulate(h, pp, qq, ss, pq, ps, qs, x, y);
      Accumulate(m, v * p * p, v * q * q, v * s * s, v * p * q, v * p * s, v * q * s, x, y);
    }
    out.value = value;
    out.squared_residuals = squares;
    out.gradient = Eigen::Map<const Eigen::Matrix<double, 5, 1>>(g);
    Fill(h, out.hessian);
    Fill(m, out.gram);
  }

 private:
  // Adds sum_kl t_kl v_k v_l^T of one row, in the order Fill reads.
  static void Accumulate(double* t, double pp, double qq, double ss, double pq, double ps,
                         double qs, double x, double y) {
    t[0] += pp;
    t[1] += pq;
    t[2] += ps;
    t[3] += pp * x;
    t[4] += pq * y;
    t[5] += qq;
    t[6] += qs;
    t[7] += pq * x;
    t[8] += qq * y;
    t[9] += ss;
    t[10] += ps * x;
    t[11] += qs * y;
    t[12] += pp * x * x;
    t[13] += pq * x * y;
    t[14] += qq * y * y;
  }
  // Upper triangle, row by row.
  static void Fill(const double* t, ParameterMatrix& matrix) {
    matrix.resize(kCount, kCount);
    for (int i = 0, at = 0; i < kCount; ++i) {
      for (int j = i; j < kCount; ++j, ++at) matrix(i, j) = matrix(j, i) = t[at];
    }
  }

  const Rows rows_;
  const bool on_loss_;
  ArrayXd loss_nats_;  // only where the residuals are of the loss
  HuberLoss loss_;
  mutable Terms terms_;
};

class Chinchilla final : public Form {
 public:
  absl::string_view name() const override { return "chinchilla"; }
  absl::string_view formula() const override { return "L = E + A N^-alpha + B D^-beta"; }
  const std::vector<ParameterInfo>& parameters() const override { return parameters_; }

  std::unique_ptr<Objective> MakeObjective(const Rows& rows, ResidualKind kind) const override {
    return std::make_unique<ChinchillaObjective>(rows, kind);
  }

  std::vector<ParameterVector> Starts(const Rows& rows) const override {
    return ProjectedStarts(rows);
  }

  ArrayXd PredictLogLoss(const ParameterVector& theta, const Rows& rows) const override {
    Terms terms;
    Evaluate(theta, rows.log_params, rows.log_tokens, terms);
    return terms.log_loss;
  }

  Eigen::MatrixXd Jacobian(const ParameterVector& theta, const Rows& rows) const override {
    Terms terms;
    Evaluate(theta, rows.log_params, rows.log_tokens, terms);
    Eigen::MatrixXd jacobian(rows.size(), kCount);
    jacobian.col(kLogA) = terms.params_share;
    jacobian.col(kLogB) = terms.tokens_share;
    jacobian.col(kLogE) = 1 - terms.params_share - terms.tokens_share;
    jacobian.col(kAlpha) = -rows.log_params * terms.params_share;
    jacobian.col(kBeta) = -rows.log_tokens * terms.tokens_share;
    return jacobian;
  }

 private:
  const std::vector<ParameterInfo> parameters_ = {
      {.symbol = "A", .theta_name = "ln_A", .is_log = true, .unit = "nats"},
      {.symbol = "B", .theta_name = "ln_B", .is_log = true, .unit = "nats"},
      {.symbol = "E", .theta_name = "ln_E", .is_log = true, .unit = "nats"},
      {.symbol = "alpha", .theta_name = "alpha"},
      {.symbol = "beta", .theta_name = "beta"}};
};

}  // namespace

const Form& ChinchillaForm() {
  static const Chinchilla form;
  return form;
}

}  // namespace rhumb
