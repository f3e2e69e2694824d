// SPDX-License-Identifier: Apache-2.0
// What a fit is given: finished training runs (or checkpoints of them) with their conventions.
// Not how they are read from a file or stored.
#ifndef RHUMB_PLANNER_FIT_OBSERVATION_H_
#define RHUMB_PLANNER_FIT_OBSERVATION_H_

#include <optional>
#include <string>
#include <vector>

#include "planner/laws/law.h"

namespace rhumb {

// One measured loss. Counts are real numbers: 6ND of real tables exceeds int64.
struct Observation {
  double param_count = 0;                    // N, as the set's convention counts
  double token_count = 0;                    // D, processed
  double loss_nats = 0;                      // per token
  std::optional<double> training_flops;      // C; absent: 6ND
  std::optional<double> unique_token_count;  // U; absent: no repetition
  std::optional<double> global_batch_tokens;
  std::optional<double> learning_rate;
  std::optional<double> step_count;
  // Fraction of the learning-rate schedule done; below 1 the run was still in mid-schedule.
  std::optional<double> schedule_fraction;
  // Accuracy or another bounded score of a task at this loss.
  std::optional<double> task_metric;
  double weight = 1;  // of the row in the objective, >= 0
  std::string run;    // checkpoints of one run share it; empty: the row is a run of its own
};

// Observations that may be fitted together: one tokenizer, one data set, one way of counting.
struct ObservationSet {
  std::vector<Observation> observations;
  ParamCountConvention param_count_convention = ParamCountConvention::kTotal;
  FlopsConvention flops_convention = FlopsConvention::kSixNd;
  std::string tokenizer;
  std::string dataset;
  std::string source;
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_OBSERVATION_H_
