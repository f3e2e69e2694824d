// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/predictive_covariance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "Eigen/SVD"
#include "planner/fit/decisions.h"
#include "planner/laws/chinchilla.h"

namespace rhumb {
namespace {

constexpr double kReach = 100;      // times the largest compute of the rows
constexpr int kFrontierPoints = 9;  // from the largest compute to the end of the reach
// Of unit columns; a direction below it moves nothing that is read.
constexpr double kLeastSingularValue = 1e-9;
// As RobustCovariance.
constexpr double kRunaway = 4;
constexpr double kStep = 1e-5;  // on theta, of the central difference of ln N_opt

// Where the law will be asked: on its frontier, or for forms without one the row of the largest
// compute scaled up at constant D/N.
Rows AskedRows(const FitResult& fit, const Rows& rows, const Eigen::ArrayXd& log_flops) {
  Eigen::Index largest = 0;
  const double max_log_flops = rows.log_flops.maxCoeff(&largest);
  Rows at = SelectRows(
      rows, std::vector<int>(static_cast<size_t>(log_flops.size()), static_cast<int>(largest)));
  const auto law = ToChinchillaLaw(*fit.form, fit.theta);
  for (Eigen::Index i = 0; i < log_flops.size(); ++i) {
    const double half = 0.5 * (log_flops[i] - max_log_flops);
    at.log_params[i] += half;
    at.log_tokens[i] += half;
    at.log_steps[i] += half;
    at.log_flops[i] = log_flops[i];
    at.log_unique_tokens[i] = std::numeric_limits<double>::infinity();
    if (!law.has_value()) continue;
    const FrontierPoint point = OptimumForCompute(*law, std::exp(log_flops[i]));
    at.log_params[i] = std::log(point.param_count);
    at.log_tokens[i] = std::log(point.token_count);
  }
  return at;
}

// Everything that is read of a law: ln L at the rows and where it is asked, ln N_opt.
class Readings {
 public:
  Readings(const FitResult& fit, const Rows& rows)
      : fit_(fit),
        rows_(rows),
        log_flops_(Eigen::ArrayXd::LinSpaced(kFrontierPoints, rows.log_flops.maxCoeff(),
                                             rows.log_flops.maxCoeff() + std::log(kReach))),
        asked_(AskedRows(fit, rows, log_flops_)),
        has_optimum_(ToChinchillaLaw(*fit.form, fit.theta).has_value()) {}

  Eigen::VectorXd At(const ParameterVector& theta) const {
    Eigen::VectorXd values(rows_.size() + kFrontierPoints + OptimumCount());
    values << fit_.form->PredictLogLoss(theta, rows_).matrix(),
        fit_.form->PredictLogLoss(theta, asked_).matrix(), LogOptima(theta);
    return values;
  }

  // d At / d theta at the optimum of the fit.
  Eigen::MatrixXd Gradient() const {
    Eigen::MatrixXd optima(OptimumCount(), fit_.theta.size());
    for (Eigen::Index j = 0; j < fit_.theta.size() && has_optimum_; ++j) {
      ParameterVector up = fit_.theta, down = fit_.theta;
      up[j] += kStep;
      down[j] -= kStep;
      optima.col(j) = (LogOptima(up) - LogOptima(down)) / (2 * kStep);
    }
    Eigen::MatrixXd gradient(rows_.size() + kFrontierPoints + OptimumCount(), fit_.theta.size());
    gradient << fit_.form->Jacobian(fit_.theta, rows_), fit_.form->Jacobian(fit_.theta, asked_),
        optima;
    return gradient;
  }

  // The three groups count alike, however many rows there are.
  Eigen::VectorXd Weights() const {
    Eigen::VectorXd weights(rows_.size() + kFrontierPoints + OptimumCount());
    weights << (rows_.weight.matrix() / rows_.weight.sum()).cwiseSqrt(),
        Eigen::VectorXd::Constant(kFrontierPoints + OptimumCount(),
                                  std::sqrt(1.0 / kFrontierPoints));
    return weights;
  }

 private:
  int OptimumCount() const { return has_optimum_ ? kFrontierPoints : 0; }
  Eigen::VectorXd LogOptima(const ParameterVector& theta) const {
    Eigen::VectorXd optima(OptimumCount());
    for (int i = 0; i < OptimumCount(); ++i) {
      const ChinchillaLaw law = *ToChinchillaLaw(*fit_.form, theta);
      optima[i] = std::log(OptimumForCompute(law, std::exp(log_flops_[i])).param_count);
    }
    return optima;
  }

  const FitResult& fit_;
  const Rows& rows_;
  Eigen::ArrayXd log_flops_;
  Rows asked_;
  bool has_optimum_;
};

}  // namespace

Eigen::MatrixXd PredictiveCovariance(const FitResult& fit, const Rows& rows,
                                     const ParameterDraws& draws) {
  const Eigen::Index parameters = fit.theta.size();
  const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(parameters, parameters);
  const Readings readings(fit, rows);
  Eigen::VectorXd weights = readings.Weights();
  Eigen::MatrixXd values(draws.thetas.rows(), weights.size());
  Eigen::Index finite = 0;
  for (Eigen::Index k = 0; k < draws.thetas.rows(); ++k) {
    values.row(finite) = readings.At(draws.thetas.row(k).transpose()).transpose();
    if (values.row(finite).array().isFinite().all()) ++finite;
  }
  values.conservativeResize(finite, Eigen::NoChange);
  std::vector<bool> is_runaway(static_cast<size_t>(finite), false);
  for (Eigen::Index i = 0; i < weights.size(); ++i) {
    std::vector<double> column(values.col(i).data(), values.col(i).data() + finite);
    const double median = Quantile(column, 0.5);
    const double scale = 0.5 * (Quantile(column, 0.84) - Quantile(column, 0.16));
    if (!(scale > 0)) {
      weights[i] = 0;
      continue;
    }
    weights[i] /= scale;
    for (Eigen::Index k = 0; k < finite; ++k) {
      if (std::abs(values(k, i) - median) > kRunaway * scale)
        is_runaway[static_cast<size_t>(k)] = true;
    }
  }
  std::vector<Eigen::Index> kept;
  for (Eigen::Index k = 0; k < finite; ++k) {
    if (!is_runaway[static_cast<size_t>(k)]) kept.push_back(k);
  }
  if (kept.size() < 3) return zero;
  // Around the means: medians of readings are not the readings of any constants.
  Eigen::MatrixXd near = values(kept, Eigen::all);
  near.rowwise() -= near.colwise().mean().eval();
  const Eigen::MatrixXd target = weights.asDiagonal() * near.transpose();

  const ParameterMatrix& basis = fit.space->basis();
  Eigen::MatrixXd columns = weights.asDiagonal() * readings.Gradient() * basis;
  Eigen::VectorXd norms = columns.colwise().norm().transpose();
  for (double& norm : norms) {
    if (!(norm > 0)) norm = 1;
  }
  columns = columns * norms.cwiseInverse().asDiagonal();
  if (!columns.allFinite() || columns.cols() == 0) return zero;
  Eigen::JacobiSVD<Eigen::MatrixXd> svd(columns, Eigen::ComputeThinU | Eigen::ComputeThinV);
  svd.setThreshold(kLeastSingularValue);
  // What each draw does to the readings, as a straight step of the constants: (parameters x draws).
  const Eigen::MatrixXd steps =
      basis * (norms.cwiseInverse().asDiagonal() * svd.solve(target)).eval();
  // The stretch of draws by runs is one number; Student's belongs to quantiles, not to variances.
  const double stretch = draws.by_residuals || draws.stretch.empty() ? 1 : draws.stretch.front();
  const Eigen::MatrixXd covariance =
      stretch * stretch * (steps * steps.transpose()) / static_cast<double>(kept.size());
  return 0.5 * (covariance + covariance.transpose());
}

}  // namespace rhumb
