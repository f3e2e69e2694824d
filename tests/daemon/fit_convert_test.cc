// SPDX-License-Identifier: Apache-2.0
// Answers of the fitter as messages: nothing that was computed is dropped on the way.
#include "daemon/fit_convert.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <limits>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace rhumb::daemon {
namespace {

IsoFlopBudget Budget() {
  return {.training_flops = 1e19,
          .size_count = 3,
          .best_param_count = 1e9,
          .best_loss_nats = 2.5,
          .curvature_nats = 0.05,
          .flat_low_param_count = 8e8,
          .flat_high_param_count = 1.2e9,
          .used = true,
          .dropped_because = "it was not",
          .rows = {1}};
}

// Every field set, to numbers that are no defaults.
LawFit FullFit() {
  LawFit fit;
  Law law;
  law.name = "mine";
  fit.law = law;
  fit.family = "chinchilla";
  fit.method = FitMethod::kLeastSquares;
  fit.constants = {{"E", 1.8}};
  fit.std_errors = {{"E", 0.02}};
  fit.intervals = {{"E", {1.7, 1.9}}};
  fit.covariance_parameters = {"ln_E"};
  fit.covariance = Eigen::MatrixXd::Constant(1, 1, 1e-4);
  fit.covariance_source = "bootstrap";
  fit.level = 0.8;
  fit.formula = "L = E";
  fit.objective_definition = "Huber";
  fit.objective = 0.001;
  fit.observation_count = 64;
  fit.run_count = 32;
  fit.held_out_count = 4;
  fit.left_out_count = 2;
  fit.residual_log_std = 0.003;
  fit.residual_log_robust_std = 0.002;
  fit.params_exponent = 0.51;
  fit.tokens_exponent = 0.49;
  fit.params_exponent_interval = Interval{0.5, 0.52};
  fit.tokens_exponent_interval = Interval{0.48, 0.5};
  fit.params_coefficient = 0.1;
  fit.termination = "converged";
  fit.iteration_count = 17;
  fit.start_count = 25;
  fit.local_minima = {0.001, 0.002};
  fit.identifiability = {.identifiable = true,
                         .undetermined = {{"gamma", "driven to 0"}},
                         .condition_number = 1e5,
                         .log_count_correlation = 0.4};
  fit.warnings = {{"CODE", "text"}};
  fit.outliers = {{.observation = 1, .residual_fraction = 0.06, .robust_z = 8}};
  const BacktestSplit split = {.train_max_flops = 1e20,
                               .train_count = 20,
                               .test_count = 12,
                               .mean_abs_error_fraction = 0.01,
                               .rmse_fraction = 0.02,
                               .bias_fraction = -0.005,
                               .coverage = 0.75,
                               .mean_interval_fraction = 0.03,
                               .mean_naive_interval_fraction = 0.01};
  fit.backtest = Backtest{.family = "chinchilla",
                          .splits = {split},
                          .observation_count = 12,
                          .mean_abs_error_fraction = 0.01,
                          .rmse_fraction = 0.02,
                          .coverage = 0.75,
                          .level = 0.8};
  FamilyTrial trial;
  trial.family = "chinchilla";
  trial.parameter_count = 5;
  trial.chosen = true;
  trial.remark = "best";
  fit.trials = {trial};
  fit.decisions = {{.training_flops = 1e21,
                    .param_count = 2e9,
                    .token_count = 8e10,
                    .tokens_per_param = 40,
                    .loss_nats = 2.3,
                    .param_count_interval = {1e9, 3e9},
                    .token_count_interval = {6e10, 1e11},
                    .tokens_per_param_interval = {30, 50},
                    .loss_interval = {2.29, 2.31},
                    .run_loss_interval = {2.25, 2.35},
                    .target_loss_nats = 2.3,
                    .training_flops_interval = {5e20, 3e21}}};
  fit.form_weights = {{.family = "chinchilla", .weight = 0.75, .rollout_rms_fraction = 0.01}};
  fit.isoflop_budgets = {Budget()};
  fit.slope_error_fraction = 0.12;
  fit.slope_error_degrees = 3;
  return fit;
}

std::vector<v1::Observation> TwoRows() {
  std::vector<v1::Observation> rows(2);
  rows[1].set_line(3);
  rows[1].set_run("b");
  return rows;
}

// Paths of fields that are not set in `message`.
void FindUnset(const google::protobuf::Message& message, const std::string& path,
               std::set<std::string>& unset) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const google::protobuf::FieldDescriptor& field = *type.field(i);
    const bool is_set = field.is_repeated() ? reflection.FieldSize(message, &field) > 0
                                            : reflection.HasField(message, &field);
    if (!is_set) unset.insert(path + std::string(field.name()));
  }
}

TEST(FitConvert, EveryFieldOfAnAnswerIsSetButTheDaemonsOwn) {
  std::set<std::string> unset;
  FindUnset(ToProto(FullFit(), TwoRows()), "", unset);
  EXPECT_EQ(unset, (std::set<std::string>{"observations", "options", "seconds"}));
}

TEST(FitConvert, EveryFieldOfItsPartsIsSet) {
  const v1::LawFitResult fit = ToProto(FullFit(), TwoRows());
  std::set<std::string> unset;
  FindUnset(fit.optimal_exponents(), "optimal_exponents.", unset);
  FindUnset(fit.diagnostics(), "diagnostics.", unset);
  FindUnset(fit.backtest(), "backtest.", unset);
  FindUnset(fit.backtest().splits(0), "backtest.splits.", unset);
  FindUnset(fit.outliers(0), "outliers.", unset);
  FindUnset(fit.decisions(0), "decisions.", unset);
  FindUnset(fit.form_weights(0), "form_weights.", unset);
  EXPECT_EQ(unset, std::set<std::string>());
}

TEST(FitConvert, EveryFieldOfABudgetIsSet) {
  std::vector<v1::Observation> rows = TwoRows();
  rows[1].set_param_count(1e9);
  rows[1].set_loss_nats(2.5);
  const v1::LawFitResult::IsoFlopBudget budget = ToProto(Budget(), rows);
  std::set<std::string> unset;
  FindUnset(budget, "", unset);
  FindUnset(budget.runs(0), "runs.", unset);
  EXPECT_EQ(unset, std::set<std::string>());
}

TEST(FitConvert, DecisionsKeepTheirNumbers) {
  const v1::LawFitResult fit = ToProto(FullFit(), TwoRows());
  ASSERT_EQ(fit.decisions_size(), 1);
  const v1::LawFitResult::Decision& at = fit.decisions(0);
  EXPECT_EQ(at.training_flops(), 1e21);
  EXPECT_EQ(at.param_count(), 2e9);
  EXPECT_EQ(at.token_count(), 8e10);
  EXPECT_EQ(at.tokens_per_param(), 40);
  EXPECT_EQ(at.loss_nats(), 2.3);
  EXPECT_EQ(at.param_count_interval().high(), 3e9);
  EXPECT_EQ(at.token_count_interval().low(), 6e10);
  EXPECT_EQ(at.tokens_per_param_interval().high(), 50);
  EXPECT_EQ(at.loss_interval().low(), 2.29);
  EXPECT_EQ(at.run_loss_interval().high(), 2.35);
  EXPECT_EQ(fit.form_weights(0).weight(), 0.75);
  EXPECT_EQ(fit.slope_error_fraction(), 0.12);
  EXPECT_EQ(fit.slope_error_degrees(), 3);
}

TEST(FitConvert, WhatCouldNotBeTriedOrBoundedIsAbsent) {
  LawFit fit = FullFit();
  const double infinity = std::numeric_limits<double>::infinity();
  fit.form_weights[0].rollout_rms_fraction = infinity;
  fit.decisions[0].run_loss_interval.high = infinity;
  const v1::LawFitResult message = ToProto(fit, TwoRows());
  EXPECT_FALSE(message.form_weights(0).has_rollout_rms_fraction());
  EXPECT_TRUE(message.decisions(0).run_loss_interval().has_low());
  EXPECT_FALSE(message.decisions(0).run_loss_interval().has_high());
}

}  // namespace
}  // namespace rhumb::daemon
