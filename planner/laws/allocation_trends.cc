// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/allocation_trends.h"

#include <cmath>

#include "planner/laws/chinchilla.h"

namespace rhumb {

Llama3Allocation Llama3Optimum(double training_flops) {
  const double token_count = 0.299 * std::pow(training_flops, 0.537);
  return {.token_count = token_count,
          .param_count = training_flops / (kTrainingFlopsPerParamToken * token_count)};
}

absl::Span<const PorianStep> PorianSteps() {
  static constexpr PorianStep kSteps[] = {
      {"Kaplan's recipe reproduced", 0.835},
      {"FLOPs of the last layer counted", 0.706},
      {"warm-up scaled with the model", 0.602},
      {"cosine decay matched to the run", 0.571},
      {"learning rate, batch and beta2 tuned for each size", 0.497},
  };
  return kSteps;
}

}  // namespace rhumb
