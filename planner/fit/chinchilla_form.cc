// SPDX-License-Identifier: Apache-2.0
// E + A N^-alpha + B D^-beta. Its objective is in chinchilla_objective.h.
#include <cmath>
#include <memory>
#include <vector>

#include "planner/fit/chinchilla_objective.h"
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

class Chinchilla final : public Form {
 public:
  absl::string_view name() const override { return "chinchilla"; }
  absl::string_view formula() const override { return "L = E + A N^-alpha + B D^-beta"; }
  const std::vector<ParameterInfo>& parameters() const override { return parameters_; }

  std::unique_ptr<Objective> MakeObjective(const Rows& rows, ResidualKind kind) const override {
    return MakeChinchillaObjective(rows, kind, BestChinchillaKernel());
  }

  std::vector<ParameterVector> Starts(const Rows& rows,
                                      const std::function<bool()>& should_stop) const override {
    return ProjectedStarts(rows, should_stop);
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
