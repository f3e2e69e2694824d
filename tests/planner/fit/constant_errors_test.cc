// SPDX-License-Identifier: Apache-2.0
// Standard errors and intervals of constants come by different ways and say the same.
#include <string>

#include "gtest/gtest.h"
#include "planner/fit/fit_law.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

// Of the exponent, over what a normal estimate with this standard error would have.
double IntervalOverError(const std::string& family, int ratios, int bootstrap_count) {
  LawFitOptions options;
  options.family = family;
  options.bootstrap_count = bootstrap_count;
  const LawFit fit =
      FitLaw({.observations = GridRuns(TrueLaw(), 2, ratios, 0.002, 3)}, options).value();
  EXPECT_TRUE(fit.identifiability.identifiable) << fit.termination;
  if (fit.intervals.empty()) return 0;
  const Interval interval = fit.intervals.back().second;
  return (interval.high - interval.low) / (2 * 1.645 * fit.std_errors.back().second);
}

// An even number of runs on a power of one count: absolute deviations are least along a line.
TEST(ConstantErrorsTest, ErrorsOfAPowerOfComputeAgreeWithItsIntervals) {
  EXPECT_NEAR(IntervalOverError("kaplan-c", 12, 200), 1, 0.3);
  EXPECT_NEAR(IntervalOverError("kaplan-n", 12, 200), 1, 0.3);
}

TEST(ConstantErrorsTest, ErrorsOfAPowerOfComputeOfFewRunsAgreeWithTheirProfiles) {
  EXPECT_NEAR(IntervalOverError("kaplan-c", 5, 200), 1, 0.5);
  EXPECT_NEAR(IntervalOverError("kaplan-d", 5, 200), 1, 0.5);
}

TEST(ConstantErrorsTest, ErrorsOfAPowerOfComputeWithoutDrawsAgreeWithItsIntervals) {
  EXPECT_NEAR(IntervalOverError("kaplan-c", 12, 0), 1, 0.3);
  EXPECT_NEAR(IntervalOverError("kaplan-c", 5, 0), 1, 0.5);
}

}  // namespace
}  // namespace rhumb
