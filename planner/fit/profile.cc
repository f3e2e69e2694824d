// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/profile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/status/statusor.h"
#include "planner/fit/bootstrap.h"
#include "planner/fit/draws.h"
#include "planner/laws/loss_model.h"
#include "planner/linear_algebra.h"

namespace rhumb {
namespace {

constexpr double kFurthest = 12;
constexpr int kBisections = 30;

// Mean squared slope over mean curvature of the loss at normal residuals of the fit's scale: the
// sample's own count of residuals within delta is p too high, for p of them are fitted away.
double SlopeCurvatureRatio(const HuberLoss& loss, double scale) {
  double squares = 0, curvature = 0;
  constexpr int kPoints = 200;
  for (int k = 0; k < kPoints; ++k) {
    const double r = scale * StandardNormalQuantile((k + 0.5) / kPoints);
    squares += loss.Slope(r) * loss.Slope(r);
  }
  // P(|r| < delta), which the points would miss for a small delta.
  curvature = std::erf(std::min(loss.delta / scale, 1e3) / std::sqrt(2.0));
  return squares / kPoints / std::max(curvature, 1e-300);
}

// The rise of the objective that one standard deviation of a parameter makes, doubled: for rows of
// one weight that are runs of their own from the loss alone, which few runs tell well; else the
// sandwich over runs against the curvature, so that checkpoints of one run are not taken for runs
// and the scale of the weights cancels.
double RisePerVariance(const FitResult& fit, const Rows& rows, const ResidualPool& pool,
                       int parameter) {
  const double scale = std::max(
      pool.robust_std() > 0 ? std::max(pool.robust_std(), 0.5 * pool.std()) : pool.std(), 1e-12);
  const double one_weight = rows.weight[0];
  const double alike = one_weight * SlopeCurvatureRatio(fit.loss, scale);
  if (rows.run_count == rows.size() && (rows.weight == one_weight).all()) return alike;
  const absl::StatusOr<ParameterMatrix> sandwich = SandwichCovariance(fit, rows);
  const ParameterMatrix& basis = fit.space->basis();
  const std::optional<Eigen::MatrixXd> inverse = InvertPositiveDefinite(
      basis.transpose() * fit.expansion.hessian * basis, std::numeric_limits<double>::min());
  if (!sandwich.ok() || !inverse.has_value()) return alike;
  const double curved = basis.row(parameter) * *inverse * basis.row(parameter).transpose();
  return curved > 0 ? (*sandwich)(parameter, parameter) / curved : alike;
}

}  // namespace

Interval ProfileInterval(const FitResult& fit, const FitOptions& options, const Rows& rows,
                         int parameter, double level) {
  const ResidualPool pool(fit, rows);
  const double t = StudentQuantile(0.5 + 0.5 * level, pool.degrees());
  const double allowed =
      fit.expansion.value + 0.5 * t * t * RisePerVariance(fit, rows, pool, parameter);
  const Refitter refitter(fit, options);
  const double center = fit.theta[parameter];
  constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
  bool is_cancelled = false;
  const auto side = [&](double sign) {
    ParameterVector last = fit.theta;  // each refit starts from its neighbour's
    const auto acceptable = [&](double distance, ParameterVector& theta) {
      theta[parameter] = center + sign * distance;
      double objective = std::numeric_limits<double>::infinity();
      const Termination termination =
          refitter.Holding(parameter, theta[parameter]).Refit(rows, theta, &objective);
      is_cancelled = is_cancelled || termination == Termination::kCancelled;
      return IsMinimum(termination) && objective <= allowed;
    };
    double inside = 0, outside = 1e-3;
    for (;; outside *= 2) {
      ParameterVector theta = last;
      if (!acceptable(outside, theta)) break;
      inside = outside;
      last = theta;
      if (outside > kFurthest) return sign * std::numeric_limits<double>::infinity();
    }
    for (int k = 0; k < kBisections && !is_cancelled && outside - inside > 1e-4 * outside; ++k) {
      ParameterVector theta = last;
      const double middle = 0.5 * (inside + outside);
      if (acceptable(middle, theta)) {
        inside = middle;
        last = theta;
      } else {
        outside = middle;
      }
    }
    return center + sign * 0.5 * (inside + outside);
  };
  const double low = side(-1);
  const double high = is_cancelled ? kNothing : side(+1);
  return is_cancelled ? Interval{kNothing, kNothing} : Interval{low, high};
}

}  // namespace rhumb
