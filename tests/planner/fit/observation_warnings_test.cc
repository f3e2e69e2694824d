// SPDX-License-Identifier: Apache-2.0
// Units that give themselves away before any fit. Those that FitLaw's own tests meet are there.
#include "planner/fit/observation_warnings.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

// Eleven runs of 20 tokens a parameter over two decades of C around 1e20 FLOPs, the loss falling
// from `middle_nats` there as C^elasticity.
std::vector<Observation> Ladder(double middle_nats, double elasticity) {
  std::vector<Observation> runs;
  for (int i = -5; i <= 5; ++i) {
    const double flops = 1e20 * std::pow(10, 0.2 * i);
    const double params = std::sqrt(flops / 120);
    runs.push_back({.param_count = params,
                    .token_count = 20 * params,
                    .loss_nats = middle_nats * std::pow(flops / 1e20, elasticity)});
  }
  return runs;
}
std::vector<Observation> Ordinary() { return Ladder(3, -0.05); }

TEST(ObservationWarningsTest, OrdinaryRunsRaiseNone) {
  EXPECT_THAT(ObservationWarnings(Ordinary()), IsEmpty());
}

// From 10.7 to 3.4: none worse than guessing, the median better than counting words.
TEST(ObservationWarningsTest, LargeLossesThatFallTooSteeplyLookLikePerplexities) {
  EXPECT_THAT(
      ObservationWarnings(Ladder(6, -0.25)),
      ElementsAre(Pair("LOSS_UNIT_DOUBTFUL", AllOf(HasSubstr("C^-0.25"), HasSubstr("logarithm")))));
}

TEST(ObservationWarningsTest, LargeLossesThatFallAsLossesDoAreOrdinary) {
  EXPECT_THAT(ObservationWarnings(Ladder(6, -0.12)), IsEmpty());
}

TEST(ObservationWarningsTest, SmallLossesMayFallSteeply) {
  EXPECT_THAT(ObservationWarnings(Ladder(4, -0.25)), IsEmpty());
}

TEST(ObservationWarningsTest, LargeLossesOfOneComputeShowNoSlope) {
  std::vector<Observation> runs = Ladder(6, -0.25);
  for (Observation& run : runs) {
    run.token_count *=
        runs[0].param_count * runs[0].token_count / run.param_count / run.token_count;
  }
  EXPECT_THAT(ObservationWarnings(runs), IsEmpty());
}

// Of 1e12 parameters and 2e13 tokens in millions each column would pass for itself.
TEST(ObservationWarningsTest, TokensInMillionsBesideLargeModelsAreDoubtful) {
  std::vector<Observation> runs = Ordinary();
  for (Observation& run : runs) {
    run.param_count *= 1e3;
    run.token_count *= 1e3 / 1e6;
  }
  EXPECT_THAT(ObservationWarnings(runs),
              ElementsAre(Pair("TOKENS_PER_PARAM_DOUBTFUL", HasSubstr("2e-05 tokens"))));
}

TEST(ObservationWarningsTest, ParametersInMillionsBesideLargeDataAreDoubtful) {
  std::vector<Observation> runs = Ordinary();
  for (Observation& run : runs) {
    run.param_count *= 1e3 / 1e6;
    run.token_count *= 1e3;
  }
  EXPECT_THAT(ObservationWarnings(runs),
              ElementsAre(Pair("TOKENS_PER_PARAM_DOUBTFUL", HasSubstr("2e+07 tokens"))));
}

TEST(ObservationWarningsTest, ThousandsOfTokensAParameterAreOrdinary) {
  std::vector<Observation> runs = Ordinary();
  for (Observation& run : runs) run.token_count *= 1e3;
  EXPECT_THAT(ObservationWarnings(runs), IsEmpty());
}

std::vector<Observation> WithFlops(double factor) {
  std::vector<Observation> runs = Ordinary();
  for (Observation& run : runs) run.training_flops = factor * 6 * run.param_count * run.token_count;
  return runs;
}

TEST(ObservationWarningsTest, ARowOfAnotherUnitOfComputeIsCounted) {
  std::vector<Observation> runs = WithFlops(1);
  *runs[3].training_flops *= 1e-12;  // in teraflops
  EXPECT_THAT(ObservationWarnings(runs),
              ElementsAre(Pair("FLOPS_UNITS_MIXED", HasSubstr("of 1 of 11 rows"))));
}

TEST(ObservationWarningsTest, ComputeThatScattersTenfoldIsOfOneUnit) {
  std::vector<Observation> runs = WithFlops(1);
  *runs[3].training_flops *= 10;
  *runs[4].training_flops *= 0.1;
  EXPECT_THAT(ObservationWarnings(runs), IsEmpty());
}

TEST(ObservationWarningsTest, AllComputeOfAnotherUnitIsNotMixed) {
  EXPECT_THAT(ObservationWarnings(WithFlops(1e-12)),
              ElementsAre(Pair("FLOPS_DIFFER_FROM_6ND", HasSubstr("1e-12 times 6ND"))));
}

}  // namespace
}  // namespace rhumb
