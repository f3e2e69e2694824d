// SPDX-License-Identifier: Apache-2.0
// What a residual costs: squares, Huber, absolute deviations.
#ifndef RHUMB_PLANNER_FIT_ROBUST_LOSS_H_
#define RHUMB_PLANNER_FIT_ROBUST_LOSS_H_

#include <algorithm>
#include <cmath>
#include <limits>

namespace rhumb {

enum class LossKind { kHuber, kSquares, kAbsolute };

// rho(r) = r^2/2 up to |r| = delta, delta (|r| - delta/2) beyond. Source: Huber 1964,
// doi:10.1214/aoms/1177703732. An infinite delta is least squares.
struct HuberLoss {
  double delta = std::numeric_limits<double>::infinity();

  double Value(double r) const {
    const double size = std::abs(r);
    return size <= delta ? 0.5 * r * r : delta * (size - 0.5 * delta);
  }
  // rho'(r).
  double Slope(double r) const { return std::clamp(r, -delta, delta); }
  // rho''(r); the kink at delta counts as inside.
  double Curvature(double r) const { return std::abs(r) <= delta ? 1 : 0; }
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_ROBUST_LOSS_H_
