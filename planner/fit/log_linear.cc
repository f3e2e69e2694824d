// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/log_linear.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/linear_algebra.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

using Eigen::MatrixXd;
using Eigen::VectorXd;

// A column this small beside its size before the others were taken out is their combination.
constexpr double kCollinear = 1e-10;

}  // namespace

absl::StatusOr<LinearFit> FitLinear(const MatrixXd& columns, const VectorXd& target,
                                    const LinearFitOptions& options) {
  const Eigen::Index rows = target.size(), predictors = columns.cols();
  const VectorXd weight = options.weight.size() > 0 ? options.weight : VectorXd::Ones(rows).eval();
  if (!columns.allFinite() || !target.allFinite() || !weight.allFinite() ||
      (rows > 0 && weight.minCoeff() < 0)) {
    return absl::InvalidArgumentError(
        "regression needs finite numbers and weights that are not negative");
  }
  const Eigen::Index counted = (weight.array() > 0).count();
  if (counted < predictors + 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(counted, " observations cannot determine ", predictors + 1, " coefficients"));
  }
  // Centred and scaled, so that no digits are lost to the size of the logarithms.
  const double total_weight = weight.sum();
  const VectorXd mean = columns.transpose() * weight / total_weight;
  const double target_mean = target.dot(weight) / total_weight;
  MatrixXd centered = columns.rowwise() - mean.transpose();
  const VectorXd centered_target = target.array() - target_mean;
  const VectorXd root = weight.cwiseSqrt();
  VectorXd scale(predictors);
  for (Eigen::Index j = 0; j < predictors; ++j) {
    scale[j] = (root.asDiagonal() * centered.col(j)).norm();
    // A constant column is a second intercept.
    if (!(scale[j] > kCollinear * std::sqrt(total_weight) *
                         std::max(columns.col(j).cwiseAbs().maxCoeff(), 1e-300))) {
      return absl::FailedPreconditionError(
          absl::StrCat("predictor ", j + 1, " does not vary over the observations"));
    }
    centered.col(j) /= scale[j];
  }
  LinearFit fit;
  fit.observation_count = static_cast<int>(counted);
  VectorXd slopes = VectorXd::Zero(predictors);
  MatrixXd inverse_gram = MatrixXd::Zero(predictors, predictors);
  if (predictors > 0) {
    const MatrixXd weighted = root.asDiagonal() * centered;
    const std::optional<VectorXd> solution =
        SolveLeastSquares(weighted, root.cwiseProduct(centered_target), kCollinear);
    const std::optional<MatrixXd> inverse =
        InvertPositiveDefinite(weighted.transpose() * weighted, kCollinear * kCollinear);
    if (!solution.has_value() || !inverse.has_value()) {
      return absl::FailedPreconditionError(
          "the predictors are collinear: their exponents cannot be told apart");
    }
    slopes = *solution;
    inverse_gram = *inverse;
  }
  const VectorXd residual = centered_target - centered * slopes;

  // Covariance of (mean level, scaled slopes), which are uncorrelated, then back to the caller's.
  const auto freedom = static_cast<double>(counted - predictors - 1);
  const double squares = residual.cwiseAbs2().dot(weight);
  fit.residual_std = freedom > 0 ? std::sqrt(squares / freedom) : 0;
  MatrixXd bread = MatrixXd::Zero(predictors + 1, predictors + 1);
  bread(0, 0) = 1 / total_weight;
  bread.bottomRightCorner(predictors, predictors) = inverse_gram;
  MatrixXd covariance;
  if (!(freedom > 0)) {
    covariance =
        MatrixXd::Constant(predictors + 1, predictors + 1, std::numeric_limits<double>::infinity());
  } else if (options.group.empty()) {
    covariance = squares / freedom * bread;
  } else {
    const int groups = *std::max_element(options.group.begin(), options.group.end()) + 1;
    MatrixXd scores = MatrixXd::Zero(groups, predictors + 1);
    for (Eigen::Index i = 0; i < rows; ++i) {
      const int group = options.group[static_cast<size_t>(i)];
      scores(group, 0) += weight[i] * residual[i];
      scores.row(group).tail(predictors) += weight[i] * residual[i] * centered.row(i);
    }
    const auto n = static_cast<double>(counted);
    const double correction = groups > 1 ? groups / (groups - 1.0) * (n - 1) / freedom
                                         : std::numeric_limits<double>::infinity();
    covariance = correction * (bread * (scores.transpose() * scores) * bread);
  }
  MatrixXd back = MatrixXd::Zero(predictors + 1, predictors + 1);
  back(0, 0) = 1;
  for (Eigen::Index j = 0; j < predictors; ++j) {
    back(j + 1, j + 1) = 1 / scale[j];
    back(0, j + 1) = -mean[j] / scale[j];
  }
  fit.coefficients.resize(predictors + 1);
  fit.coefficients[0] = target_mean;
  for (Eigen::Index j = 0; j < predictors; ++j) {
    fit.coefficients[j + 1] = slopes[j] / scale[j];
    fit.coefficients[0] -= mean[j] * fit.coefficients[j + 1];
  }
  fit.covariance = covariance;
  if (covariance.allFinite()) fit.covariance = back * covariance * back.transpose();
  fit.std_errors = fit.covariance.diagonal().cwiseMax(0).cwiseSqrt();
  const double spread = centered_target.cwiseAbs2().dot(weight);
  fit.r_squared = spread > 0 ? 1 - squares / spread : 1;
  return fit;
}

double PowerLawFit::At(absl::Span<const double> predictors) const {
  double log_value = linear.coefficients[0];
  for (size_t j = 0; j < exponents.size(); ++j) log_value += exponents[j] * std::log(predictors[j]);
  return std::exp(log_value);
}

absl::StatusOr<PowerLawFit> FitPowerLaw(absl::Span<const std::vector<double>> predictors,
                                        absl::Span<const double> values,
                                        const LinearFitOptions& options) {
  const auto log_of = [](absl::Span<const double> from, const std::string& what,
                         Eigen::Ref<VectorXd> to) -> absl::Status {
    for (size_t i = 0; i < from.size(); ++i) {
      if (!(std::isfinite(from[i]) && from[i] > 0)) {
        return absl::InvalidArgumentError(absl::StrCat(what, " of row ", i, " is ", from[i],
                                                       "; must be a positive finite number"));
      }
      to[static_cast<Eigen::Index>(i)] = std::log(from[i]);
    }
    return absl::OkStatus();
  };
  const auto rows = static_cast<Eigen::Index>(values.size());
  MatrixXd columns(rows, static_cast<Eigen::Index>(predictors.size()));
  VectorXd target(rows);
  RHUMB_RETURN_IF_ERROR(log_of(values, "value", target));
  for (size_t j = 0; j < predictors.size(); ++j) {
    if (predictors[j].size() != values.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "predictor ", j + 1, " has ", predictors[j].size(), " rows, not ", values.size()));
    }
    RHUMB_RETURN_IF_ERROR(log_of(predictors[j], absl::StrCat("predictor ", j + 1),
                                 columns.col(static_cast<Eigen::Index>(j))));
  }
  PowerLawFit fit;
  RHUMB_ASSIGN_OR_RETURN(fit.linear, FitLinear(columns, target, options));
  fit.coefficient = std::exp(fit.linear.coefficients[0]);
  for (Eigen::Index j = 1; j < fit.linear.coefficients.size(); ++j) {
    fit.exponents.push_back(fit.linear.coefficients[j]);
  }
  return fit;
}

}  // namespace rhumb
