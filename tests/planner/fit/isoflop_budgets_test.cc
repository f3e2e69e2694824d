// SPDX-License-Identifier: Apache-2.0
// The budgets behind an isoFLOP fit, as FitLaw answers them, on runs that are exact parabolas.

#include <cmath>
#include <vector>

#include "gtest/gtest.h"
#include "planner/fit/fit_law.h"

namespace rhumb {
namespace {

// At each budget sizes around 0.1 sqrt(C), L = 2.5 + 0.05 x^2 with x = ln N - ln 0.1 sqrt(C); the
// first of them in mid-schedule where `has_unfinished`.
ObservationSet ParabolaRuns(const std::vector<double>& budgets, bool has_unfinished = false) {
  ObservationSet set;
  for (const double flops : budgets) {
    for (const double ratio : {3.0, 0.3, 0.6, 1.0, 1.7}) {
      Observation run;
      run.training_flops = flops;
      run.param_count = 0.1 * std::sqrt(flops) * ratio;
      run.token_count = flops / (6 * run.param_count);
      run.loss_nats = 2.5 + 0.05 * std::log(ratio) * std::log(ratio);
      if (has_unfinished && ratio == 3.0) run.schedule_fraction = 0.5;
      set.observations.push_back(run);
    }
  }
  return set;
}

LawFitOptions IsoFlop() {
  LawFitOptions options;
  options.method = FitMethod::kIsoFlop;
  options.bootstrap_count = 0;
  return options;
}

std::vector<IsoFlopBudget> Budgets(const ObservationSet& set,
                                   const LawFitOptions& options = IsoFlop()) {
  return FitLaw(set, options).value().isoflop_budgets;
}

TEST(IsoFlopBudgetsTest, ExactParabolasComeBack) {
  const std::vector<IsoFlopBudget> budgets = Budgets(ParabolaRuns({1e20, 1e18, 1e19}));
  ASSERT_EQ(budgets.size(), 3u);
  for (size_t b = 0; b < 3; ++b) {
    const IsoFlopBudget& budget = budgets[b];
    EXPECT_NEAR(budget.best_param_count / (0.1 * std::sqrt(std::pow(10, 18.0 + b))), 1, 1e-9);
    EXPECT_NEAR(budget.best_loss_nats, 2.5, 1e-9);
    ASSERT_TRUE(budget.curvature_nats.has_value());
    EXPECT_NEAR(*budget.curvature_nats, 0.05, 1e-9);
  }
  // 1e18 stood second in the set; by rising size.
  EXPECT_EQ(budgets[0].rows, (std::vector<int>{6, 7, 8, 9, 5}));
}

TEST(IsoFlopBudgetsTest, NameTheRowsThatTookPartByTheirPlaceInTheSet) {
  ObservationSet set = ParabolaRuns({1e18, 1e19, 1e20, 1e21}, /*has_unfinished=*/true);
  set.observations[1].weight = 0;
  LawFitOptions options = IsoFlop();
  options.holdout_above_flops = 5e20;
  const std::vector<IsoFlopBudget> budgets = Budgets(set, options);
  ASSERT_EQ(budgets.size(), 3u);
  EXPECT_EQ(budgets[0].rows, (std::vector<int>{2, 3, 4}));
  EXPECT_EQ(budgets[1].rows, (std::vector<int>{6, 7, 8, 9}));
  EXPECT_EQ(budgets[2].rows, (std::vector<int>{11, 12, 13, 14}));
}

// Compute that scatters makes every run a budget of its own: no exponents, but the budgets are
// known.
TEST(IsoFlopBudgetsTest, WithoutExponentsTheBudgetsAreListedAllTheSame) {
  ObservationSet set = ParabolaRuns({1e18});
  double flops = 1e18;
  for (Observation& row : set.observations) row.training_flops = flops *= 1.5;
  const std::vector<IsoFlopBudget> budgets = Budgets(set);
  ASSERT_EQ(budgets.size(), 5u);
  EXPECT_EQ(budgets[0].size_count, 1);
  EXPECT_NEAR(budgets[0].training_flops / 1.5e18, 1, 1e-12);
  EXPECT_FALSE(budgets[0].curvature_nats.has_value());
  EXPECT_FALSE(budgets[0].used);
  EXPECT_EQ(budgets[0].dropped_because, "");
}

TEST(IsoFlopBudgetsTest, TheParabolaOfASingleBudgetIsKnownAndNotUsed) {
  const std::vector<IsoFlopBudget> budgets = Budgets(ParabolaRuns({1e18}));
  ASSERT_EQ(budgets.size(), 1u);
  EXPECT_NEAR(budgets[0].curvature_nats.value(), 0.05, 1e-9);
  EXPECT_FALSE(budgets[0].used);
}

TEST(IsoFlopBudgetsTest, AParabolaThatOpensDownwardIsNone) {
  ObservationSet set = ParabolaRuns({1e18, 1e19, 1e20});
  for (size_t i = 0; i < 5; ++i) set.observations[i].loss_nats = 5 - set.observations[i].loss_nats;
  const std::vector<IsoFlopBudget> budgets = Budgets(set);
  EXPECT_FALSE(budgets[0].curvature_nats.has_value());
  EXPECT_FALSE(budgets[0].used);
  EXPECT_NE(budgets[0].dropped_because, "");
  EXPECT_TRUE(budgets[1].curvature_nats.has_value());
}

}  // namespace
}  // namespace rhumb
