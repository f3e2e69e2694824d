// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/bootstrap.h"

#include <cmath>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/fit/draws.h"
#include "planner/laws/loss_model.h"
#include "planner/linear_algebra.h"

namespace rhumb {
namespace {

constexpr int kDrawsPerProgress = 50;
// Below this share of the largest eigenvalue a direction of H carries no information.
constexpr double kSingular = 1e-14;

// Rows with the weights of a draw; rows that were not drawn are left out.
Rows DrawRows(const Rows& rows, const std::vector<double>& run_weight) {
  std::vector<int> kept;
  for (int i = 0; i < rows.size(); ++i) {
    if (run_weight[static_cast<size_t>(rows.run[static_cast<size_t>(i)])] > 0) kept.push_back(i);
  }
  Rows drawn = SelectRows(rows, kept);
  for (size_t k = 0; k < kept.size(); ++k) {
    drawn.weight[static_cast<Eigen::Index>(k)] *=
        run_weight[static_cast<size_t>(rows.run[static_cast<size_t>(kept[k])])];
  }
  return drawn;
}

// Half the width, in standard deviations, over which the density of `count` residuals at 0 is best
// counted. Source: Bofinger 1975, doi:10.1111/j.1467-842X.1975.tb01366.x, for the median.
double CountingWidth(double count) {
  constexpr double kDensityAtZero = 0.3989422804014327;  // of the standard normal
  const double share = std::pow(4.5 * std::pow(kDensityAtZero, 4) / count, 0.2);
  return StandardNormalQuantile(0.5 + std::min(share, 0.45));
}

// The expected Hessian over `jacobian` (rows x free parameters), which a sandwich asks for. Of a
// loss narrow beside the residuals the fit's own rests on the few rows within delta, most of them
// there because constants were fitted through them, and may be 0. So rows are counted over a wider
// interval, each as much less. Source: Powell 1991, in Koenker 2005, Quantile Regression, 3.4.2.
Eigen::MatrixXd ExpectedHessian(const FitResult& result, const Rows& rows,
                                const Eigen::MatrixXd& jacobian, const Eigen::ArrayXd& residual) {
  const ResidualPool pool(result, rows);
  const double width = CountingWidth(rows.run_count) * pool.robust_std();
  if (!pool.IsNearlyAbsolute(result.loss) || !(width > result.loss.delta)) {
    const ParameterMatrix& basis = result.space->basis();
    return basis.transpose() * result.expansion.hessian * basis;
  }
  const Eigen::ArrayXd curvature =
      (residual.abs() <= width).select(rows.weight * (result.loss.delta / width), 0.0);
  return jacobian.transpose() * curvature.matrix().asDiagonal() * jacobian;
}

}  // namespace

absl::StatusOr<Bootstrap> RefitDraws(const FitResult& result, const FitOptions& fit,
                                     const BootstrapOptions& options,
                                     const std::function<Rows()>& draw, absl::string_view what) {
  const Refitter refitter(result, fit);
  Bootstrap bootstrap;
  bootstrap.thetas.resize(options.draw_count, result.theta.size());
  int kept = 0;
  for (int k = 0; k < options.draw_count; ++k) {
    if (options.progress && k % kDrawsPerProgress == 0 &&
        !options.progress(k / static_cast<double>(options.draw_count))) {
      return absl::CancelledError("the bootstrap was cancelled");
    }
    ParameterVector theta = result.theta;
    const Termination termination = refitter.Refit(draw(), theta);
    if (termination == Termination::kCancelled) {
      return absl::CancelledError("the bootstrap was cancelled");
    }
    if (IsMinimum(termination)) {
      bootstrap.thetas.row(kept++) = theta.transpose();
    } else {
      ++bootstrap.failed_count;
    }
  }
  bootstrap.thetas.conservativeResize(kept, Eigen::NoChange);
  if (bootstrap.failed_count > options.draw_count / 2) {
    return absl::FailedPreconditionError(
        absl::StrCat(bootstrap.failed_count, " of ", options.draw_count, " ", what,
                     " have no minimum: the data do not identify the law"));
  }
  return bootstrap;
}

std::vector<double> DrawRunWeights(int run_count, Random& random) {
  std::vector<double> weights(static_cast<size_t>(run_count));
  for (int k = 0; k < run_count; ++k) weights[static_cast<size_t>(random.Below(run_count))] += 1;
  return weights;
}

absl::StatusOr<Bootstrap> BootstrapFit(const FitResult& result, const FitOptions& fit,
                                       const Rows& rows, const BootstrapOptions& options) {
  Random random(options.seed);
  return RefitDraws(
      result, fit, options, [&] { return DrawRows(rows, DrawRunWeights(rows.run_count, random)); },
      "resampled data sets");
}

ParameterMatrix CovarianceOf(const Eigen::MatrixXd& thetas) {
  const Eigen::MatrixXd centered = thetas.rowwise() - thetas.colwise().mean();
  return centered.transpose() * centered / static_cast<double>(thetas.rows() - 1);
}

absl::StatusOr<ParameterMatrix> SandwichCovariance(const FitResult& result, const Rows& rows) {
  const ParameterMatrix& basis = result.space->basis();
  Eigen::MatrixXd jacobian = result.form->Jacobian(result.theta, rows) * basis;
  const Eigen::ArrayXd predicted = result.form->PredictLogLoss(result.theta, rows);
  Eigen::ArrayXd residual = predicted - rows.log_loss;
  if (result.residual == ResidualKind::kLoss) {
    jacobian = (predicted.exp().matrix().asDiagonal() * jacobian).eval();
    residual = predicted.exp() - rows.log_loss.exp();
  }
  // Gradient of each run.
  Eigen::MatrixXd scores = Eigen::MatrixXd::Zero(rows.run_count, basis.cols());
  for (int i = 0; i < rows.size(); ++i) {
    scores.row(rows.run[static_cast<size_t>(i)]) +=
        rows.weight[i] * result.loss.Slope(residual[i]) * jacobian.row(i);
  }
  if (basis.cols() == 0) return ParameterMatrix::Zero(basis.rows(), basis.rows());
  const Eigen::MatrixXd hessian = ExpectedHessian(result, rows, jacobian, residual);
  // Scaled so that one size of threshold fits all parameters.
  const Eigen::VectorXd scale = (basis.transpose() * result.expansion.gram * basis)
                                    .diagonal()
                                    .cwiseMax(1e-300)
                                    .cwiseSqrt()
                                    .cwiseInverse();
  std::optional<Eigen::MatrixXd> inverse =
      InvertPositiveDefinite(scale.asDiagonal() * hessian * scale.asDiagonal(), kSingular);
  if (!inverse.has_value()) {
    return absl::FailedPreconditionError(
        "the objective is flat in some direction: the data do not identify every constant");
  }
  *inverse = (scale.asDiagonal() * *inverse * scale.asDiagonal()).eval();
  const double runs = rows.run_count;
  const double spare = std::max(runs - static_cast<double>(basis.cols()), 1.0);
  const Eigen::MatrixXd half = scores * *inverse * basis.transpose();
  return ParameterMatrix(runs / spare * (half.transpose() * half));
}

}  // namespace rhumb
