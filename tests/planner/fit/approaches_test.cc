// SPDX-License-Identifier: Apache-2.0
// IsoFLOP, envelope, regressions, sweeps and task metrics on data whose answer is known.
#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "planner/fit/downstream_fit.h"
#include "planner/fit/envelope.h"
#include "planner/fit/hyperparameter_fit.h"
#include "planner/fit/isoflop.h"
#include "planner/fit/log_linear.h"
#include "planner/fit/random.h"

namespace rhumb {
namespace {

// Losses that are exact parabolas in ln N around N_opt = 0.1 C^0.5.
std::vector<Observation> ParabolaRuns(const std::vector<double>& budgets, double center_shift = 1) {
  std::vector<Observation> runs;
  for (const double flops : budgets) {
    for (const double ratio : {0.3, 0.6, 1.0, 1.7, 3.0}) {
      Observation run;
      run.training_flops = flops;
      run.param_count = center_shift * 0.1 * std::sqrt(flops) * ratio;
      run.token_count = flops / (6 * run.param_count);
      const double x = std::log(run.param_count / (0.1 * std::sqrt(flops)));
      run.loss_nats = 10 * std::pow(flops, -0.03) + 0.05 * x * x;
      runs.push_back(run);
    }
  }
  return runs;
}

IsoFlopOptions WithDraws(int count) {
  IsoFlopOptions options;
  options.trend.bootstrap_count = count;
  return options;
}

TEST(IsoFlopTest, ExactParabolasGiveTheirOptimumBack) {
  const absl::StatusOr<IsoFlopFit> fit =
      FitIsoFlop(*MakeRows(ParabolaRuns({1e18, 1e19, 1e20})), WithDraws(300));
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->trend.params_exponent, 0.5, 1e-9);
  EXPECT_NEAR(fit->trend.params_coefficient, 0.1, 1e-7);
  EXPECT_NEAR(fit->trend.tokens_coefficient, 1 / 0.6, 1e-6);
  EXPECT_NEAR(fit->trend.ParamsAt(1e22), 1e10, 1e3);
  // Every draw that keeps three sizes a budget lies on the same parabola.
  ASSERT_TRUE(fit->trend.params_exponent_interval.has_value());
  EXPECT_NEAR(fit->trend.params_exponent_interval->first, 0.5, 1e-6);
  EXPECT_NEAR(fit->trend.params_exponent_interval->second, 0.5, 1e-6);
}

TEST(IsoFlopTest, TheFlatRegionIsWhereTheParabolaRisesByTheFraction) {
  const absl::StatusOr<IsoFlopFit> fit =
      FitIsoFlop(*MakeRows(ParabolaRuns({1e18, 1e19, 1e20})), WithDraws(0));
  ASSERT_TRUE(fit.ok()) << fit.status();
  const IsoFlopBudget& budget = fit->budgets[1];
  const double half_width = std::sqrt(1e-3 * budget.best_loss_nats / 0.05);
  EXPECT_NEAR(std::log(budget.flat_high_param_count / budget.best_param_count), half_width, 1e-6);
  EXPECT_NEAR(std::log(budget.best_param_count / budget.flat_low_param_count), half_width, 1e-6);
}

TEST(IsoFlopTest, ABudgetWithoutAMinimumInsideItsSizesIsDroppedWithTheReason) {
  std::vector<Observation> runs = ParabolaRuns({1e18, 1e19, 1e20});
  for (Observation& run : ParabolaRuns({1e21}, /*center_shift=*/10)) runs.push_back(run);
  for (const Observation& run : ParabolaRuns({1e22})) {
    if (runs.size() < 22) runs.push_back(run);
  }
  const absl::StatusOr<IsoFlopFit> fit = FitIsoFlop(*MakeRows(runs), WithDraws(0));
  ASSERT_TRUE(fit.ok()) << fit.status();
  ASSERT_EQ(fit->budgets.size(), 5u);
  EXPECT_FALSE(fit->budgets[3].used);
  EXPECT_NE(fit->budgets[3].dropped_because.find("outside of the sizes"), std::string::npos);
  EXPECT_FALSE(fit->budgets[4].used);
  EXPECT_NE(fit->budgets[4].dropped_because.find("three sizes"), std::string::npos);
  EXPECT_NEAR(fit->trend.params_exponent, 0.5, 1e-9);
  ASSERT_EQ(fit->warnings.size(), 1u);
  EXPECT_EQ(fit->warnings[0].first, "ISOFLOP_BUDGETS_DROPPED");
}

TEST(IsoFlopTest, RunsNearOneBudgetShareIt) {
  std::vector<Observation> runs = ParabolaRuns({1e18, 1e20});
  for (size_t i = 0; i < runs.size(); ++i) *runs[i].training_flops *= 1 + 0.005 * (i % 5);
  const absl::StatusOr<IsoFlopFit> fit = FitIsoFlop(*MakeRows(runs), WithDraws(0));
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->budgets.size(), 2u);
}

TEST(IsoFlopTest, OneBudgetIsRefusedWithTheReason) {
  const absl::StatusOr<IsoFlopFit> fit = FitIsoFlop(*MakeRows(ParabolaRuns({1e18})), WithDraws(0));
  ASSERT_EQ(fit.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(fit.status().message().find("fewer than two"), std::string::npos);
}

TEST(IsoFlopTest, AFalseFromProgressCancels) {
  IsoFlopOptions options = WithDraws(500);
  options.trend.progress = [](double) { return false; };
  EXPECT_EQ(FitIsoFlop(*MakeRows(ParabolaRuns({1e18, 1e20})), options).status().code(),
            absl::StatusCode::kCancelled);
}

// Runs whose curves are tangents of one envelope: at C the best size is 1e-3 C^0.6.
TEST(EnvelopeTest, TheBestRunAtEachComputeGivesTheExponent) {
  std::vector<Observation> checkpoints;
  for (int i = 0; i < 60; ++i) {
    const double params = 1e7 * std::pow(1e3, i / 59.0);
    const double best_flops = std::pow(params / 1e-3, 1 / 0.6);
    for (int k = -20; k <= 20; ++k) {
      Observation row;
      row.run = std::to_string(i);
      row.param_count = params;
      row.training_flops = best_flops * std::pow(1.5, k);
      row.token_count = *row.training_flops / (6 * params);
      const double x = std::log(*row.training_flops / best_flops);
      row.loss_nats = 20 * std::pow(*row.training_flops, -0.04) * std::exp(1e-2 * x * x);
      checkpoints.push_back(row);
    }
  }
  EnvelopeOptions options;
  options.lowest_flops = 1e18;
  options.highest_flops = 1e20;
  options.trend.bootstrap_count = 200;
  const absl::StatusOr<EnvelopeFit> fit = FitEnvelope(*MakeRows(checkpoints), options);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->trend.params_exponent, 0.6, 0.01);
  ASSERT_TRUE(fit->trend.params_exponent_interval.has_value());
  EXPECT_LT(fit->trend.params_exponent_interval->first, 0.6);
  EXPECT_GT(fit->trend.params_exponent_interval->second, 0.6);
}

TEST(EnvelopeTest, RunsThatDoNotOverlapAreRefused) {
  std::vector<Observation> rows = ParabolaRuns({1e18, 1e19});
  const absl::StatusOr<EnvelopeFit> fit = FitEnvelope(*MakeRows(rows), {});
  EXPECT_EQ(fit.status().code(), absl::StatusCode::kFailedPrecondition);
}

// NIST StRD linear regression, Norris: certified intercept, slope and their standard errors.
// https://www.itl.nist.gov/div898/strd/lls/data/Norris.shtml
TEST(LinearFitTest, NorrisToTenDigits) {
  const std::vector<double> y = {0.1,   338.8, 118.1, 888.0, 9.2,   228.1, 668.5, 998.5, 449.1,
                                 778.9, 559.2, 0.3,   0.1,   778.1, 668.8, 339.3, 448.9, 10.8,
                                 557.7, 228.3, 998.0, 888.8, 119.6, 0.3,   0.6,   557.6, 339.3,
                                 888.0, 998.5, 778.9, 10.2,  117.6, 228.9, 668.4, 449.2, 0.2};
  const std::vector<double> x = {0.2,   337.4, 118.2, 884.6, 10.1,  226.5, 666.3, 996.3, 448.6,
                                 777.0, 558.2, 0.4,   0.6,   775.5, 666.9, 338.0, 447.5, 11.6,
                                 556.0, 228.1, 995.8, 887.6, 120.2, 0.3,   0.3,   556.8, 339.1,
                                 887.2, 999.0, 779.0, 11.1,  118.3, 229.2, 669.1, 448.9, 0.5};
  const absl::StatusOr<LinearFit> fit = FitLinear(Eigen::Map<const Eigen::VectorXd>(x.data(), 36),
                                                  Eigen::Map<const Eigen::VectorXd>(y.data(), 36));
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->coefficients[0], -0.262323073774029, 1e-11);
  EXPECT_NEAR(fit->coefficients[1], 1.00211681802045, 1e-13);
  EXPECT_NEAR(fit->std_errors[0], 0.232818234301152, 1e-11);
  EXPECT_NEAR(fit->std_errors[1], 0.429796848199937e-3, 1e-13);
  EXPECT_NEAR(fit->residual_std, 0.884796396144373, 1e-11);
  EXPECT_NEAR(fit->r_squared, 0.999993745883712, 1e-13);
}

TEST(LinearFitTest, CopiesInGroupsDoNotNarrowTheErrors) {
  Random random(3);
  Eigen::MatrixXd x(20, 1), twice(40, 1);
  Eigen::VectorXd y(20), target(40);
  LinearFitOptions grouped, copies;
  for (int i = 0; i < 20; ++i) {
    x(i, 0) = twice(i, 0) = twice(i + 20, 0) = i;
    y[i] = target[i] = target[i + 20] = 2 * i + random.Normal();
    grouped.group.push_back(i);
  }
  copies.group = grouped.group;
  copies.group.insert(copies.group.end(), grouped.group.begin(), grouped.group.end());
  const absl::StatusOr<LinearFit> once = FitLinear(x, y, grouped);
  const absl::StatusOr<LinearFit> both = FitLinear(twice, target, copies);
  ASSERT_TRUE(once.ok() && both.ok());
  // The small-sample factors differ: 19/18 against 39/38.
  EXPECT_NEAR(both->std_errors[1] / once->std_errors[1], std::sqrt(39.0 / 38 * 18 / 19), 1e-9);
}

TEST(LinearFitTest, CollinearPredictorsAreRefused) {
  std::vector<std::vector<double>> predictors(2);
  std::vector<double> values;
  for (int i = 1; i <= 10; ++i) {
    predictors[0].push_back(i);
    predictors[1].push_back(20.0 * i);
    values.push_back(i + 0.1);
  }
  const absl::StatusOr<PowerLawFit> fit = FitPowerLaw(predictors, values);
  ASSERT_EQ(fit.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(fit.status().message().find("collinear"), std::string::npos);
}

TEST(LinearFitTest, AValueThatIsNotPositiveIsNamed) {
  const std::vector<std::vector<double>> predictors = {{1, 2, 3}};
  const absl::StatusOr<PowerLawFit> fit = FitPowerLaw(predictors, std::vector<double>{1, -2, 3});
  ASSERT_EQ(fit.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(fit.status().message().find("row 1 is -2"), std::string::npos) << fit.status();
}

// D = D_min (1 + B/B_crit), L = 8 D^-0.05 of the tokens a small batch would need.
std::vector<Observation> BatchSweep(double critical) {
  std::vector<Observation> sweep;
  for (const double tokens : {2e9, 4e9, 8e9, 16e9, 32e9}) {
    for (const double batch : {1e5, 2e5, 4e5, 8e5, 16e5}) {
      Observation run;
      run.param_count = 2e8;
      run.token_count = tokens;
      run.global_batch_tokens = batch;
      run.learning_rate = 3 * std::pow(run.param_count, -0.4);
      run.loss_nats = 8 * std::pow(tokens / (1 + batch / critical), -0.05);
      sweep.push_back(run);
    }
  }
  return sweep;
}

TEST(CriticalBatchTest, AnExactTradeOffGivesItsCriticalBatchBack) {
  const absl::StatusOr<CriticalBatchFit> fit = FitCriticalBatch(BatchSweep(1e6));
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->curves.size(), 3u);
  for (const IsoLossCurve& curve : fit->curves) {
    EXPECT_NEAR(curve.critical_batch_tokens / 1e6, 1, 1e-9);
  }
}

TEST(CriticalBatchTest, ARunWithoutABatchIsNamed) {
  std::vector<Observation> sweep = BatchSweep(1e6);
  sweep[4].global_batch_tokens.reset();
  const absl::Status status = FitCriticalBatch(sweep).status();
  ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("observations[4].global_batch_tokens"), std::string::npos);
}

TEST(HyperparameterTest, ExactOptimaGiveTheirLawBack) {
  std::vector<Observation> sweep;
  for (const double params : {1e8, 3e8, 1e9}) {
    for (const double tokens : {2e9, 1e10, 5e10}) {
      for (const double off : {0.5, 1.0, 2.0}) {
        Observation run;
        run.param_count = params;
        run.token_count = tokens;
        run.learning_rate = off * 1.8 * std::pow(params, -0.7) * std::pow(tokens, 0.3);
        run.global_batch_tokens = off * 0.6 * std::pow(tokens, 0.57);
        run.loss_nats = 3 * std::pow(params, -0.02) * (1 + 0.01 * std::abs(std::log(off)));
        sweep.push_back(run);
      }
    }
  }
  const absl::StatusOr<HyperparameterFit> fit = FitHyperparameters(sweep);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->observation_count, 9);
  EXPECT_NEAR(fit->learning_rate.exponents[0], -0.7, 1e-9);
  EXPECT_NEAR(fit->learning_rate.exponents[1], 0.3, 1e-9);
  EXPECT_NEAR(fit->batch_tokens.exponents[0], 0.57, 1e-9);
  EXPECT_NEAR(fit->batch_tokens.coefficient, 0.6, 1e-8);
}

std::vector<TaskObservation> TaskRows(double noise, double lowest = 2.0, double highest = 4.0) {
  Random random(11);
  std::vector<TaskObservation> rows;
  for (int i = 0; i < 25; ++i) {
    TaskObservation row;
    row.loss_nats = lowest + (highest - lowest) * i / 24;
    row.metric = 0.9 - 0.65 / (1 + std::exp(-4 * (row.loss_nats - 2.9))) + noise * random.Normal();
    rows.push_back(row);
  }
  return rows;
}

TEST(TaskFitTest, AnExactSigmoidIsGivenBackWithFreeLevels) {
  const absl::StatusOr<TaskFit> fit = FitTask(TaskRows(0), {});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->chance, 0.25, 1e-6);
  EXPECT_NEAR(fit->ceiling, 0.9, 1e-6);
  EXPECT_NEAR(fit->sigmoid.steepness, 4, 1e-5);
  EXPECT_NEAR(fit->sigmoid.midpoint_loss_nats, 2.9, 1e-6);
  EXPECT_TRUE(fit->identifiable) << fit->remark;
}

TEST(TaskFitTest, GivenLevelsAreKept) {
  TaskFitOptions options;
  options.chance = 0.25;
  options.ceiling = 1;
  const absl::StatusOr<TaskFit> fit = FitTask(TaskRows(0.01), options);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->chance, 0.25);
  EXPECT_EQ(fit->ceiling, 1);
  EXPECT_EQ(fit->std_errors.size(), 2u);
  EXPECT_GT(fit->sigmoid.residual_std, 0.005);
}

TEST(TaskFitTest, ALevelFarFromEveryMetricSeenIsNotDetermined) {
  // Only the foot of the curve was seen: a ceiling cannot be told.
  const absl::StatusOr<TaskFit> fit = FitTask(TaskRows(0.01, 3.6, 4.6), {});
  if (fit.ok()) {
    EXPECT_FALSE(fit->identifiable);
    EXPECT_FALSE(fit->remark.empty());
  } else {
    EXPECT_EQ(fit.status().code(), absl::StatusCode::kFailedPrecondition);
  }
}

TEST(TaskFitTest, AMetricThatIsNoNumberIsNamed) {
  std::vector<TaskObservation> rows = TaskRows(0);
  rows[2].metric = std::nan("");
  const absl::Status status = FitTask(rows, {}).status();
  ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("observations[2].metric"), std::string::npos);
}

}  // namespace
}  // namespace rhumb
