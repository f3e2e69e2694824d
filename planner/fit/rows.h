// SPDX-License-Identifier: Apache-2.0
// Observations as the fitter computes with them: logarithms in columns.
#ifndef RHUMB_PLANNER_FIT_ROWS_H_
#define RHUMB_PLANNER_FIT_ROWS_H_

#include <functional>
#include <optional>
#include <vector>

#include "Eigen/Core"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "planner/fit/observation.h"

namespace rhumb {

// One entry per observation, in order.
struct Rows {
  Eigen::ArrayXd log_params;         // ln N
  Eigen::ArrayXd log_tokens;         // ln D
  Eigen::ArrayXd log_unique_tokens;  // ln U; +infinity where tokens were not repeated
  Eigen::ArrayXd log_flops;          // ln C; ln 6ND where not given
  Eigen::ArrayXd log_steps;          // ln of optimizer steps; not a number where not given
  Eigen::ArrayXd log_loss;           // ln L
  Eigen::ArrayXd weight;
  // Run of each row, numbered from 0 in order of first appearance; resampling draws runs. Rows that
  // repeat another exactly are the same run: a copy is no second measurement.
  std::vector<int> run;
  int run_count = 0;

  int size() const { return static_cast<int>(log_loss.size()); }
};

// What a quantity of an observation can be in any unit.
struct PossibleRange {
  double least = 0;
  double most = 0;
};
// Of `field`, as Observation names it; nullopt if it has none but its sign.
std::optional<PossibleRange> PossibleRangeOf(absl::string_view field);

// InvalidArgument names the first row (counted from 0) and field that is not a positive finite
// number or that no unit could explain (1e300 parameters), or says that there is no row. Cancelled
// by `should_stop`, which is asked every few thousand rows.
absl::StatusOr<Rows> MakeRows(absl::Span<const Observation> observations,
                              const std::function<bool()>& should_stop = {});

// The rows with these indices (repeats allowed), runs numbered anew.
Rows SelectRows(const Rows& rows, absl::Span<const int> indices);
// The same; Cancelled by `should_stop`, which is asked before each column.
absl::StatusOr<Rows> SelectRows(const Rows& rows, absl::Span<const int> indices,
                                const std::function<bool()>& should_stop);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_ROWS_H_
