// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/predictive_covariance.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
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

// Everything that is read of a law, in blocks: first where it is asked, ln L and ln N_opt, then
// ln L at the rows, so many at a time.
class Readings {
 public:
  Readings(const FitResult& fit, const Rows& rows, int rows_at_a_time)
      : fit_(fit),
        rows_(rows),
        rows_at_a_time_(rows_at_a_time),
        log_flops_(Eigen::ArrayXd::LinSpaced(kFrontierPoints, rows.log_flops.maxCoeff(),
                                             rows.log_flops.maxCoeff() + std::log(kReach))),
        asked_(AskedRows(fit, rows, log_flops_)),
        has_optimum_(ToChinchillaLaw(*fit.form, fit.theta).has_value()) {}

  Eigen::Index size() const { return AskedCount() + rows_.size(); }
  Eigen::Index block_count() const {
    return 1 + (rows_.size() + rows_at_a_time_ - 1) / rows_at_a_time_;
  }
  Eigen::Index Begin(Eigen::Index block) const {
    return block == 0 ? 0 : AskedCount() + (block - 1) * rows_at_a_time_;
  }
  Eigen::Index Count(Eigen::Index block) const {
    return block == 0 ? AskedCount() : std::min(rows_at_a_time_, size() - Begin(block));
  }

  // (draws x readings of the block).
  Eigen::MatrixXd At(Eigen::Index block, const Eigen::MatrixXd& thetas) const {
    Eigen::MatrixXd values(thetas.rows(), Count(block));
    if (block == 0) {
      for (Eigen::Index k = 0; k < thetas.rows(); ++k) {
        const ParameterVector theta = thetas.row(k).transpose();
        values.row(k) << fit_.form->PredictLogLoss(theta, asked_).matrix().transpose(),
            LogOptima(theta).transpose();
      }
      return values;
    }
    std::vector<int> indices(static_cast<size_t>(Count(block)));
    std::iota(indices.begin(), indices.end(), static_cast<int>(Begin(block) - AskedCount()));
    const Rows part = SelectRows(rows_, indices);
    for (Eigen::Index k = 0; k < thetas.rows(); ++k) {
      values.row(k) =
          fit_.form->PredictLogLoss(thetas.row(k).transpose(), part).matrix().transpose();
    }
    return values;
  }

  // d reading / d theta at the optimum of the fit.
  Eigen::MatrixXd Gradient() const {
    Eigen::MatrixXd optima(OptimumCount(), fit_.theta.size());
    for (Eigen::Index j = 0; j < fit_.theta.size() && has_optimum_; ++j) {
      ParameterVector up = fit_.theta, down = fit_.theta;
      up[j] += kStep;
      down[j] -= kStep;
      optima.col(j) = (LogOptima(up) - LogOptima(down)) / (2 * kStep);
    }
    Eigen::MatrixXd gradient(size(), fit_.theta.size());
    gradient << fit_.form->Jacobian(fit_.theta, asked_), optima,
        fit_.form->Jacobian(fit_.theta, rows_);
    return gradient;
  }

  // The three groups count alike, however many rows there are.
  Eigen::VectorXd Weights() const {
    Eigen::VectorXd weights(size());
    weights << Eigen::VectorXd::Constant(AskedCount(), std::sqrt(1.0 / kFrontierPoints)),
        (rows_.weight.matrix() / rows_.weight.sum()).cwiseSqrt();
    return weights;
  }

 private:
  int OptimumCount() const { return has_optimum_ ? kFrontierPoints : 0; }
  Eigen::Index AskedCount() const { return kFrontierPoints + OptimumCount(); }
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
  Eigen::Index rows_at_a_time_;
  Eigen::ArrayXd log_flops_;
  Rows asked_;
  bool has_optimum_;
};

Eigen::MatrixXd Without(const std::vector<bool>& left_out, const Eigen::MatrixXd& thetas) {
  std::vector<Eigen::Index> kept;
  for (Eigen::Index k = 0; k < thetas.rows(); ++k) {
    if (!left_out[static_cast<size_t>(k)]) kept.push_back(k);
  }
  return thetas(kept, Eigen::all);
}

// How the draws spread at each reading.
struct Spread {
  Eigen::VectorXd scale;        // half the distance between the 16% and 84% quantiles
  std::vector<bool> ran_away;   // by draw
  std::vector<bool> is_broken;  // by draw: some reading is not finite
  bool any_broken = false;      // then the others mean nothing
};
std::optional<Spread> SpreadOf(const Readings& readings, const Eigen::MatrixXd& thetas,
                               const std::function<bool()>& should_stop) {
  const auto count = static_cast<size_t>(thetas.rows());
  Spread spread = {.scale = Eigen::VectorXd::Zero(readings.size()),
                   .ran_away = std::vector<bool>(count, false),
                   .is_broken = std::vector<bool>(count, false)};
  for (Eigen::Index block = 0; block < readings.block_count(); ++block) {
    if (should_stop && should_stop()) return std::nullopt;
    const Eigen::MatrixXd values = readings.At(block, thetas);
    for (size_t k = 0; k < count; ++k) {
      if (values.row(static_cast<Eigen::Index>(k)).array().isFinite().all()) continue;
      spread.is_broken[k] = spread.any_broken = true;
    }
    if (spread.any_broken) continue;
    for (Eigen::Index i = 0; i < values.cols(); ++i) {
      const auto reading = values.col(i);
      std::vector<double> sorted(reading.begin(), reading.end());
      const double median = Quantile(sorted, 0.5);
      const double scale = 0.5 * (SortedQuantile(sorted, 0.84) - SortedQuantile(sorted, 0.16));
      if (!(scale > 0)) continue;
      spread.scale[readings.Begin(block) + i] = scale;
      for (size_t k = 0; k < count; ++k) {
        if (std::abs(reading[static_cast<Eigen::Index>(k)] - median) > kRunaway * scale) {
          spread.ran_away[k] = true;
        }
      }
    }
  }
  return spread;
}

}  // namespace

std::optional<Eigen::MatrixXd> PredictiveCovariance(const FitResult& fit, const Rows& rows,
                                                    const ParameterDraws& draws,
                                                    const PredictiveOptions& options) {
  const Eigen::Index parameters = fit.theta.size();
  const Eigen::MatrixXd zero = Eigen::MatrixXd::Zero(parameters, parameters);
  const Readings readings(fit, rows, options.rows_at_a_time);
  Eigen::MatrixXd thetas = draws.thetas;
  std::optional<Spread> spread = SpreadOf(readings, thetas, options.should_stop);
  if (spread.has_value() && spread->any_broken) {
    thetas = Without(spread->is_broken, thetas);
    spread = SpreadOf(readings, thetas, options.should_stop);
  }
  if (!spread.has_value()) return std::nullopt;
  thetas = Without(spread->ran_away, thetas);
  if (thetas.rows() < 3) return zero;
  const Eigen::VectorXd weights =
      (spread->scale.array() > 0)
          .select(readings.Weights().array() / spread->scale.array(), 0.0)
          .matrix();

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
  const Eigen::Index rank = svd.rank();
  // The readings of the draws along the singular vectors: (rank x draws). Around their means:
  // medians of readings are not the readings of any constants.
  Eigen::MatrixXd along = Eigen::MatrixXd::Zero(rank, thetas.rows());
  for (Eigen::Index block = 0; block < readings.block_count(); ++block) {
    if (options.should_stop && options.should_stop()) return std::nullopt;
    const Eigen::Index begin = readings.Begin(block), count = readings.Count(block);
    Eigen::MatrixXd near = readings.At(block, thetas);
    near.rowwise() -= near.colwise().mean().eval();
    const Eigen::MatrixXd target = weights.segment(begin, count).asDiagonal() * near.transpose();
    along += svd.matrixU().block(begin, 0, count, rank).transpose() * target;
  }
  // What each draw does to the readings, as a straight step of the constants: (parameters x draws).
  const Eigen::MatrixXd solved =
      svd.matrixV().leftCols(rank) *
      (svd.singularValues().head(rank).cwiseInverse().asDiagonal() * along);
  const Eigen::MatrixXd steps = basis * (norms.cwiseInverse().asDiagonal() * solved);
  // The stretch of draws by runs is one number; Student's belongs to quantiles, not to variances.
  const double stretch = draws.by_residuals || draws.stretch.empty() ? 1 : draws.stretch.front();
  const Eigen::MatrixXd covariance =
      stretch * stretch * (steps * steps.transpose()) / static_cast<double>(thetas.rows());
  return 0.5 * (covariance + covariance.transpose());
}

}  // namespace rhumb
