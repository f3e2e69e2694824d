// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/outliers.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "planner/fit/draws.h"

namespace rhumb {
namespace {

constexpr double kOutlierZ = 5;
constexpr double kMadToStd = 1.4826;
constexpr double kLargeNoise = 0.03;
constexpr double kTrendZ = 3;
constexpr int kRunsPerParameter = 3;

}  // namespace

std::vector<Outlier> FindOutliers(const FitResult& fit, const Rows& rows) {
  const Eigen::ArrayXd residual = rows.log_loss - fit.form->PredictLogLoss(fit.theta, rows);
  std::vector<double> sizes(static_cast<size_t>(rows.size()));
  for (int i = 0; i < rows.size(); ++i) sizes[static_cast<size_t>(i)] = std::abs(residual[i]);
  const double scale = kMadToStd * Quantile(sizes, 0.5);
  std::vector<Outlier> outliers;
  if (!(scale > 0)) return outliers;
  for (int i = 0; i < rows.size(); ++i) {
    const double z = residual[i] / scale;
    if (std::abs(z) <= kOutlierZ) continue;
    outliers.push_back(
        {.observation = i, .residual_fraction = std::expm1(residual[i]), .robust_z = z});
  }
  std::stable_sort(outliers.begin(), outliers.end(), [](const Outlier& a, const Outlier& b) {
    return std::abs(a.robust_z) > std::abs(b.robust_z);
  });
  return outliers;
}

std::vector<std::pair<std::string, std::string>> ResidualWarnings(const FitResult& fit,
                                                                  const Rows& rows) {
  std::vector<std::pair<std::string, std::string>> warnings;
  const ResidualPool pool(fit, rows);
  if (pool.std() > kLargeNoise) {
    warnings.emplace_back(
        "NOISE_LARGE",
        absl::StrFormat("runs scatter by %.1f%% of the loss around the law: tuned runs scatter by "
                        "1%% or less",
                        100 * pool.std()));
  }
  if (rows.run_count < kRunsPerParameter * fit.free_count) {
    warnings.emplace_back("FEW_RUNS",
                          absl::StrFormat("%d runs for %d constants: 3 runs a constant are the "
                                          "least for trustworthy intervals",
                                          rows.run_count, fit.free_count));
  }
  const Eigen::ArrayXd residual = rows.log_loss - fit.form->PredictLogLoss(fit.theta, rows);
  const Eigen::ArrayXd x = rows.log_flops - rows.log_flops.mean();
  const double xx = x.square().sum();
  if (xx > 0 && rows.run_count > fit.free_count + 2) {
    const double slope = (x * residual).sum() / xx;
    const Eigen::ArrayXd rest = residual - residual.mean() - slope * x;
    // By the residuals' own scatter at each x, and by runs rather than rows.
    const double error = std::sqrt((x * rest).square().sum()) / xx *
                         std::sqrt(static_cast<double>(rows.size()) / rows.run_count);
    if (std::abs(slope) > kTrendZ * error &&
        std::abs(slope) * std::sqrt(xx / rows.size()) > 0.1 * pool.std()) {
      warnings.emplace_back(
          "RESIDUAL_TREND_IN_COMPUTE",
          absl::StrFormat("measured over predicted loss changes by %+.2f%% per decade of compute "
                          "within the data: the form does not fit; extrapolate with care",
                          100 * std::log(10.0) * slope));
    }
  }
  return warnings;
}

}  // namespace rhumb
