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

std::vector<double> GridExponents(int count) {
  std::vector<double> exponents;
  for (int j = 0; j < count; ++j) {
    exponents.push_back(GridExponent(j, count, kLeastExponent, kGreatestExponent));
  }
  return exponents;
}

// Powers of one predictor, a column per exponent, centred so that none over- or underflows, and
// times the weight of each row.
MatrixXd Powers(const Eigen::Ref<const ArrayXd>& logarithms, double center,
                const std::vector<double>& exponents, const Eigen::Ref<const ArrayXd>& row_scale) {
  MatrixXd powers(logarithms.size(), static_cast<Eigen::Index>(exponents.size()));
  for (size_t j = 0; j < exponents.size(); ++j) {
    powers.col(static_cast<Eigen::Index>(j)) =
        (-exponents[j] * (logarithms - center)).exp() * row_scale;
  }
  return powers;
}

// Products of the columns of every linear problem of the grid, summed over blocks of rows.
struct GridProducts {
  Eigen::VectorXd x_ones, y_ones, x_target, y_target, x_square, y_square;
  MatrixXd cross;
  double ones_square = 0, ones_target = 0;

  explicit GridProducts(int size)
      : x_ones(Eigen::VectorXd::Zero(size)),
        y_ones(x_ones),
        x_target(x_ones),
        y_target(x_ones),
        x_square(x_ones),
        y_square(x_ones),
        cross(MatrixXd::Zero(size, size)) {}

  void Add(const MatrixXd& x, const MatrixXd& y, const Eigen::Ref<const Eigen::VectorXd>& ones,
           const Eigen::Ref<const Eigen::VectorXd>& target) {
    x_ones += x.transpose() * ones;
    y_ones += y.transpose() * ones;
    x_target += x.transpose() * target;
    y_target += y.transpose() * target;
    x_square += x.colwise().squaredNorm().transpose();
    y_square += y.colwise().squaredNorm().transpose();
    cross += x.transpose() * y;
    ones_square += ones.squaredNorm();
    ones_target += ones.dot(target);
  }
};

}  // namespace

std::vector<PowerSumStart> ProjectPowerSum(const PowerSum& problem) {
  const int size = problem.grid_size;
  // Relative residuals: each row is divided by its target, of which only the ratios matter.
  const double center = problem.log_target.mean();
  const ArrayXd target_value = (problem.log_target - center).exp();
  const ArrayXd row_scale = problem.weight.sqrt() / target_value;
  const std::vector<double> exponents = GridExponents(size);
  const double x_center = problem.x.mean(), y_center = problem.y.mean();
  const Eigen::VectorXd target = problem.weight.sqrt().matrix();
  const double total = target.squaredNorm();
  GridProducts sums(size);
  const auto row_count = static_cast<int>(problem.x.size());
  for (int begin = 0; begin < row_count; begin += problem.rows_at_a_time) {
    if (problem.should_stop && problem.should_stop()) return {};
    const int count = std::min(problem.rows_at_a_time, row_count - begin);
    const auto scale = row_scale.segment(begin, count);
    sums.Add(Powers(problem.x.segment(begin, count), x_center, exponents, scale),
             Powers(problem.y.segment(begin, count), y_center, exponents, scale), scale.matrix(),
             target.segment(begin, count));
  }

  // k = (A, B, E): without an offset the last column is left out.
  std::vector<NonNegativeFit> grid(static_cast<size_t>(size) * static_cast<size_t>(size));
  const auto at = [&grid, size](int i, int j) -> NonNegativeFit& {
    return grid[static_cast<size_t>(i * size + j)];
  };
  for (int i = 0; i < size; ++i) {
    for (int j = 0; j < size; ++j) {
      Eigen::Matrix3d gram;
      gram << sums.x_square[i], sums.cross(i, j), sums.x_ones[i],  //
          sums.cross(i, j), sums.y_square[j], sums.y_ones[j],      //
          sums.x_ones[i], sums.y_ones[j], sums.ones_square;
      const Eigen::Vector3d right(sums.x_target[i], sums.y_target[j], sums.ones_target);
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
    const double alpha = exponents[static_cast<size_t>(cell.i)];
    const double beta = exponents[static_cast<size_t>(cell.j)];
    const std::array<double, 3>& k = at(cell.i, cell.j).k;
    starts.push_back({.squared_residual = cell.squared_residual,
                      .log_a = std::log(std::max(k[0], least)) + alpha * x_center + center,
                      .log_b = std::log(std::max(k[1], least)) + beta * y_center + center,
                      .log_e = std::log(std::max(k[2], least)) + center,
                      .alpha = alpha,
                      .beta = beta});
  }
  return starts;
}

std::vector<ParameterVector> ProjectedStarts(const Rows& rows,
                                             const std::function<bool()>& should_stop) {
  std::vector<ParameterVector> starts;
  for (const PowerSumStart& start : ProjectPowerSum({.x = rows.log_params,
                                    .y = rows.log_tokens,
                                    .log_target = rows.log_loss,
                                    .weight = rows.weight,
                                    .should_stop = should_stop})) {
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
                         .has_offset = false,
                         .should_stop = should_stop});
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
    if (problem.should_stop && problem.should_stop()) return {};
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
