// SPDX-License-Identifier: Apache-2.0
// Non-negative least squares of at most three columns, exactly: every set of positive coefficients
// is tried.
#ifndef RHUMB_PLANNER_FIT_NON_NEGATIVE_H_
#define RHUMB_PLANNER_FIT_NON_NEGATIVE_H_

#include <array>
#include <limits>

#include "Eigen/Core"

namespace rhumb {

struct NonNegativeFit {
  double squared_residual = std::numeric_limits<double>::infinity();
  std::array<double, 3> k = {};
};

// Solves the normal equations of the chosen columns by elimination, the greatest diagonal first: a
// symmetric matrix of up to 3 x 3 needs no more. False if it is singular to rounding.
template <typename Gram, typename Right>
bool SolveSmall(const Gram& gram, const Right& right, const std::array<int, 3>& chosen, int count,
                std::array<double, 3>& solution) {
  const auto n = static_cast<size_t>(count);
  std::array<std::array<double, 4>, 3> m{};
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) m[i][j] = gram(chosen[i], chosen[j]);
    m[i][3] = right[chosen[i]];
  }
  std::array<bool, 3> used{};
  for (size_t step = 0; step < n; ++step) {
    size_t pivot = n;
    for (size_t i = 0; i < n; ++i) {
      if (!used[i] && (pivot == n || m[i][i] > m[pivot][pivot])) pivot = i;
    }
    if (!(m[pivot][pivot] > 1e-15 * gram(chosen[pivot], chosen[pivot]))) return false;
    used[pivot] = true;
    for (size_t i = 0; i < n; ++i) {
      if (i == pivot) continue;
      const double factor = m[i][pivot] / m[pivot][pivot];
      for (size_t j = 0; j < 4; ++j) m[i][j] -= factor * m[pivot][j];
    }
  }
  for (size_t i = 0; i < n; ++i) solution[i] = m[i][3] / m[i][i];
  return true;
}

// min |z - X k|^2 over k >= 0 from gram = X^T X, right = X^T z, total = z^T z. `gram` is
// (columns x columns), 1 to 3 columns.
template <typename Gram, typename Right>
NonNegativeFit SolveNonNegative(const Gram& gram, const Right& right, double total) {
  const int columns = static_cast<int>(right.size());
  NonNegativeFit best;
  for (int set = 1; set < (1 << columns); ++set) {
    std::array<int, 3> chosen{};
    int count = 0;
    for (int j = 0; j < columns; ++j) {
      if ((set >> j) & 1) chosen[static_cast<size_t>(count++)] = j;
    }
    std::array<double, 3> solution{};
    if (!SolveSmall(gram, right, chosen, count, solution)) continue;
    double residual = total;
    bool is_negative = false;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      residual -= solution[i] * right[chosen[i]];
      is_negative = is_negative || !(solution[i] >= 0);
    }
    if (is_negative || !(residual < best.squared_residual)) continue;
    best.squared_residual = residual;
    best.k = {};
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      best.k[static_cast<size_t>(chosen[i])] = solution[i];
    }
  }
  return best;
}

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_NON_NEGATIVE_H_
