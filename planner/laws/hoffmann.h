// SPDX-License-Identifier: Apache-2.0
// Hoffmann et al. 2022 beside the parametric law: exact FLOPs (appendix F) and the power laws
// behind approaches 1 and 2. The parametric law of approach 3 is in chinchilla.h and catalog.h.
// Source: arXiv:2203.15556.
#ifndef RHUMB_PLANNER_LAWS_HOFFMANN_H_
#define RHUMB_PLANNER_LAWS_HOFFMANN_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace rhumb {

struct HoffmannShape {
  double num_layers = 0;
  double hidden_size = 0;
  double ffn_size = 0;
  double num_heads = 0;
  double sequence_length = 0;
  double vocab_size = 0;
};

// n_layer (5 d^2 + 2 d d_ff + 15 d) + 2 d + V d: relative-position projection d^2, biases and
// norms.
double HoffmannParamCount(const HoffmannShape& shape);

// Appendix F without embedding and logits: training FLOPs of one sequence (3x forward).
double HoffmannTrainingFlopsPerSequence(const HoffmannShape& shape);

// The ratio of the two countings, exact / 6 N S. Table A4 prints it; it is reproduced only without
// the embedding and logit FLOPs.
double HoffmannFlopsRatio(const HoffmannShape& shape);

// One row of Table 3 (approach 1) or Table A3 (approach 2).
struct HoffmannRow {
  double param_count = 0;
  double training_flops = 0;
};
absl::Span<const HoffmannRow> HoffmannTable3();
absl::Span<const HoffmannRow> HoffmannTableA3Approach2();

// N = prefactor C^exponent.
struct PowerLaw {
  double prefactor = 0;
  double exponent = 0;
};
double Evaluate(const PowerLaw& law, double training_flops);

// Unweighted least squares of ln N on ln C. InvalidArgument for fewer than two distinct budgets or
// for a value that is not positive and finite.
absl::StatusOr<PowerLaw> FitPowerLaw(absl::Span<const HoffmannRow> rows);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_HOFFMANN_H_
