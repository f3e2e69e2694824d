// SPDX-License-Identifier: Apache-2.0
// Plausible parameter vectors and residuals given the data: what every interval is read from.
// Not the intervals (decisions.h, prediction.h).
//
// Where runs are resampled the designs vary as well, which makes the spread that of the jackknife:
// too wide by n/(n-p) in variance, for a run of leverage h enters it as 1/(1-h) (HC3 against HC2,
// MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7). It is stretched by sqrt((n-p)/n).
// Where residuals are resampled around a fixed design two things are missing that linear theory
// makes exact: the residuals of a fit with p parameters are short by sqrt((n-p)/n), put back in the
// pool, and their scale is itself an estimate with nu = n-p degrees of freedom, n counted in runs:
// whatever is read from a draw moves from its value at the optimum by sqrt(nu/chi^2_nu), which for
// a linear model with normal noise gives exactly Student's intervals. This stretch is applied to
// the quantity that is read (a loss, ln N*), not to the constants: draws lie along a curved valley,
// and constants stretched along a straight line would leave it.
#ifndef RHUMB_PLANNER_FIT_DRAWS_H_
#define RHUMB_PLANNER_FIT_DRAWS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "Eigen/Core"
#include "absl/status/statusor.h"
#include "planner/fit/fit.h"
#include "planner/fit/random.h"
#include "planner/fit/rows.h"

namespace rhumb {

// sqrt(nu / chi^2_nu) with a chi^2 by Wilson & Hilferty 1931 (doi:10.1073/pnas.17.12.684).
double DrawStudentScale(Random& random, double degrees);

// The residual of ln L beyond which a run is no part of the scatter of the others: a quarter of the
// loss, and ten times their robust standard deviation. A robust fit is hardly moved by such runs;
// an interval that allowed for them would say nothing.
double GrossResidual(const Eigen::ArrayXd& residual);

// Residuals of a fit, ready to be drawn from by their weights: with variance sum w r^2/sum w
// n/(n-p), smoothed by a normal kernel since n points have no tails, and without the p zeros of a
// nearly absolute fit.
class ResidualPool {
 public:
  // Rows of weight 0 and gross residuals are left out. Empty rows give a pool of zeros.
  ResidualPool(const FitResult& fit, const Rows& rows);

  double Draw(Random& random) const;
  // Standard deviation of ln L of one run, with n - p degrees of freedom.
  double std() const { return std_; }
  // 1.4826 x median absolute residual, inflated alike.
  double robust_std() const { return robust_std_; }
  double degrees() const { return degrees_; }
  // Whether this loss is in effect absolute deviations: most residuals are beyond its delta.
  bool IsNearlyAbsolute(const HuberLoss& loss) const;

 private:
  std::vector<double> residuals_;
  std::vector<double> up_to_;  // weights up to each residual; empty where all are the same
  double std_ = 0;
  double robust_std_ = 0;
  double degrees_ = 1;
};

struct DrawOptions {
  int draw_count = 1000;
  uint64_t seed = 42;
  // Called now and then with the fraction done; false stops.
  std::function<bool(double)> progress;
};

struct ParameterDraws {
  Eigen::MatrixXd thetas;             // (draws x parameters), as refitted
  std::vector<double> student_scale;  // of each draw, for residuals drawn beside it
  std::vector<double> stretch;        // of each draw, the small-sample correction above

  // A quantity of draw k, given its value at the optimum.
  double Stretched(Eigen::Index k, double at_optimum, double at_draw) const {
    return at_optimum + stretch[static_cast<size_t>(k)] * (at_draw - at_optimum);
  }
  int failed_count = 0;
  bool by_residuals = false;  // else by runs
  bool is_normal = false;     // from a covariance, not refitted
};

// Runs are resampled where there are enough of them (5 per parameter), all rows of a run together:
// right under any noise. With fewer, resampled sets often cannot identify the law that the whole
// set does, so residuals are resampled around the fitted law instead. Cancelled by `progress` or by
// options.minimize.should_stop;
// FailedPrecondition if more than half of the draws ended in no minimum.
absl::StatusOr<ParameterDraws> DrawParameters(const FitResult& fit, const FitOptions& options,
                                              const Rows& rows, const DrawOptions& draw);

// Draws from the normal distribution with this covariance of theta, stretched to Student's t.
ParameterDraws NormalDraws(const FitResult& fit, const ParameterMatrix& covariance, double degrees,
                           uint64_t seed);

// Covariance of the draws, without those that ran away: draws
// further from the median than four times half the distance between the 16% and 84% quantiles.
Eigen::MatrixXd RobustCovariance(const ParameterDraws& draws);

// The p-quantile by linear interpolation of order statistics; the values are reordered.
double Quantile(std::vector<double>& values, double probability);
// The same of values in ascending order.
double SortedQuantile(const std::vector<double>& values, double probability);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_DRAWS_H_
