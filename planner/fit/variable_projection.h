// SPDX-License-Identifier: Apache-2.0
// Starting points of E + A N^-alpha + B D^-beta from the data alone: for given exponents the best
// E, A, B solve a small linear problem, so that only the two exponents are searched.
#ifndef RHUMB_PLANNER_FIT_VARIABLE_PROJECTION_H_
#define RHUMB_PLANNER_FIT_VARIABLE_PROJECTION_H_

#include <vector>

#include "planner/fit/parameters.h"
#include "planner/fit/rows.h"

namespace rhumb {

// theta = (ln A, ln B, ln E, alpha, beta) at the local minima of the projected least-squares
// problem over exponents in [0.02, 2.5]^2, best first, at most four. E, A, B >= 0 by non-negative
// least squares of relative residuals; a constant that comes out 0 is put at 1e-6 of the loss so
// that its logarithm exists. Source: Golub & Pereyra 1973, doi:10.1137/0710036.
std::vector<ParameterVector> ProjectedStarts(const Rows& rows);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_VARIABLE_PROJECTION_H_
