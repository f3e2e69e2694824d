// SPDX-License-Identifier: Apache-2.0
// Approach 1: at each compute, the size of the run with the least loss so far; a line through the
// logarithms. Needs checkpoints along runs; those in mid-schedule bias it.
// Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.1.
#ifndef RHUMB_PLANNER_FIT_ENVELOPE_H_
#define RHUMB_PLANNER_FIT_ENVELOPE_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/isoflop.h"
#include "planner/fit/rows.h"

namespace rhumb {

struct EnvelopeOptions {
  // Budgets looked at, spaced evenly in ln C. Absent: from the first to the last compute at which
  // at least two runs can be compared.
  std::optional<double> lowest_flops, highest_flops;
  int budget_count = 1500;
  int min_checkpoints = 3;  // of a run that takes part
  TrendOptions trend;
};

struct EnvelopeFit {
  double lowest_flops = 0;
  double highest_flops = 0;
  int budget_count = 0;    // at which some run could be read
  int run_count = 0;       // that took part
  int best_run_count = 0;  // that were the best somewhere
  OptimumTrend trend;
};

// The loss of a run between two checkpoints is interpolated linearly in ln L over ln C; nothing is
// extrapolated. InvalidArgument names an option out of range; FailedPrecondition if no two runs
// overlap or one size is best everywhere; Cancelled by `progress`.
absl::StatusOr<EnvelopeFit> FitEnvelope(const Rows& rows, const EnvelopeOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_ENVELOPE_H_
