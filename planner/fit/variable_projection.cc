// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/variable_projection.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "Eigen/Cholesky"
#include "Eigen/Core"

namespace rhumb {
namespace {

using Eigen::ArrayXd;
using Eigen::MatrixXd;

constexpr int kGridSize = 28;
constexpr double kLeastExponent = 0.02;
constexpr double kGreatestExponent = 2.5;
constexpr size_t kMaxStarts = 4;

double GridExponent(int index) {
  return kLeastExponent *
         std::pow(kGreatestExponent / kLeastExponent, index / static_cast<double>(kGridSize - 1));
}

// min |z - [1, x, y] k|^2 over k >= 0 from the Gram matrix: with three columns every set of
// positive ones is tried.
struct NonNegativeFit {
  double squared_residual = std::numeric_limits<double>::infinity();
  std::array<double, 3> k = {};
};
NonNegativeFit SolveNonNegative(const Eigen::Matrix3d& gram, const Eigen::Vector3d& right,
                                double total) {
  NonNegativeFit best;
  for (int set = 1; set < 8; ++set) {
    std::array<int, 3> chosen{};
    int count = 0;
    for (int j = 0; j < 3; ++j) {
      if ((set >> j) & 1) chosen[static_cast<size_t>(count++)] = j;
    }
    Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, 3, 3> part(count, count);
    Eigen::Matrix<double, Eigen::Dynamic, 1, 0, 3, 1> side(count);
    for (int i = 0; i < count; ++i) {
      side[i] = right[chosen[static_cast<size_t>(i)]];
      for (int j = 0; j < count; ++j) {
        part(i, j) = gram(chosen[static_cast<size_t>(i)], chosen[static_cast<size_t>(j)]);
      }
    }
    const auto solution = part.ldlt().solve(side).eval();
    if (!solution.allFinite() || solution.minCoeff() < 0) continue;
    const double residual = total - solution.dot(side);
    if (residual < best.squared_residual) {
      best.squared_residual = residual;
      best.k = {};
      for (int i = 0; i < count; ++i) {
        best.k[static_cast<size_t>(chosen[static_cast<size_t>(i)])] = solution[i];
      }
    }
  }
  return best;
}

// Powers of one count over the grid, a column per exponent, centred so that none over- or
// underflows, and times the weight of each row.
struct PowerTable {
  double center = 0;
  MatrixXd powers;

  PowerTable(const ArrayXd& logarithms, const ArrayXd& row_scale)
      : center(logarithms.mean()), powers(logarithms.size(), kGridSize) {
    for (int j = 0; j < kGridSize; ++j) {
      powers.col(j) = (-GridExponent(j) * (logarithms - center)).exp() * row_scale;
    }
  }
};

}  // namespace

std::vector<ParameterVector> ProjectedStarts(const Rows& rows) {
  // Relative residuals: each row is divided by its loss.
  const ArrayXd loss = rows.log_loss.exp();
  const ArrayXd row_scale = rows.weight.sqrt() / loss;
  const PowerTable params(rows.log_params, row_scale);
  const PowerTable tokens(rows.log_tokens, row_scale);
  const Eigen::VectorXd ones = row_scale.matrix();
  const Eigen::VectorXd target = rows.weight.sqrt().matrix();
  const double total = target.squaredNorm();
  const Eigen::VectorXd params_ones = params.powers.transpose() * ones;
  const Eigen::VectorXd tokens_ones = tokens.powers.transpose() * ones;
  const Eigen::VectorXd params_target = params.powers.transpose() * target;
  const Eigen::VectorXd tokens_target = tokens.powers.transpose() * target;
  const Eigen::VectorXd params_square = params.powers.colwise().squaredNorm();
  const Eigen::VectorXd tokens_square = tokens.powers.colwise().squaredNorm();
  const MatrixXd cross = params.powers.transpose() * tokens.powers;

  std::vector<NonNegativeFit> grid(static_cast<size_t>(kGridSize) * kGridSize);
  const auto at = [&grid](int i, int j) -> NonNegativeFit& {
    return grid[static_cast<size_t>(i * kGridSize + j)];
  };
  for (int i = 0; i < kGridSize; ++i) {
    for (int j = 0; j < kGridSize; ++j) {
      Eigen::Matrix3d gram;
      gram << ones.squaredNorm(), params_ones[i], tokens_ones[j],  //
          params_ones[i], params_square[i], cross(i, j),           //
          tokens_ones[j], cross(i, j), tokens_square[j];
      at(i, j) = SolveNonNegative(
          gram, {ones.dot(target), params_target[i], tokens_target[j]}, total);
    }
  }

  struct Cell {
    double squared_residual;
    int i, j;
  };
  std::vector<Cell> minima;
  for (int i = 0; i < kGridSize; ++i) {
    for (int j = 0; j < kGridSize; ++j) {
      const double here = at(i, j).squared_residual;
      bool lowest = true;
      for (int di = -1; di <= 1; ++di) {
        for (int dj = -1; dj <= 1; ++dj) {
          const int u = i + di, v = j + dj;
          if (u < 0 || v < 0 || u >= kGridSize || v >= kGridSize || (di == 0 && dj == 0)) continue;
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

  const double least = 1e-6 * loss.minCoeff();
  std::vector<ParameterVector> starts;
  for (const Cell& cell : minima) {
    const double alpha = GridExponent(cell.i), beta = GridExponent(cell.j);
    const std::array<double, 3>& k = at(cell.i, cell.j).k;
    ParameterVector theta(5);
    theta << std::log(std::max(k[1], least)) + alpha * params.center,
        std::log(std::max(k[2], least)) + beta * tokens.center, std::log(std::max(k[0], least)),
        alpha, beta;
    starts.push_back(theta);
  }
  return starts;
}

}  // namespace rhumb
