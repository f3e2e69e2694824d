// SPDX-License-Identifier: Apache-2.0
// 90% intervals hold the truth in 87 to 93% of 2,000 data sets drawn from a known law with
// heavy-tailed noise. Fixed seeds: the test is exact, not a gamble.
#include <cmath>
#include <cstdio>

#include "gtest/gtest.h"
#include "planner/fit/decisions.h"
#include "planner/fit/draws.h"
#include "planner/fit/forms.h"
#include "planner/laws/chinchilla.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

constexpr int kDataSets = 2000;
constexpr double kLevel = 0.9;
// A decision inside the data: the middle of their compute.
constexpr double kTrainingFlops = 1e20;

struct Coverage {
  double exponent = 0, params = 0, loss = 0;
  int fitted = 0;
};

Coverage Measure(int sizes, int ratios, double noise, int draws) {
  const ChinchillaLaw law = TrueLaw();
  const FrontierPoint truth = OptimumForCompute(law, kTrainingFlops);
  const double exponent = law.beta / (law.alpha + law.beta);
  const auto holds = [](const Interval& interval, double value) {
    return interval.low <= value && value <= interval.high ? 1.0 : 0.0;
  };
  Coverage coverage;
  const FitOptions options;
  for (int k = 0; k < kDataSets; ++k) {
    const auto rows =
        MakeRows(GridRuns(law, sizes, ratios, noise, 1000 + static_cast<uint64_t>(k)));
    const auto fit = FitForm(ChinchillaForm(), *rows, options);
    if (!fit.ok()) continue;
    const auto drawn = DrawParameters(*fit, options, *rows,
                                      {.draw_count = draws, .seed = static_cast<uint64_t>(k)});
    if (!drawn.ok()) continue;
    const auto decided =
        DecideAtCompute({{.fit = &*fit, .draws = &*drawn}}, kTrainingFlops, kLevel);
    const auto a = ParamsExponent({{.fit = &*fit, .draws = &*drawn}}, kLevel);
    ++coverage.fitted;
    coverage.exponent += holds(a->interval, exponent);
    coverage.params += holds(decided->param_count.interval, truth.param_count);
    coverage.loss += holds(decided->loss_nats.interval, truth.loss_nats);
  }
  coverage.exponent /= coverage.fitted;
  coverage.params /= coverage.fitted;
  coverage.loss /= coverage.fitted;
  std::printf("%d x %d runs: %d fitted, coverage of a %.3f, N* %.3f, loss %.3f\n", sizes, ratios,
              coverage.fitted, coverage.exponent, coverage.params, coverage.loss);
  return coverage;
}

void ExpectHonest(const Coverage& coverage, double most) {
  EXPECT_GE(coverage.fitted, 0.99 * kDataSets);
  for (const double share : {coverage.exponent, coverage.params, coverage.loss}) {
    EXPECT_GE(share, 0.87);
    EXPECT_LE(share, most);
  }
}

TEST(CoverageTest, IntervalsOfManyRunsHoldTheTruthAsOftenAsTheySay) {
  ExpectHonest(Measure(8, 6, 0.005, 120), 0.93);
}

// Four runs a constant: Student's correction of a nearly absolute fit errs on the safe side.
TEST(CoverageTest, IntervalsOfFewRunsHoldTheTruthAsOftenAsTheySay) {
  ExpectHonest(Measure(5, 4, 0.005, 120), 0.95);
}

}  // namespace
}  // namespace rhumb
