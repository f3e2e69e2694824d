// SPDX-License-Identifier: Apache-2.0
// Starting points of sums of powers from the data alone: for given exponents the best prefactors
// solve a small linear problem, so that only the exponents are searched.
// Source: Golub & Pereyra 1973, doi:10.1137/0710036.
#ifndef RHUMB_PLANNER_FIT_VARIABLE_PROJECTION_H_
#define RHUMB_PLANNER_FIT_VARIABLE_PROJECTION_H_

#include <functional>
#include <vector>

#include "Eigen/Core"
#include "planner/fit/parameters.h"
#include "planner/fit/rows.h"

namespace rhumb {

// theta = (ln A, ln B, ln E, alpha, beta) at the local minima of the projected least-squares
// problem over exponents in [0.02, 2.5]^2, best first, at most four. E, A, B >= 0 by non-negative
// least squares of relative residuals; a constant that comes out 0 is put at 1e-6 of the loss so
// that its logarithm exists. None if `should_stop` said so, which is asked every few thousand rows.
std::vector<ParameterVector> ProjectedStarts(const Rows& rows,
                                             const std::function<bool()>& should_stop = {});

// e^log_target = E + A e^(-alpha x) + B e^(-beta y), residuals relative to the target.
struct PowerSum {
  Eigen::ArrayXd x, y;
  Eigen::ArrayXd log_target;
  Eigen::ArrayXd weight;
  bool has_offset = true;  // else E = 0
  int grid_size = 28;      // exponents tried on each axis
  // Rows whose powers are held in memory at a time, and after which it is asked whether to stop.
  int rows_at_a_time = 4096;
  std::function<bool()> should_stop = {};
};
struct PowerSumStart {
  double squared_residual = 0;
  double log_a = 0, log_b = 0, log_e = 0, alpha = 0, beta = 0;
};
// As above, for any two predictors. At least one; none if told to stop.
std::vector<PowerSumStart> ProjectPowerSum(const PowerSum& problem);

// The same for one nonlinear parameter: target = sum_j k_j columns_j(exponent), k >= 0, at most
// three columns. `columns` fills (rows x columns); residuals are relative to the target.
struct ProjectedPoint {
  double squared_residual = 0;
  double exponent = 0;
  std::vector<double> log_k;  // 1e-6 of the target stands for 0
};
struct ProjectedCurve {
  Eigen::ArrayXd log_target;
  Eigen::ArrayXd weight;
  int column_count = 0;
  std::function<void(double exponent, Eigen::MatrixXd& columns)> columns;
  double least_exponent = 0.01;
  double greatest_exponent = 2.5;
  int grid_size = 60;
  std::function<bool()> should_stop = {};  // asked before each exponent
};
// Local minima over the exponent, best first, at most three; none if told to stop.
std::vector<ProjectedPoint> ProjectCurve(const ProjectedCurve& problem);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_VARIABLE_PROJECTION_H_
