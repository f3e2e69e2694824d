// SPDX-License-Identifier: Apache-2.0
// The budgets behind an isoFLOP fit on runs that are exact parabolas.
#include "planner/fit/isoflop_curves.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

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

TEST(IsoFlopCurvesTest, ExactParabolasComeBack) {
  const auto curves = IsoFlopCurves(ParabolaRuns({1e20, 1e18, 1e19}), IsoFlop());
  ASSERT_TRUE(curves.ok()) << curves.status();
  ASSERT_EQ(curves->size(), 3u);
  for (size_t b = 0; b < 3; ++b) {
    const IsoFlopCurve& curve = (*curves)[b];
    EXPECT_NEAR(curve.budget.best_param_count / (0.1 * std::sqrt(std::pow(10, 18.0 + b))), 1, 1e-9);
    EXPECT_NEAR(curve.budget.best_loss_nats, 2.5, 1e-9);
    ASSERT_TRUE(curve.curvature_nats.has_value());
    EXPECT_NEAR(*curve.curvature_nats, 0.05, 1e-9);
  }
  // 1e18 stood second in the set; by rising size.
  EXPECT_EQ((*curves)[0].observations, (std::vector<int>{6, 7, 8, 9, 5}));
}

TEST(IsoFlopCurvesTest, TakesTheRowsThatTheFitTakes) {
  ObservationSet set = ParabolaRuns({1e18, 1e19, 1e20, 1e21}, /*has_unfinished=*/true);
  set.observations[1].weight = 0;
  LawFitOptions options = IsoFlop();
  options.holdout_above_flops = 5e20;
  const auto count = [&] {
    const auto curves = IsoFlopCurves(set, options);
    int rows = 0;
    for (const IsoFlopCurve& curve : *curves) rows += static_cast<int>(curve.observations.size());
    return rows;
  };
  const auto fitted = [&] { return FitLaw(set, options)->observation_count; };
  EXPECT_EQ(count(), 3 * 4 - 1);
  EXPECT_EQ(count(), fitted());
  options.include_mid_schedule = true;
  EXPECT_EQ(count(), fitted());
  options.holdout_above_flops.reset();
  options.holdout_above_params = 2e9;
  EXPECT_EQ(count(), fitted());
}

// Compute that scatters makes every run a budget of its own: no exponents, but the budgets are
// known.
TEST(IsoFlopCurvesTest, WithoutExponentsTheBudgetsAreListedAllTheSame) {
  ObservationSet set = ParabolaRuns({1e18});
  double flops = 1e18;
  for (Observation& row : set.observations) row.training_flops = flops *= 1.5;
  const auto curves = IsoFlopCurves(set, IsoFlop());
  ASSERT_TRUE(curves.ok()) << curves.status();
  ASSERT_EQ(curves->size(), 5u);
  EXPECT_EQ((*curves)[0].budget.size_count, 1);
  EXPECT_NEAR((*curves)[0].budget.training_flops / 1.5e18, 1, 1e-12);
  EXPECT_FALSE((*curves)[0].curvature_nats.has_value());
  EXPECT_FALSE((*curves)[0].budget.used);
}

TEST(IsoFlopCurvesTest, AParabolaThatOpensDownwardIsNone) {
  ObservationSet set = ParabolaRuns({1e18, 1e19, 1e20});
  for (size_t i = 0; i < 5; ++i) set.observations[i].loss_nats = 5 - set.observations[i].loss_nats;
  const auto curves = IsoFlopCurves(set, IsoFlop());
  ASSERT_TRUE(curves.ok()) << curves.status();
  EXPECT_FALSE((*curves)[0].curvature_nats.has_value());
  EXPECT_FALSE((*curves)[0].budget.used);
  EXPECT_NE((*curves)[0].budget.dropped_because, "");
  EXPECT_TRUE((*curves)[1].curvature_nats.has_value());
}

}  // namespace
}  // namespace rhumb
