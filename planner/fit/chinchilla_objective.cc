// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/chinchilla_objective.h"

#include "Eigen/Core"

namespace rhumb {
namespace {

constexpr int kCount = 5;

class ChinchillaObjective final : public Objective {
 public:
  ChinchillaObjective(const Rows& rows, ResidualKind kind, ChinchillaKernel kernel)
      : kernel_(kernel),
        on_loss_(kind == ResidualKind::kLoss),
        log_params_(rows.log_params),
        log_tokens_(rows.log_tokens),
        target_(rows.log_loss),
        weight_(rows.weight) {
    if (on_loss_) target_ = rows.log_loss.exp();
  }

  int ParameterCount() const override { return kCount; }
  void SetLoss(const HuberLoss& loss) override { loss_ = loss; }
  double RoundingFloor() const override {
    const double scale = on_loss_ ? target_.square().maxCoeff() : 1;
    return kRelativeRoundingFloor * scale * weight_.sum();
  }

  void Expand(const ParameterVector& theta, Expansion& out) const override {
    ChinchillaPoint at;
    for (int j = 0; j < kCount; ++j) at.theta[j] = theta[j];
    at.delta = loss_.delta;
    ChinchillaSums sums;
    kernel_({.log_params = log_params_.data(),
             .log_tokens = log_tokens_.data(),
             .target = target_.data(),
             .weight = weight_.data(),
             .count = static_cast<long>(target_.size()),
             .on_loss = on_loss_},
            at, sums);
    out.value = sums.value;
    out.squared_residuals = sums.squared_residuals;
    out.gradient = Eigen::Map<const Eigen::Matrix<double, kCount, 1>>(sums.gradient);
    Fill(sums.hessian, out.hessian);
    Fill(sums.gram, out.gram);
  }

 private:
  static void Fill(const double* triangle, ParameterMatrix& matrix) {
    matrix.resize(kCount, kCount);
    for (int i = 0, at = 0; i < kCount; ++i) {
      for (int j = i; j < kCount; ++j, ++at) matrix(i, j) = matrix(j, i) = triangle[at];
    }
  }

  const ChinchillaKernel kernel_;
  const bool on_loss_;
  const Eigen::ArrayXd log_params_, log_tokens_;
  Eigen::ArrayXd target_;  // ln L or L
  const Eigen::ArrayXd weight_;
  HuberLoss loss_;
};

}  // namespace

std::unique_ptr<Objective> MakeChinchillaObjective(const Rows& rows, ResidualKind kind,
                                                   ChinchillaKernel kernel) {
  return std::make_unique<ChinchillaObjective>(rows, kind, kernel);
}

}  // namespace rhumb
