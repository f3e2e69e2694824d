// SPDX-License-Identifier: Apache-2.0
// A sum of robust losses of residuals, with the derivatives a Newton method needs.
#ifndef RHUMB_PLANNER_FIT_OBJECTIVE_H_
#define RHUMB_PLANNER_FIT_OBJECTIVE_H_

#include "planner/fit/parameters.h"
#include "planner/fit/robust_loss.h"

namespace rhumb {

// What is compared: ln L, so that equal relative errors weigh alike, or L itself.
enum class ResidualKind { kLogLoss, kLoss };

// Squared residuals this small beside the squares of what they are differences of are rounding:
// cancellation in ln A - alpha ln N leaves some 1e-14 of a logarithm.
inline constexpr double kRelativeRoundingFloor = 1e-27;

// Second-order expansion of sum_i w_i rho(r_i(theta)) at a point.
struct Expansion {
  double value = 0;
  double squared_residuals = 0;  // sum w r^2
  ParameterVector gradient;      // sum w rho' dr
  ParameterMatrix hessian;       // sum w (rho'' dr dr^T + rho' d2r): exact, may be indefinite
  ParameterMatrix gram;          // sum w dr dr^T: squared change of the residuals by a step
};

class Objective {
 public:
  virtual ~Objective() = default;

  virtual int ParameterCount() const = 0;

  // The expansion at theta. A theta where a residual is not finite gives a value that is not
  // finite; the other fields are then unspecified.
  virtual void Expand(const ParameterVector& theta, Expansion& expansion) const = 0;

  // Replaces rho; the residuals stay.
  virtual void SetLoss(const HuberLoss& loss) = 0;

  // Values of the objective below this are rounding of the data, not misfit.
  virtual double RoundingFloor() const = 0;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_OBJECTIVE_H_
