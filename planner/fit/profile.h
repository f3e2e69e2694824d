// SPDX-License-Identifier: Apache-2.0
// Profile-likelihood intervals: for few runs, or a constant near its limit, where draws and
// standard errors mislead because the objective is far from a parabola.
#ifndef RHUMB_PLANNER_FIT_PROFILE_H_
#define RHUMB_PLANNER_FIT_PROFILE_H_

#include "planner/fit/fit.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/rows.h"

namespace rhumb {

// The thetas of one parameter at which the best fit of the others is not worse than chance allows:
// 2 (Q(theta) - Q) / kappa <= t^2, t Student's quantile with n - p degrees of freedom, kappa the
// ratio of the mean squared slope of the loss to its mean curvature, so that robust losses count
// as squares do. A side that stays acceptable up to 12 units away (a factor e^12 of a constant) is
// infinite. The parameter must be free. Two numbers that are none if options.minimize.should_stop
// ended it, which the caller asks. Source: Huber & Ronchetti 2009, 7.6; Bates & Watts 1988, 6.
Interval ProfileInterval(const FitResult& fit, const FitOptions& options, const Rows& rows,
                         int parameter, double level);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_PROFILE_H_
