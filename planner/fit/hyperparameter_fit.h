// SPDX-License-Identifier: Apache-2.0
// Learning rate, batch and critical batch as laws of N, D and loss, from sweeps at several sizes.
#ifndef RHUMB_PLANNER_FIT_HYPERPARAMETER_FIT_H_
#define RHUMB_PLANNER_FIT_HYPERPARAMETER_FIT_H_

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "planner/fit/log_linear.h"
#include "planner/fit/observation.h"

namespace rhumb {

struct HyperparameterOptions {
  // Runs whose loss is within this fraction of the least of their (N, D) are near the best.
  double near_best_fraction = 0.0025;
};

struct HyperparameterFit {
  int cell_count = 0;         // different (N, D)
  int observation_count = 0;  // runs near the best
  PowerLawFit learning_rate;  // of (N, D)
  PowerLawFit batch_tokens;   // of (D)
};

// lr = c N^a D^b and batch = c D^b by least squares of logarithms over the runs near the best of
// their (N, D). Standard errors take runs of one (N, D) as one group: they share its optimum.
// InvalidArgument names the first row without learning_rate or global_batch_tokens;
// FailedPrecondition if the cells cannot tell the exponents apart.
// Source of the method: Li et al. 2025 (Step Law), arXiv:2503.04715.
absl::StatusOr<HyperparameterFit> FitHyperparameters(absl::Span<const Observation> sweep,
                                                     const HyperparameterOptions& options = {});

// Tokens needed to reach one loss with each batch, and what follows from them.
struct IsoLossCurve {
  double param_count = 0;
  double loss_nats = 0;
  std::vector<std::pair<double, double>> tokens_by_batch;  // (batch tokens, D), by rising batch
  int fitted_batch_count = 0;                              // from the most efficient batch upward
  double min_token_count = 0;                              // D_min
  double critical_batch_tokens = 0;                        // B_crit
};

struct CriticalBatchOptions {
  // Targets are the least loss at each D of a size but its first and last, times this.
  double target_factor = 1.01;
  // A batch tried at fewer D than this is left out: between two far ones a line of logarithms is
  // no interpolation.
  int min_token_counts = 3;
};

struct CriticalBatchFit {
  std::vector<IsoLossCurve> curves;  // by rising N, then falling loss
  // B_crit as a power of the loss and of D_min over the curves; absent with fewer than three.
  std::optional<PowerLawFit> by_loss, by_tokens;
};

// D = D_min (1 + B/B_crit): for each size and target the least loss over the learning rates is
// interpolated in ln D at each batch, then a line through D over B from the batch that needs the
// fewest tokens upward. Nothing is extrapolated: a batch that does not cross the target is left
// out.
// InvalidArgument names the first row without global_batch_tokens; FailedPrecondition if no curve
// has three batches.
// Source of the method: Bergsma et al. 2025 (Power Lines), arXiv:2505.13738.
absl::StatusOr<CriticalBatchFit> FitCriticalBatch(absl::Span<const Observation> sweep,
                                                  const CriticalBatchOptions& options = {});

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_HYPERPARAMETER_FIT_H_
