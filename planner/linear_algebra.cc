// SPDX-License-Identifier: Apache-2.0
#include "planner/linear_algebra.h"

#include <optional>

#include "Eigen/Eigenvalues"
#include "Eigen/QR"

namespace rhumb {

SymmetricEigen DecomposeSymmetric(const Eigen::MatrixXd& matrix) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(matrix);
  return {eigen.eigenvalues(), eigen.eigenvectors()};
}

std::optional<Eigen::MatrixXd> InvertPositiveDefinite(const Eigen::MatrixXd& matrix,
                                                      double least_share) {
  if (matrix.rows() == 0) return Eigen::MatrixXd(matrix);
  const SymmetricEigen eigen = DecomposeSymmetric(matrix);
  if (!(eigen.values[0] > least_share * eigen.values.cwiseAbs().maxCoeff())) return std::nullopt;
  return eigen.vectors * eigen.values.cwiseInverse().asDiagonal() * eigen.vectors.transpose();
}

std::optional<Eigen::VectorXd> SolveLeastSquares(const Eigen::MatrixXd& columns,
                                                 const Eigen::VectorXd& target,
                                                 double least_pivot) {
  const Eigen::ColPivHouseholderQR<Eigen::MatrixXd> qr(columns);
  const Eigen::VectorXd pivots = qr.matrixR().diagonal().cwiseAbs();
  if (!(pivots.minCoeff() > least_pivot)) return std::nullopt;
  return qr.solve(target);
}

}  // namespace rhumb
