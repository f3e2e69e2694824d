// SPDX-License-Identifier: Apache-2.0
// Fits one form to rows: the start, the robust objective, constraints, the summary.
// Not uncertainty (draws.h, bootstrap.h), diagnosis (identifiability.h), or choice of form.
#ifndef RHUMB_PLANNER_FIT_FIT_H_
#define RHUMB_PLANNER_FIT_FIT_H_

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/form.h"
#include "planner/fit/minimize.h"
#include "planner/fit/parameter_space.h"
#include "planner/fit/rows.h"

namespace rhumb {

struct FitOptions {
  LossKind loss = LossKind::kHuber;
  double huber_delta = 1e-3;  // for kHuber: on ln L, or in nats for residuals of the loss
  ResidualKind residual = ResidualKind::kLogLoss;
  // By symbol of the form ("E", "alpha"), values as users write them (E in nats, not ln E).
  std::map<std::string, double> fixed;
  std::map<std::string, std::pair<double, double>> bounds;  // lowest, highest
  std::vector<std::pair<std::string, std::string>> tied;    // equal thetas, as alpha and beta
  // Further points to start from, on theta; the form's own starts are tried as well.
  std::vector<ParameterVector> extra_starts;
  MinimizeOptions minimize;
};

// A minimum of the objective.
struct FitResult {
  const Form* form = nullptr;
  ParameterVector theta;
  // sum_i w_i rho(r_i) as asked for: Huber or half squares; sum |r| for kAbsolute.
  double objective = 0;
  MinimizeSummary summary;
  Expansion expansion;                  // at theta, over all parameters of the form
  int start_count = 0;                  // points started from
  std::vector<double> local_minima;     // distinct objectives found, ascending
  std::vector<ParameterVector> minima;  // theta of each of them
  std::vector<int> descent_counts;      // descents that ended in each of them
  int failed_descent_count = 0;         // descents that ended in none
  ResidualKind residual = ResidualKind::kLogLoss;
  std::vector<bool> is_free;   // by parameter: neither fixed nor held at a bound
  std::vector<bool> at_bound;  // by parameter
  int free_count = 0;          // degrees of freedom, ties counted once
  // What the fit ended in; for Refitter and covariances.
  HuberLoss loss;
  std::optional<ParameterSpace> space;
};

// The best minimum reached from the form's starts. Errors: InvalidArgument names an unknown symbol,
// a value outside of its range or a loss parameter that is not positive; FailedPrecondition if no
// start reached a minimum, with the termination, or if the form needs rows with other columns.
// Fewer rows than parameters are not an error here: see identifiability.h. Cancelled by
// options.minimize.should_stop, which is asked before each evaluation of the objective: nothing of
// a fit cut short is returned.
absl::StatusOr<FitResult> FitForm(const Form& form, const Rows& rows, const FitOptions& options);

// Fits again from the first fit's optimum, with the same form, loss and constraints: the inner step
// of a bootstrap or a profile.
class Refitter {
 public:
  // `result` must come from `options`.
  Refitter(const FitResult& result, const FitOptions& options);

  // Lowers the objective over `rows` from `theta`, in place. Where that ended off a minimum
  // (IsMinimum) theta is of no use; kCancelled by the options' minimize.should_stop.
  Termination Refit(const Rows& rows, ParameterVector& theta, double* objective = nullptr) const;

  // The same with one parameter held at theta[parameter].
  Refitter Holding(int parameter, double theta) const;

 private:
  const Form* form_;
  HuberLoss loss_;
  ResidualKind residual_;
  MinimizeOptions minimize_;
  ParameterSpace space_;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FIT_H_
