// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/variable_projection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "Eigen/Core"
#include "planner/fit/non_negative.h"

namespace rhumb {
namespace {

using Eigen::ArrayXd;
using Eigen::MatrixXd;

constexpr double kLeastExponent = 0.02;
constexpr double kGreatestExponent = 2.5;
constexpr size_t kMaxStarts = 4;
// E of one more start where the projection finds none, over the least loss.
constexpr double kFloorFraction = 0.5;
constexpr size_t kMaxPoints = 3;
constexpr double kInPlaceOfZero = 1e-6;  // of the least target

double GridExponent(int index, int count, double least, double greatest) {
  return least * std::pow(greatest / least, index / static_cast<double>(count - 1));
}

// Powers of one predictor over the grid, a column per exponent, centred so that none over- or
// underflows, and times the weight of each row.
struct PowerTable {
  double center = 0;
  std::vector<double> exponents;
  MatrixXd powers;

  PowerTable(const ArrayXd& logarithms, const ArrayXd& row_scale, int grid_size)
      : center(logarithms.mean()), powers(logarithms.size(), grid_size) {
    for (int j = 0; j < grid_size; ++j) {
      exponents.push_back(GridExponent(j, grid_size, kLeastExponent, kGreatestExponent));
      powers.col(j) = (-exponents.back() * (logarithms - center)).exp() * row_scale;
    }
  }
};

}  // namespace

std::vector<PowerSumStart> ProjectPowerSum(const PowerSum& problem) {
  const int size = problem.grid_size;
  // Relative residuals: each row is divided by its target, of which only the ratios matter.
  const double center = problem.log_target.mean();
  const ArrayXd target_value = (problem.log_target - center).exp();
  const ArrayXd row_scale = problem.weight.sqrt() / target_value;
  const PowerTable x(problem.x, row_scale, size);
  const PowerTable y(problem.y, row_scale, size);
  const Eigen::VectorXd ones = row_scale.matrix();
  const Eigen::VectorXd target = problem.weight.sqrt().matrix();
  const double total = target.squaredNorm();
  const Eigen::VectorXd x_ones = x.powers.transpose() * ones;
  const Eigen::VectorXd y_ones = y.powers.transpose() * ones;
  const Eigen::VectorXd x_target = x.powers.transpose() * target;
  const Eigen::VectorXd y_target = y.powers.transpose() * target;
  const Eigen::VectorXd x_square = x.powers.colwise().squaredNorm();
  const Eigen::VectorXd y_square = y.powers.colwise().squaredNorm();
  const MatrixXd cross = x.powers.transpose() * y.powers;

  // k = (A, B, E): without an offset the last column is left out.
  std::vector<NonNegativeFit> grid(static_cast<size_t>(size) * static_cast<size_t>(size));
  const auto at = [&grid, size](int i, int j) -> NonNegativeFit& {
    return grid[static_cast<size_t>(i * size + j)];
  };
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) {
      Eigen::Matrix3d gram;
      gram << x_square[i], cross(i, j), x_ones[i],  //
          cross(i, j), y_square[j], y_ones[j],      //
          x_ones[i], y_ones[j], ones.squaredNorm();
      const Eigen::Vector3d right(x_target[i], y_target[j], ones.dot(target));
      at(i, j) = problem.has_offset ? SolveNonNegative(gram, right, total)
                                    : SolveNonNegative(gram.topLeftCorner<2, 2>().eval(),
                                                       right.head<2>().eval(), total);
    }
  }

  struct Cell {
    double squared_residual;
    int i, j;
  };
  std::vector<Cell> minima;
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) {
      const double here = at(i, j).squared_residual;
      bool lowest = true;
      for (int di = -1; di <= 1; ++di) {
        for (int dj = -1; dj <= 1; ++dj) {
          const int u = i + di, v = j + dj;
          if (u < 0 || v < 0 || u >= size || v >= size || (di == 0 && dj == 0)) continue;
          if (at(u, v).squared_residual < here) lowest = false;
        }
      }
      if (lowest) minima.push_back({here, i, j});
    }
  }
  std::stable_sort(minima.begin(), minima.end(), [](const Cell& a, const Cell& b) {
    return a.squared_residual < b.squared_residual;
  });
  if (minima.size() > kMaxStarts) minima.resize(kMaxStarts);

  const double least = kInPlaceOfZero * target_value.minCoeff();
  std::vector<PowerSumStart> starts;
  for (const Cell& cell : minima) {
    const double alpha = x.exponents[static_cast<size_t>(cell.i)];
    const double beta = y.exponents[static_cast<size_t>(cell.j)];
    const std::array<double, 3>& k = at(cell.i, cell.j).k;
    starts.push_back({.squared_residual = cell.squared_residual,
                      .log_a = std::log(std::max(k[0], least)) + alpha * x.center + center,
                      .log_b = std::log(std::max(k[1], least)) + beta * y.center + center,
                      .log_e = std::log(std::max(k[2], least)) + center,
                      .alpha = alpha,
                      .beta = beta});
  }
  return starts;
}

std::vector<ParameterVector> ProjectedStarts(const Rows& rows) {
  std::vector<ParameterVector> starts;
  for (const PowerSumStart& start : ProjectPowerSum({.x = rows.log_params,
                                    .y = rows.log_tokens,
                                    .log_target = rows.log_loss,
                                    .weight = rows.weight})) {
    ParameterVector theta(5);
    theta << start.log_a, start.log_b, start.log_e, start.alpha, start.beta;
    starts.push_back(theta);
  }
  if (!starts.empty() && starts[0][2] < rows.log_loss.minCoeff() + std::log(2 * kInPlaceOfZero)) {
    // Squares see no floor. A robust loss may, at the far end of a long flat valley.
    const double log_floor = rows.log_loss.minCoeff() + std::log(kFloorFraction);
    const std::vector<PowerSumStart> above =
        ProjectPowerSum({.x = rows.log_params,
                         .y = rows.log_tokens,
                         .log_target = (rows.log_loss.exp() - std::exp(log_floor)).log(),
                         .weight = rows.weight,
                         .has_offset = false});
    if (!above.empty()) {
      ParameterVector theta(5);
      theta << above[0].log_a, above[0].log_b, log_floor, above[0].alpha, above[0].beta;
      starts.push_back(theta);
    }
  }
  return starts;
}

std::vector<ProjectedPoint> ProjectCurve(const ProjectedCurve& problem) {
  const double center = problem.log_target.mean();
  const ArrayXd target_value = (problem.log_target - center).exp();
  const ArrayXd row_scale = problem.weight.sqrt() / target_value;
  const Eigen::VectorXd target = problem.weight.sqrt().matrix();
  std::vector<ProjectedPoint> points;
  MatrixXd columns(target.size(), problem.column_count);
  for (int i = 0; i < problem.grid_size; ++i) {
    const double exponent =
        GridExponent(i, problem.grid_size, problem.least_exponent, problem.greatest_exponent);
    problem.columns(exponent, columns);
    // Each column is scaled to a geometric mean of one: prefactors of powers are astronomical.
    std::array<double, 3> column_center = {};
    for (int j = 0; j < problem.column_count; ++j) {
      const double log_mean = columns.col(j).array().log().mean();
      column_center[static_cast<size_t>(j)] = log_mean;
      columns.col(j) = (columns.col(j).array().log() - log_mean).exp() * row_scale;
    }
    const NonNegativeFit fit =
        SolveNonNegative((columns.transpose() * columns).eval(),
                         (columns.transpose() * target).eval(), target.squaredNorm());
    ProjectedPoint point{
        .squared_residual = fit.squared_residual, .exponent = exponent, .log_k = {}};
    const double least = kInPlaceOfZero * target_value.minCoeff();
    for (int j = 0; j < problem.column_count; ++j) {
      point.log_k.push_back(std::log(std::max(fit.k[static_cast<size_t>(j)], least)) + center -
                            column_center[static_cast<size_t>(j)]);
    }
    points.push_back(std::move(point));
  }
  std::vector<ProjectedPoint> minima;
  for (size_t i = 0; i < points.size(); ++i) {
    const double here = points[i].squared_residual;
    if (!std::isfinite(here)) continue;
    if (i > 0 && points[i - 1].squared_residual < here) continue;
    if (i + 1 < points.size() && points[i + 1].squared_residual < here) continue;
    minima.push_back(points[i]);
  }
  std::stable_sort(minima.begin(), minima.end(),
                   [](const ProjectedPoint& a, const ProjectedPoint& b) {
                     return a.squared_residual < b.squared_residual;
                   });
  if (minima.size() > kMaxPoints) minima.resize(kMaxPoints);
  return minima;
}

}  // namespace rhumb
