// SPDX-License-Identifier: Apache-2.0
// Fits on the smaller runs, predicts the larger: the only evidence about extrapolation that the
// data themselves hold. Used to weigh forms, to widen intervals and to back-test.
#ifndef RHUMB_PLANNER_FIT_ROLLOUT_H_
#define RHUMB_PLANNER_FIT_ROLLOUT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "Eigen/Core"
#include "absl/status/statusor.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/rows.h"

namespace rhumb {

enum class RollOutAxis { kCompute, kParams };

// Training rows lie at or below `train_max`, test rows above. Whole runs: a run is as large as its
// largest row, and is tested once, at its last row.
struct Origin {
  double train_max = 0;  // ln C or ln N
  std::vector<int> train, test;
};

// ln C or ln N of the largest row of each run.
std::vector<double> RunReach(const Rows& rows, RollOutAxis axis);

// The split at one place; nullopt if a side is empty.
std::optional<Origin> SplitAt(const Rows& rows, RollOutAxis axis, double train_max);

// Up to `max_count` splits, the smallest with `min_train_runs` runs to train on, the others evenly
// spaced in ln C (or ln N) above it, different training sets each. By rising train_max.
std::vector<Origin> MakeOrigins(const Rows& rows, RollOutAxis axis, int min_train_runs,
                                int max_count);

// One form at one origin, an entry per test row.
struct OriginOutcome {
  bool fitted = false;
  Eigen::ArrayXd error;      // measured - predicted ln L
  Eigen::ArrayXd deviation;  // of the prediction by parameters alone
  double residual_std = 0;
};

struct RollOutOptions {
  int draw_count = 60;  // per fit, for `deviation`; 0: not computed
  uint64_t seed = 42;
  std::function<bool(double)> progress;  // false cancels
};

// outcome[origin][spec]. Cancelled by `progress`, or by minimize.should_stop of a spec's options.
absl::StatusOr<std::vector<std::vector<OriginOutcome>>> RollOut(const std::vector<FormSpec>& specs,
                                                                const Rows& rows,
                                                                const std::vector<Origin>& origins,
                                                                const RollOutOptions& options);

// Mean over the origins that a spec was fitted at of its mean squared error there, under the root;
// infinite if it was fitted at none.
double RollOutRms(const std::vector<std::vector<OriginOutcome>>& outcomes, size_t spec);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_ROLLOUT_H_
