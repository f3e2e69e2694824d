// SPDX-License-Identifier: Apache-2.0
// Compute-optimal sizes that were published as power laws of C rather than as a loss law: Llama 3,
// and the exponents by which Porian et al. explain why Kaplan and Chinchilla differ. DeepSeek's is
// in learning_rate.h, Hoffmann's tables in hoffmann.h, Kaplan's in kaplan.h.
#ifndef RHUMB_PLANNER_LAWS_ALLOCATION_TRENDS_H_
#define RHUMB_PLANNER_LAWS_ALLOCATION_TRENDS_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace rhumb {

// Llama 3: D = 0.299 C^0.537 tokens and N = C/(6D). The paper's "N*(C)" is tokens; it prints
// (0.29, 0.53) and, for 3.8e25, 16.55e12 tokens and 402e9 parameters; the figure's constants give
// 16.3e12 and 389e9. Source: arXiv:2407.21783, figure 3 (secondary).
struct Llama3Allocation {
  double token_count = 0;
  double param_count = 0;
};
Llama3Allocation Llama3Optimum(double training_flops);

// Exponent of N_opt in C after each correction of Kaplan's recipe, on RefinedWeb. Source: Porian et
// al. 2024, arXiv:2406.19146, exponents checked against the authors' released code.
struct PorianStep {
  absl::string_view correction;
  double params_exponent = 0;
};
absl::Span<const PorianStep> PorianSteps();

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_ALLOCATION_TRENDS_H_
