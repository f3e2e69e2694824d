// SPDX-License-Identifier: Apache-2.0
// From loss to task metrics in two steps: a law gives the loss, a sigmoid (or Gadre's exponential)
// gives the metric, with chance level, ceiling and interval. A promise for the average of many
// tasks at best: clean scaling was found in 39% of single tasks (Lourie et al. 2025).
#ifndef RHUMB_PLANNER_LAWS_DOWNSTREAM_H_
#define RHUMB_PLANNER_LAWS_DOWNSTREAM_H_

#include <cmath>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/laws/loss_model.h"

namespace rhumb {

// metric = amplitude / (1 + e^(-steepness (L - midpoint))) + offset, L the task's loss in nats. A
// metric that grows as the loss falls has a negative amplitude: then `offset` is the ceiling and
// offset + amplitude the chance level. Constants are fitted a task.
// Source of the form: the Llama 3 report (arXiv:2407.21783) and the OLMo ladder.
struct TaskSigmoid {
  double amplitude = 0;
  double steepness = 0;  // positive
  double midpoint_loss_nats = 0;
  double offset = 0;
  double residual_std = 0;  // of the metric around the curve, 0 if unknown
};
// InvalidArgument names the first constant that is not finite, a zero amplitude, a steepness that
// is not positive, or a negative residual.
absl::Status ValidateTaskSigmoid(const TaskSigmoid& task);
double TaskMetric(const TaskSigmoid& task, double loss_nats);
double TaskMetricAtEndlessLoss(const TaskSigmoid& task);  // chance level
double TaskMetricAtNoLoss(const TaskSigmoid& task);       // ceiling, the limit for L -> -infinity
// dMetric/dL, per nat.
double TaskMetricSlope(const TaskSigmoid& task, double loss_nats);
// The loss at which the metric is reached; OutOfRange outside of (chance, ceiling), naming both.
absl::StatusOr<double> LossForTaskMetric(const TaskSigmoid& task, double metric);

// The metric over an interval of the task's loss: the curve at both ends, widened by the residual
// in quadrature at the interval's level, and kept between chance and ceiling.
struct MetricInterval {
  double mean = 0;
  double low = 0;
  double high = 0;
  double level = 0;
  double chance = 0;
  double ceiling = 0;
};
// InvalidArgument for a task that ValidateTaskSigmoid refuses.
absl::StatusOr<MetricInterval> PredictTaskMetric(const TaskSigmoid& task, const LossInterval& loss);

// First step of Llama 3: the task's loss is linear in ln C. nats = intercept + slope ln C.
struct LinearTaskLoss {
  double intercept = 0;
  double slope = 0;  // per e-fold of compute, negative
};
double TaskLossOfFlops(const LinearTaskLoss& line, double training_flops);

// Exact match of an answer of `token_count` tokens from the loss a token: p^n = e^(-n L). A smooth
// loss turns into a sharp accuracy. Source: Schaeffer et al. 2023, arXiv:2304.15004.
double ExactMatchAccuracy(double loss_nats, double token_count);
// Their illustration of the loss a token: (N/scale)^exponent, exponent < 0.
double SchaefferTokenLoss(double param_count, double scale, double exponent);

// Average top-1 error over 17 tasks: eps - k e^(-gamma L), with L the loss on C4. One row a
// training set; refits of the authors' public runs. Source: Gadre et al. 2024, arXiv:2403.08540.
struct GadreErrorConstants {
  absl::string_view law;  // catalogue name of the loss law it goes with
  double eps, k, gamma;
};
inline constexpr GadreErrorConstants kGadreErrors[] = {
    {"gadre2024-c4", 0.8497420290253704, 2.0789067281025635, 0.7561207887015662},
    {"gadre2024-redpajama", 0.8569919304066584, 2.2064900167331674, 0.7145905382095866},
    {"gadre2024-refinedweb", 0.8652795355865953, 2.214814900678879, 0.7070485120802569},
};
template <typename T>
T GadreError(const GadreErrorConstants& k, const T& loss_nats) {
  using std::exp;
  return k.eps - k.k * exp(-k.gamma * loss_nats);
}

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_DOWNSTREAM_H_
