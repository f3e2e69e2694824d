// SPDX-License-Identifier: Apache-2.0
// Second step of a downstream law: a task's metric as a sigmoid of the loss, fitted to checkpoints.
#ifndef RHUMB_PLANNER_FIT_DOWNSTREAM_FIT_H_
#define RHUMB_PLANNER_FIT_DOWNSTREAM_FIT_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "Eigen/Core"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "planner/laws/downstream.h"

namespace rhumb {

struct TaskObservation {
  double loss_nats = 0;
  double metric = 0;  // accuracy or any other bounded score
  double weight = 1;
  std::string run;  // rows of one run err together; empty: a run of its own
};

struct TaskFitOptions {
  // The metric of a model that knows nothing, and of a perfect one; absent: fitted.
  std::optional<double> chance, ceiling;
  // Asked before each evaluation of the objective; true ends the fit as Cancelled.
  std::function<bool()> should_stop = {};
};

struct TaskFit {
  TaskSigmoid sigmoid;  // residual_std with n - p degrees of freedom
  double chance = 0;
  double ceiling = 0;
  double sum_of_squares = 0;
  int run_count = 0;
  // Standard errors in the order of `parameter_names`, by the sandwich over runs (CR1); infinite
  // where not determined.
  std::vector<std::string> parameter_names;
  std::vector<double> std_errors;
  // False if a constant is not told by the data, with which and why.
  bool identifiable = true;
  std::string remark;
};

// Least squares of the metric on ceiling + (chance - ceiling) / (1 + e^(-k (L - L0))), k > 0.
// InvalidArgument names the first observation or option that is not usable; FailedPrecondition if
// there are no more observations than constants, the loss does not vary, or no minimum was reached.
absl::StatusOr<TaskFit> FitTask(absl::Span<const TaskObservation> observations,
                                const TaskFitOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_DOWNSTREAM_FIT_H_
