// SPDX-License-Identifier: Apache-2.0
// Which small runs would narrow a planned decision most, per FLOP: the next experiments.
#ifndef RHUMB_PLANNER_FIT_SUGGEST_H_
#define RHUMB_PLANNER_FIT_SUGGEST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/laws/law.h"

namespace rhumb {

enum class SuggestTarget {
  kLogParams,  // ln N_opt at the target compute
  kLogLoss,    // ln L of the compute-optimal run there
};

struct SuggestOptions {
  SuggestTarget target = SuggestTarget::kLogParams;
  double target_flops = 0;  // C of the decision
  double budget_flops = 0;  // of all suggested runs together, 6ND each
  int max_run_count = 12;
  // Sizes and tokens per parameter to choose from; 0: the law's data box, half an octave wider.
  double min_param_count = 0, max_param_count = 0;
  double min_tokens_per_param = 0, max_tokens_per_param = 0;
};

struct SuggestedRun {
  double param_count = 0;
  double token_count = 0;
  double training_flops = 0;  // 6ND
  double std_after = 0;       // of the decision's logarithm, with this run and those before it
};

// Standard deviations of the decision's logarithm (of ln N_opt or ln L: fractions, not counts or
// nats), by the constants alone.
struct Suggestion {
  std::vector<SuggestedRun> runs;  // in order of worth
  double training_flops = 0;       // of all
  double std_before = 0;
  double std_after = 0;
  // The same budget spent on a customary grid: sizes evenly in ln N, a few tokens-per-parameter
  // each, the same number of runs at equal compute each.
  std::vector<SuggestedRun> grid_runs;
  double grid_flops = 0;
  double grid_std_after = 0;
  // Code and text: RUN_BEYOND_THE_DATA for a run of more compute than any behind the law,
  // ONE_RUN_DOMINATES for one that takes most of the budget.
  std::vector<std::pair<std::string, std::string>> warnings;
};

// Bayesian D-type design for one linear functional: a run at (N, D) adds g g^T / s^2 to the
// information (the inverse of the law's covariance), g = d ln L / d theta, s the residual deviation
// of ln L; the decision's variance is c^T M^-1 c. Runs are added greedily, by variance removed per
// FLOP and, as a second try, by variance removed; the better of the two is returned. A
// point may come several times: repeats average the noise. It stops early where the next run would
// narrow the deviation by less than 0.5%, and proposes none whose predicted loss is above 1.5 times
// the largest the law gives inside its data box. It takes the law's form for the truth: it says
// where the constants are weak, not where the form is. InvalidArgument names an option that is not
// positive; FailedPrecondition if the law carries no covariance or residual deviation, or the
// budget buys no run of the ranges. Source: Chaloner & Verdinelli 1995, doi:10.1214/ss/1177009939
// (c-optimality).
absl::StatusOr<Suggestion> SuggestRuns(const Law& law, const SuggestOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_SUGGEST_H_
