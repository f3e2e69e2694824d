// SPDX-License-Identifier: Apache-2.0
// Fits without a law: what a sweep says of learning rate and batch, and evaluations of a task.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/random.h"
#include "tests/matchers.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

using testing_support::IsOk;
using testing_support::StatusIs;

LawFitOptions By(FitMethod method) {
  LawFitOptions options;
  options.method = method;
  return options;
}

std::map<std::string, double> ConstantsOf(const LawFit& fit) {
  return {fit.constants.begin(), fit.constants.end()};
}

bool AllIntervalsHold(const LawFit& fit, const std::map<std::string, double>& truth) {
  for (const auto& [symbol, interval] : fit.intervals) {
    const double value = truth.at(symbol);
    if (value < interval.low || value > interval.high) return false;
  }
  return true;
}

// Losses that are least at lr = 20 N^-0.7 D^0.3 and B = 0.6 D^0.57, quadratic in their logarithms.
std::vector<Observation> Sweep(int cells) {
  std::vector<Observation> runs;
  for (int cell = 0; cell < cells; ++cell) {
    const double params = 1e8 * std::pow(2.0, cell % 4);
    const double tokens = 2e9 * std::pow(3.0, cell / 4) * (1 + 0.1 * (cell % 3));
    const double rate = 20 * std::pow(params, -0.7) * std::pow(tokens, 0.3);
    const double batch = 0.6 * std::pow(tokens, 0.57);
    for (int i = -2; i <= 2; ++i) {
      for (int j = -2; j <= 2; ++j) {
        Observation run;
        run.param_count = params;
        run.token_count = tokens;
        run.learning_rate = rate * std::pow(2.0, i);
        run.global_batch_tokens = batch * std::pow(2.0, j);
        run.loss_nats = 2.5 * (1 + 0.01 * i * i + 0.01 * j * j);
        runs.push_back(run);
      }
    }
  }
  return runs;
}

TEST(FitRecipeTest, ASweepTellsHowLearningRateAndBatchGrow) {
  const auto fit = FitLaw({.observations = Sweep(12)}, By(FitMethod::kHyperparameters));
  ASSERT_THAT(fit, IsOk());
  EXPECT_TRUE(fit->identifiability.identifiable);
  EXPECT_FALSE(fit->law.has_value());
  const std::map<std::string, double> constants = ConstantsOf(*fit);
  EXPECT_NEAR(constants.at("lr_N"), -0.7, 1e-9);
  EXPECT_NEAR(constants.at("lr_D"), 0.3, 1e-9);
  EXPECT_NEAR(constants.at("lr_c"), 20, 1e-6);
  EXPECT_NEAR(constants.at("B_D"), 0.57, 1e-9);
  EXPECT_NEAR(constants.at("B_c"), 0.6, 1e-7);
}

TEST(FitRecipeTest, AsManyCellsAsConstantsLeaveNoErrorAndNoAnswer) {
  const auto fit = FitLaw({.observations = Sweep(3)}, By(FitMethod::kHyperparameters));
  ASSERT_THAT(fit, IsOk());
  EXPECT_FALSE(fit->identifiability.identifiable);
  EXPECT_EQ(fit->identifiability.undetermined.size(), 5U);
  EXPECT_TRUE(fit->constants.empty());
}

TEST(FitRecipeTest, RowsWithoutTheColumnOfAMethodAreRefusedWithTheirNumber) {
  std::vector<Observation> sweep = Sweep(12);
  sweep[3].learning_rate.reset();
  EXPECT_THAT(FitLaw({.observations = sweep}, By(FitMethod::kHyperparameters)),
              StatusIs(absl::StatusCode::kInvalidArgument, "learning_rate in every row; 1 of 300"));
  sweep[5].global_batch_tokens.reset();
  EXPECT_THAT(FitLaw({.observations = sweep}, By(FitMethod::kCriticalBatch)),
              StatusIs(absl::StatusCode::kInvalidArgument, "global_batch_tokens in every row"));
  EXPECT_THAT(FitLaw({.observations = sweep}, By(FitMethod::kDownstream)),
              StatusIs(absl::StatusCode::kInvalidArgument, "task_metric in every row"));
}

// D = D_min(L) (1 + B / B_crit), B_crit = 1e7 L^-4: each batch's loss follows from its tokens.
TEST(FitRecipeTest, BatchesThatNeedMoreTokensForALossTellTheCriticalBatch) {
  std::vector<Observation> runs;
  for (const double batch : {1e5, 2e5, 4e5, 8e5, 1.6e6}) {
    for (int step = 0; step < 40; ++step) {
      const double loss = 4 * std::pow(0.97, step);
      const double least_tokens = 1e9 * std::pow(4 / loss, 6);
      runs.push_back({.param_count = 3e8,
                      .token_count = least_tokens * (1 + batch / (1e7 * std::pow(loss, -4))),
                      .loss_nats = loss,
                      .global_batch_tokens = batch});
    }
  }
  const auto fit = FitLaw({.observations = runs}, By(FitMethod::kCriticalBatch));
  ASSERT_THAT(fit, IsOk());
  ASSERT_TRUE(fit->identifiability.identifiable);
  // Losses between two points are interpolated along a line that is nearly straight.
  EXPECT_NEAR(ConstantsOf(*fit).at("L_p"), -4, 0.02);
  EXPECT_NEAR(ConstantsOf(*fit).at("L_c") / 1e7, 1, 0.03);
}

std::vector<Observation> Evaluations(uint64_t seed, double noise) {
  Random random(seed);
  std::vector<Observation> rows;
  for (int i = 0; i < 24; ++i) {
    Observation row;
    row.param_count = 1e9;
    row.token_count = 1e9 * (i + 1);
    row.loss_nats = 4.0 - 0.09 * i;
    row.task_metric =
        0.9 + (0.25 - 0.9) / (1 + std::exp(-3 * (row.loss_nats - 2.8))) + noise * random.Normal();
    row.schedule_fraction = 0.5;
    rows.push_back(row);
  }
  return rows;
}
const std::map<std::string, double> kTask = {
    {"L_0", 2.8}, {"k", 3}, {"chance", 0.25}, {"ceiling", 0.9}};

TEST(FitRecipeTest, CheckpointsTellWhatALossIsWorthAtATask) {
  const auto fit = FitLaw({.observations = Evaluations(1, 0)}, By(FitMethod::kDownstream));
  ASSERT_THAT(fit, IsOk());
  for (const auto& [symbol, value] : ConstantsOf(*fit)) {
    EXPECT_NEAR(value, kTask.at(symbol), 1e-5) << symbol;
  }
  EXPECT_EQ(fit->left_out_count, 0) << "a task's metric follows the loss in mid-schedule too";
}

TEST(FitRecipeTest, AKnownChanceLevelIsKeptAndHasNoError) {
  LawFitOptions options = By(FitMethod::kDownstream);
  options.fixed = {{"chance", 0.25}};
  const auto fit = FitLaw({.observations = Evaluations(1, 0.01)}, options);
  ASSERT_THAT(fit, IsOk());
  EXPECT_EQ(ConstantsOf(*fit).at("chance"), 0.25);
  EXPECT_EQ(fit->intervals.size(), 3U);
}

// Four intervals of 90% that were independent would hold the truth together in 66% of the cases;
// they rise and fall together, so that it is more often.
TEST(FitRecipeTest, IntervalsOfATaskHoldTheTruthAsOftenAsTheySay) {
  int holds = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const auto fit = FitLaw({.observations = Evaluations(seed, 0.005)}, By(FitMethod::kDownstream));
    ASSERT_THAT(fit, IsOk());
    holds += AllIntervalsHold(*fit, kTask) ? 1 : 0;
  }
  EXPECT_GE(holds, 40);
}

TEST(FitRecipeTest, OptionsOfALossSurfaceAreRefusedWithoutOne) {
  LawFitOptions options = By(FitMethod::kDownstream);
  options.fixed = {{"E", 1.8}};
  EXPECT_THAT(FitLaw({.observations = Evaluations(1, 0)}, options),
              StatusIs(absl::StatusCode::kInvalidArgument, "must be chance or ceiling"));
  options = By(FitMethod::kIsoFlop);
  options.tied = {{"alpha", "beta"}};
  EXPECT_THAT(FitLaw({.observations = GridRuns(TrueLaw(), 5, 5, 0.01, 1)}, options),
              StatusIs(absl::StatusCode::kInvalidArgument, "tied is of a loss surface"));
}

}  // namespace
}  // namespace rhumb
