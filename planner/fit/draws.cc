// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/draws.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "Eigen/Eigenvalues"
#include "planner/fit/bootstrap.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

constexpr int kRunsPerParameterForResampling = 5;
constexpr int kNormalDraws = 1000;
constexpr int kMaxRefitIterations = 200;
// Kernel width over the standard deviation; the variance is kept.
constexpr double kSmoothing = 0.4;
constexpr double kMadToStd = 1.4826;
// A residual of ln L beyond both is no scatter: the run went wrong, or its row did.
constexpr double kLeastGross = 0.25;
constexpr double kGrossScales = 10;
// A Huber delta below this fraction of the scatter is in effect absolute deviations.
constexpr double kNearlyAbsolute = 0.5;

// Of values with their weights; of equal ones the median.
double WeightedMedian(std::vector<std::pair<double, double>> values) {
  std::sort(values.begin(), values.end());
  double total = 0;
  for (const auto& [value, weight] : values) total += weight;
  double below = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    below += values[i].second;
    if (2 * below < total) continue;
    const bool is_between = 2 * below == total && i + 1 < values.size();
    return is_between ? 0.5 * (values[i].first + values[i + 1].first) : values[i].first;
  }
  return 0;
}

// Data drawn from the fitted law: one residual for all rows of a run.
Rows DrawAroundLaw(const Rows& rows, const Eigen::ArrayXd& fitted, const ResidualPool& pool,
                   Random& random) {
  Rows drawn = rows;
  std::vector<double> noise(static_cast<size_t>(rows.run_count));
  for (double& value : noise) {
    // Either sign: the fitted law is taken for the truth, and its residuals for symmetric.
    value = (random.Uniform() < 0.5 ? -1 : 1) * pool.Draw(random);
  }
  for (int i = 0; i < rows.size(); ++i) {
    drawn.log_loss[i] = fitted[i] + noise[static_cast<size_t>(rows.run[static_cast<size_t>(i)])];
  }
  return drawn;
}

}  // namespace

double Quantile(std::vector<double>& values, double probability) {
  std::sort(values.begin(), values.end());
  return SortedQuantile(values, probability);
}

double SortedQuantile(const std::vector<double>& values, double probability) {
  if (values.empty()) return 0;
  const double at = probability * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, values.size() - 1);
  // Infinities are not interpolated.
  if (values[below] == values[above]) return values[below];
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

double GrossResidual(const Eigen::ArrayXd& residual) {
  std::vector<double> sizes;
  for (const double r : residual) {
    if (std::isfinite(r)) sizes.push_back(std::abs(r));
  }
  return std::max(kLeastGross, kGrossScales * kMadToStd * Quantile(sizes, 0.5));
}

double DrawStudentScale(Random& random, double degrees) {
  const double shrink = 2 / (9 * degrees);
  const double root = 1 - shrink + random.Normal() * std::sqrt(shrink);
  // chi^2_nu / nu = root^3; below nu = 3 the approximation may cross zero.
  return 1 / std::sqrt(std::max(root * root * root, 1e-3));
}

ResidualPool::ResidualPool(const FitResult& fit, const Rows& rows) {
  const Eigen::ArrayXd error = rows.log_loss - fit.form->PredictLogLoss(fit.theta, rows);
  double squares = 0, count = 0;
  std::vector<std::pair<double, double>> sizes;  // with their weights
  bool is_one_weight = true;
  const double gross = GrossResidual(error);
  for (int i = 0; i < rows.size(); ++i) {
    if (!(rows.weight[i] > 0) || !(std::abs(error[i]) <= gross)) continue;
    residuals_.push_back(error[i]);
    sizes.emplace_back(std::abs(error[i]), rows.weight[i]);
    is_one_weight = is_one_weight && rows.weight[i] == sizes.front().second;
    squares += rows.weight[i] * error[i] * error[i];
    count += rows.weight[i];
    up_to_.push_back(count);
  }
  if (count == 0) {
    residuals_ = {0};
    return;
  }
  const double runs = rows.run_count;
  degrees_ = std::max(runs - fit.free_count, 1.0);
  const double inflation = std::sqrt(std::max(runs, 1.0) / degrees_);
  std_ = inflation * std::sqrt(squares / count);
  robust_std_ = inflation * kMadToStd * WeightedMedian(std::move(sizes));
  const auto fitted_away = static_cast<size_t>(fit.free_count);
  if (is_one_weight) up_to_.clear();
  if (is_one_weight && IsNearlyAbsolute(fit.loss) && residuals_.size() > 2 * fitted_away) {
    // Nearly absolute deviations fit p rows exactly and leave the others what they are.
    std::stable_sort(residuals_.begin(), residuals_.end(),
                     [](double a, double b) { return std::abs(a) < std::abs(b); });
    residuals_.erase(residuals_.begin(),
                     residuals_.begin() + static_cast<std::ptrdiff_t>(fitted_away));
  }
  double left = squares, of = count;
  if (is_one_weight) {
    left = 0;
    for (const double residual : residuals_) left += residual * residual;
    of = static_cast<double>(residuals_.size());
  }
  const double scale = left > 0 ? std_ * std::sqrt(of / left) : 0;
  for (double& residual : residuals_) residual *= scale;
}

bool ResidualPool::IsNearlyAbsolute(const HuberLoss& loss) const {
  return loss.delta < kNearlyAbsolute * std_;
}

double ResidualPool::Draw(Random& random) const {
  const size_t drawn =
      up_to_.empty() ? static_cast<size_t>(random.Below(static_cast<int>(residuals_.size())))
                     : static_cast<size_t>(std::upper_bound(up_to_.begin(), up_to_.end() - 1,
                                                            random.Uniform() * up_to_.back()) -
                                           up_to_.begin());
  const double residual = residuals_[drawn];
  // The kernel is as wide as the middle of the residuals, so that tails stay what they are.
  const double width = kSmoothing * std::min(std_, std::max(robust_std_, 0.2 * std_));
  return std_ > 0
             ? (residual + width * random.Normal()) / std::sqrt(1 + width * width / (std_ * std_))
             : 0;
}

absl::StatusOr<ParameterDraws> DrawParameters(const FitResult& fit, const FitOptions& options,
                                              const Rows& rows, const DrawOptions& draw) {
  ParameterDraws draws;
  const ResidualPool pool(fit, rows);
  draws.by_residuals = rows.run_count < kRunsPerParameterForResampling * fit.free_count;
  // A draw that needs more than the whole data did lies in a flat valley and may be missed.
  FitOptions brief = options;
  brief.minimize.max_iterations = std::min(brief.minimize.max_iterations, kMaxRefitIterations);
  const BootstrapOptions refits = {
      .draw_count = draw.draw_count, .seed = draw.seed, .progress = draw.progress};
  Random noise(draw.seed);
  const Eigen::ArrayXd fitted = fit.form->PredictLogLoss(fit.theta, rows);
  RHUMB_ASSIGN_OR_RETURN(
      Bootstrap bootstrap,
      draws.by_residuals
          ? RefitDraws(
                fit, brief, refits, [&] { return DrawAroundLaw(rows, fitted, pool, noise); },
                "data sets drawn around the law")
          : BootstrapFit(fit, brief, rows, refits));
  draws.thetas = std::move(bootstrap.thetas);
  draws.failed_count = bootstrap.failed_count;
  const double runs = std::max(rows.run_count, 1);
  const double by_runs = std::sqrt(pool.degrees() / std::max(runs, pool.degrees()));
  Random random(draw.seed ^ 0x5DEECE66Du);
  for (int k = 0; k < draws.thetas.rows(); ++k) {
    const double scale = DrawStudentScale(random, pool.degrees());
    draws.student_scale.push_back(scale);
    draws.stretch.push_back(draws.by_residuals ? scale : by_runs);
  }
  return draws;
}

ParameterDraws NormalDraws(const FitResult& fit, const ParameterMatrix& covariance, double degrees,
                           uint64_t seed) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen{Eigen::MatrixXd(covariance)};
  const Eigen::MatrixXd root =
      eigen.eigenvectors() * eigen.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal();
  ParameterDraws draws;
  draws.by_residuals = true;
  draws.is_normal = true;
  draws.thetas.resize(kNormalDraws, fit.theta.size());
  Random random(seed);
  for (Eigen::Index k = 0; k < kNormalDraws; ++k) {
    Eigen::VectorXd z(fit.theta.size());
    for (double& value : z) value = random.Normal();
    draws.thetas.row(k) = (fit.theta + root * z).transpose();
    draws.student_scale.push_back(DrawStudentScale(random, degrees));
    draws.stretch.push_back(draws.student_scale.back());
  }
  return draws;
}

Eigen::MatrixXd RobustCovariance(const ParameterDraws& draws) {
  const Eigen::MatrixXd& thetas = draws.thetas;
  const Eigen::Index count = thetas.rows(), parameters = thetas.cols();
  Eigen::VectorXd center(parameters), scale(parameters);
  for (Eigen::Index j = 0; j < parameters; ++j) {
    std::vector<double> column(thetas.col(j).data(), thetas.col(j).data() + count);
    center[j] = Quantile(column, 0.5);
    scale[j] = 0.5 * (Quantile(column, 0.84) - Quantile(column, 0.16));
  }
  std::vector<Eigen::Index> kept;
  for (Eigen::Index i = 0; i < count; ++i) {
    const auto distance = (thetas.row(i).transpose() - center).array().abs();
    if ((distance <= 4 * scale.array() + 1e-300).all()) kept.push_back(i);
  }
  if (kept.size() < 3) return Eigen::MatrixXd::Zero(parameters, parameters);
  Eigen::MatrixXd near(static_cast<Eigen::Index>(kept.size()), parameters);
  for (size_t k = 0; k < kept.size(); ++k) {
    near.row(static_cast<Eigen::Index>(k)) = thetas.row(kept[k]) - center.transpose();
  }
  // The stretch of draws by runs is one number; Student's belongs to quantiles, not to variances.
  const double stretch = draws.by_residuals || draws.stretch.empty() ? 1 : draws.stretch.front();
  return stretch * stretch * (near.transpose() * near) / static_cast<double>(kept.size());
}

}  // namespace rhumb
