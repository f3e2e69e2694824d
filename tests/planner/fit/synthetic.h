// SPDX-License-Identifier: Apache-2.0
// Runs drawn from a known law, for tests that need the truth.
#ifndef RHUMB_TESTS_PLANNER_FIT_SYNTHETIC_H_
#define RHUMB_TESTS_PLANNER_FIT_SYNTHETIC_H_

#include <cmath>
#include <vector>

#include "planner/fit/observation.h"
#include "planner/fit/random.h"
#include "planner/laws/chinchilla.h"

namespace rhumb {

// Constants of the order that real fits find; exact binary values are not needed.
inline ChinchillaLaw TrueLaw() {
  return {.irreducible_loss_nats = 1.8, .a = 480, .b = 2100, .alpha = 0.35, .beta = 0.37};
}

// A grid of sizes x tokens per parameter, losses by the law times exp(noise). The noise is heavy
// tailed: normal, and four times as wide for one run in ten, as published tables are.
inline std::vector<Observation> GridRuns(const ChinchillaLaw& law, int sizes, int ratios,
                                         double noise_std, uint64_t seed, double least_params = 5e7,
                                         double most_params = 5e9) {
  Random random(seed);
  std::vector<Observation> runs;
  for (int i = 0; i < sizes; ++i) {
    for (int j = 0; j < ratios; ++j) {
      Observation run;
      run.param_count =
          least_params * std::pow(most_params / least_params, i / std::max(1.0, sizes - 1.0));
      run.token_count = run.param_count * 4 * std::pow(50.0, j / std::max(1.0, ratios - 1.0));
      const double width = random.Uniform() < 0.1 ? 4 : 1;
      run.loss_nats = ExpectedLoss(law, run.param_count, run.token_count) *
                      std::exp(width * noise_std * random.Normal());
      runs.push_back(run);
    }
  }
  return runs;
}

}  // namespace rhumb

#endif  // RHUMB_TESTS_PLANNER_FIT_SYNTHETIC_H_
