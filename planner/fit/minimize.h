// SPDX-License-Identifier: Apache-2.0
// Trust-region Newton on a smooth or piecewise quadratic objective of a few parameters.
// Not starts (each form brings its own) and not bounds (parameter_space.h).
#ifndef RHUMB_PLANNER_FIT_MINIMIZE_H_
#define RHUMB_PLANNER_FIT_MINIMIZE_H_

#include <functional>

#include "absl/strings/string_view.h"
#include "planner/fit/objective.h"

namespace rhumb {

enum class Termination {
  kConverged,   // a full Newton step from here lowers the objective by less than the tolerance,
                // or, where there is none, any step as long as the residuals
  kPerfectFit,  // the residuals are rounding
  kStalled,     // no step lowers the objective, yet the Newton step promises more: not a minimum
  kIterationLimit,  //
  kNotFinite,       // the start has no finite value
  kCancelled,       // `should_stop` said so: where it stands is nothing
};
absl::string_view TerminationName(Termination termination);

// Only these are minima; anything else is not a fit.
inline bool IsMinimum(Termination termination) {
  return termination == Termination::kConverged || termination == Termination::kPerfectFit;
}

// True if a unit step of parameter j (a factor e of a constant, one unit of an exponent) changes
// the residuals by less than rounding.
inline bool IsUnfelt(const Expansion& at, int j) {
  return at.gram(j, j) < 1e-20 * at.squared_residuals;
}

struct MinimizeOptions {
  int max_iterations = 3000;  // floors near zero lie at the end of long curved valleys
  // Largest decrease a full Newton step may still promise at a minimum, as a fraction of the
  // objective: free of units, of the number of rows, and of mean or sum.
  double tolerance = 1e-13;
  // The start is a guess, not found from the data: the best of three descents is taken, two of
  // which begin with Levenberg-Marquardt steps, bounded even in directions the start does not see.
  bool far_start = false;
  // Asked before each evaluation of the objective; true ends as kCancelled. Whatever fits again and
  // again (bootstraps, roll-outs, profiles) takes it from here, so that one hook stops them all.
  std::function<bool()> should_stop = {};
};

struct MinimizeSummary {
  Termination termination = Termination::kNotFinite;
  int iteration_count = 0;
  int evaluation_count = 0;
  double value = 0;
  // Decrease a full Newton step promised at the end, over the value.
  double relative_decrease = 0;
};

// Lowers the objective from theta, in place; `expansion` holds the expansion at the final theta.
//
// The trust region bounds the change of the residuals, s^T gram s, so steps do not depend on how
// parameters are scaled or centred. Never ends above the start. Deterministic. `max_iterations`
// counts by descent.
MinimizeSummary Minimize(const Objective& objective, const MinimizeOptions& options,
                         ParameterVector& theta, Expansion& expansion);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_MINIMIZE_H_
