// SPDX-License-Identifier: Apache-2.0
// Approach 2: at each compute budget a parabola of the loss in ln N gives the best size; a line
// through the logarithms of the best sizes gives how it grows. Says nothing of the loss surface.
// Source: Hoffmann et al. 2022, arXiv:2203.15556, section 3.2.
#ifndef RHUMB_PLANNER_FIT_ISOFLOP_H_
#define RHUMB_PLANNER_FIT_ISOFLOP_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/rows.h"

namespace rhumb {

// N_opt = params_coefficient C^params_exponent and, as C = 6ND, D_opt likewise.
struct OptimumTrend {
  double params_exponent = 0;
  double params_coefficient = 0;
  double tokens_exponent = 0;
  double tokens_coefficient = 0;
  double params_exponent_std_error = 0;  // of the line alone; infinite through two points
  // From resampled runs, at the level asked for; absent if too few draws gave a trend.
  std::optional<std::pair<double, double>> params_exponent_interval;
  int draw_count = 0;
  int failed_draw_count = 0;

  double ParamsAt(double training_flops) const;
};

struct TrendOptions {
  int bootstrap_count = 1000;  // 0: no interval
  uint64_t seed = 42;
  double level = 0.9;
  // Called now and then with the fraction done; false cancels.
  std::function<bool(double)> progress;
};

struct IsoFlopOptions {
  // Runs whose compute differs by less than this fraction share a budget.
  double budget_tolerance = 0.1;
  // Sizes whose loss is within this fraction of the least are as good as the best one.
  double flat_loss_fraction = 1e-3;
  TrendOptions trend;
};

struct IsoFlopBudget {
  double training_flops = 0;  // geometric mean of its runs
  int observation_count = 0;
  int size_count = 0;           // different N
  double best_param_count = 0;  // vertex; 0 if there is none
  double best_loss_nats = 0;
  // L(N) = best_loss_nats + curvature_nats (ln N - ln best_param_count)^2. Absent without a
  // parabola that opens upward; then nothing else of the parabola means anything.
  std::optional<double> curvature_nats;
  // Sizes within flat_loss_fraction of the least loss, by the parabola.
  double flat_low_param_count = 0;
  double flat_high_param_count = 0;
  bool used = false;
  std::string dropped_because;  // empty if used
  std::vector<int> rows;        // indices, by rising size
};

struct IsoFlopFit {
  std::vector<IsoFlopBudget> budgets;  // by rising compute
  OptimumTrend trend;
  std::vector<std::pair<std::string, std::string>> warnings;  // code, text
};

// The parabolas alone, by rising compute: least squares, rows by their weight. InvalidArgument
// names an option out of range.
absl::StatusOr<std::vector<IsoFlopBudget>> FitIsoFlopBudgets(const Rows& rows,
                                                             const IsoFlopOptions& options);

// The parabolas and the trend of their minima. A budget is dropped if it has fewer than three
// sizes, if its parabola has no minimum, or if the minimum lies outside of the sizes that were run.
// InvalidArgument names an option out of range; FailedPrecondition if fewer than two budgets are
// left, with why each was dropped; Cancelled by `progress`.
absl::StatusOr<IsoFlopFit> FitIsoFlop(const Rows& rows, const IsoFlopOptions& options);

// The trend with an interval from `fit_draw`, which fits runs with given weights: shared by the
// approaches that give a trend. `fit_draw` returns the params exponent or nothing.
absl::Status AddTrendInterval(
    int run_count, const TrendOptions& options,
    const std::function<std::optional<double>(const std::vector<double>&)>& fit_draw,
    OptimumTrend& trend);
// The trend of best sizes over budgets. FailedPrecondition with fewer than two different budgets.
absl::StatusOr<OptimumTrend> FitTrend(const std::vector<double>& training_flops,
                                      const std::vector<double>& param_counts);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_ISOFLOP_H_
