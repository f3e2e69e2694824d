// SPDX-License-Identifier: Apache-2.0
// A law judged as it is on runs: how far off, to which side, and how many lie in their intervals.
// Nothing is fitted; backtest.h judges fits.
#ifndef RHUMB_PLANNER_FIT_JUDGE_LAW_H_
#define RHUMB_PLANNER_FIT_JUDGE_LAW_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/observation.h"
#include "planner/laws/law.h"
#include "planner/laws/loss_model.h"

namespace rhumb {

// What the law says of one observation.
struct JudgedRow {
  double predicted_nats = 0;
  // Of one run; absent if the law has no covariance or no residual deviation.
  std::optional<PredictionInterval> interval;
  double error_fraction = 0;  // predicted / measured - 1
  // Whether it is the row its run ends with: the one that counts, so that a run with many
  // checkpoints has one vote. Rows in mid-schedule and of weight 0 never are.
  bool is_last_of_run = false;
};

struct LawJudgement {
  // One split that is trained on nothing. `coverage` and the intervals' width are not numbers
  // unless every run has an interval.
  Backtest backtest;
  std::vector<JudgedRow> rows;  // an entry per observation, in order
  // Code, text: what makes the losses or counts of law and runs incomparable.
  std::vector<std::pair<std::string, std::string>> warnings;
};

// `level` of the intervals, in (0, 1). InvalidArgument if it is not, if there is no observation, or
// names the first row (from 0) and field that is not a positive finite number. Cancelled by
// `should_stop`.
absl::StatusOr<LawJudgement> JudgeLaw(const Law& law, const ObservationSet& observations,
                                      double level,
                                      const std::function<bool()>& should_stop = nullptr);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_JUDGE_LAW_H_
