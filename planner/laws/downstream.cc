// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/downstream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "planner/status_macros.h"

namespace rhumb {

absl::Status ValidateTaskSigmoid(const TaskSigmoid& task) {
  for (const auto& [field, value] : {std::pair<const char*, double>{"amplitude", task.amplitude},
                                     {"steepness", task.steepness},
                                     {"midpoint_loss_nats", task.midpoint_loss_nats},
                                     {"offset", task.offset},
                                     {"residual_std", task.residual_std}}) {
    if (!std::isfinite(value)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s is %g; it must be finite", field, value));
    }
  }
  if (task.amplitude == 0) {
    return absl::InvalidArgumentError("amplitude is 0; the metric would not move with the loss");
  }
  if (!(task.steepness > 0)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("steepness is %g; it must be positive", task.steepness));
  }
  if (task.residual_std < 0) {
    return absl::InvalidArgumentError(
        absl::StrFormat("residual_std is %g; it must be non-negative", task.residual_std));
  }
  return absl::OkStatus();
}

double TaskMetric(const TaskSigmoid& task, double loss_nats) {
  return task.amplitude / (1 + std::exp(-task.steepness * (loss_nats - task.midpoint_loss_nats))) +
         task.offset;
}

double TaskMetricAtEndlessLoss(const TaskSigmoid& task) { return task.amplitude + task.offset; }

double TaskMetricAtNoLoss(const TaskSigmoid& task) { return task.offset; }

double TaskMetricSlope(const TaskSigmoid& task, double loss_nats) {
  // s(1 - s) as a product of both tails: 1 - s would lose its digits where s is near one.
  const double x = task.steepness * (loss_nats - task.midpoint_loss_nats);
  return task.amplitude * task.steepness / (1 + std::exp(-x)) / (1 + std::exp(x));
}

absl::StatusOr<double> LossForTaskMetric(const TaskSigmoid& task, double metric) {
  RHUMB_RETURN_IF_ERROR(ValidateTaskSigmoid(task));
  const double share = (metric - task.offset) / task.amplitude;  // the sigmoid itself
  if (!(share > 0 && share < 1)) {
    return absl::OutOfRangeError(
        absl::StrFormat("metric is %g; it must lie between the chance level %g and the ceiling %g",
                        metric, TaskMetricAtEndlessLoss(task), TaskMetricAtNoLoss(task)));
  }
  return task.midpoint_loss_nats + std::log(share / (1 - share)) / task.steepness;
}

absl::StatusOr<MetricInterval> PredictTaskMetric(const TaskSigmoid& task,
                                                 const LossInterval& loss) {
  RHUMB_RETURN_IF_ERROR(ValidateTaskSigmoid(task));
  MetricInterval interval;
  interval.mean = TaskMetric(task, loss.mean_nats);
  interval.level = loss.level;
  interval.chance = TaskMetricAtEndlessLoss(task);
  interval.ceiling = TaskMetricAtNoLoss(task);
  const double ends[] = {TaskMetric(task, loss.low_nats), TaskMetric(task, loss.high_nats)};
  const bool known_level = loss.level > 0 && loss.level < 1;
  const double residual =
      known_level ? -StandardNormalQuantile((1 - loss.level) / 2) * task.residual_std : 0;
  const double below = std::hypot(interval.mean - std::min(ends[0], ends[1]), residual);
  const double above = std::hypot(std::max(ends[0], ends[1]) - interval.mean, residual);
  const auto [least, most] = std::minmax(interval.chance, interval.ceiling);
  interval.low = std::max(interval.mean - below, least);
  interval.high = std::min(interval.mean + above, most);
  return interval;
}

double TaskLossOfFlops(const LinearTaskLoss& line, double training_flops) {
  return line.intercept + line.slope * std::log(training_flops);
}

double ExactMatchAccuracy(double loss_nats, double token_count) {
  return std::exp(-loss_nats * token_count);
}

double SchaefferTokenLoss(double param_count, double scale, double exponent) {
  return std::pow(param_count / scale, exponent);
}

}  // namespace rhumb
