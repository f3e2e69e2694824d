// SPDX-License-Identifier: Apache-2.0
// Refits to resampled runs: the joint distribution of a law's constants that every interval is read
// from. Not the intervals themselves (decisions.h, prediction.h).
#ifndef RHUMB_PLANNER_FIT_BOOTSTRAP_H_
#define RHUMB_PLANNER_FIT_BOOTSTRAP_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "Eigen/Core"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/fit/fit.h"
#include "planner/fit/random.h"
#include "planner/fit/rows.h"

namespace rhumb {

struct BootstrapOptions {
  int draw_count = 4000;
  uint64_t seed = 42;
  // Called now and then with the fraction done; false stops.
  std::function<bool(double)> progress = {};
};

struct Bootstrap {
  Eigen::MatrixXd thetas;  // (draws x parameters); only draws that ended in a minimum
  int failed_count = 0;    // draws that did not, and are left out
};

// Refits to data sets that `draw` makes, one after another, each from the optimum. `what` names
// them in messages: "resampled data sets". Cancelled if `progress` returned false or
// fit.minimize.should_stop true; FailedPrecondition if more than half of the draws failed.
absl::StatusOr<Bootstrap> RefitDraws(const FitResult& result, const FitOptions& fit,
                                     const BootstrapOptions& options,
                                     const std::function<Rows()>& draw, absl::string_view what);

// How often each of `run_count` runs is drawn, with replacement, in as many draws: whole numbers.
std::vector<double> DrawRunWeights(int run_count, Random& random);

// Draws as many runs as there are, with replacement, all rows of a drawn run together, and refits
// from the optimum. The same seed gives the same draws on every machine.
// Source: Efron 1979, doi:10.1214/aos/1176344552; by cluster: Cameron, Gelbach & Miller 2008.
// Errors are those of RefitDraws.
absl::StatusOr<Bootstrap> BootstrapFit(const FitResult& result, const FitOptions& fit,
                                       const Rows& rows, const BootstrapOptions& options);

// Covariance of theta over the draws: (parameters x parameters).
ParameterMatrix CovarianceOf(const Eigen::MatrixXd& thetas);

// Covariance of theta by the sandwich H^-1 (sum over runs of g g^T) H^-1 with the small-sample
// factor n/(n-p) on runs: no draws needed, honest about heavy tails and runs of several rows. Where
// delta is narrower than most residuals H is counted over a wider interval (Powell 1991).
// Zero rows for parameters that are not free. FailedPrecondition if H is singular.
// Source: Huber 1967; MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7 (HC1).
absl::StatusOr<ParameterMatrix> SandwichCovariance(const FitResult& result, const Rows& rows);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_BOOTSTRAP_H_
