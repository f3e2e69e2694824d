// SPDX-License-Identifier: Apache-2.0
// Eigen's decompositions behind functions, so that one file pays for compiling them.
#ifndef RHUMB_PLANNER_LINEAR_ALGEBRA_H_
#define RHUMB_PLANNER_LINEAR_ALGEBRA_H_

#include <optional>

#include "Eigen/Core"

namespace rhumb {

// Of a symmetric matrix (n x n): eigenvalues ascending, unit eigenvectors in columns.
struct SymmetricEigen {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;
};
SymmetricEigen DecomposeSymmetric(const Eigen::MatrixXd& matrix);

// Inverse of a symmetric positive definite matrix; nullopt if its least eigenvalue is not above
// `least_share` of the greatest. Scale the matrix first if its entries differ in size.
std::optional<Eigen::MatrixXd> InvertPositiveDefinite(const Eigen::MatrixXd& matrix,
                                                      double least_share);

// argmin |target - columns k|, (rows x n), by pivoted QR; nullopt if a pivot is not above
// `least_pivot`. Scale the columns to norm 1 first.
std::optional<Eigen::VectorXd> SolveLeastSquares(const Eigen::MatrixXd& columns,
                                                 const Eigen::VectorXd& target, double least_pivot);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LINEAR_ALGEBRA_H_
