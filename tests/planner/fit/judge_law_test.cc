// SPDX-License-Identifier: Apache-2.0
// A law judged on runs whose distance from it is known.
#include "planner/fit/judge_law.h"

#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "planner/laws/chinchilla.h"
#include "tests/matchers.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::StatusIs;

Law LawWithoutErrors() {
  Law law;
  law.name = "true";
  law.constants = TrueLaw();
  law.tokenizer = "gpt2";
  return law;
}

// Standard deviation of ln L: 1% for one run, and next to nothing from the constants.
Law LawWithErrors() {
  Law law = LawWithoutErrors();
  law.covariance = LawCovariance{.parameters = {"ln_E"}, .values = {}, .source = "by hand"};
  law.covariance->values = Eigen::MatrixXd::Constant(1, 1, 1e-12);
  law.residual_log_std = 0.01;
  return law;
}

// The law's loss times `ratio`.
Observation RunAt(double params, double tokens, double ratio, const std::string& run = "") {
  Observation row;
  row.param_count = params;
  row.token_count = tokens;
  row.loss_nats = ExpectedLoss(TrueLaw(), params, tokens) * ratio;
  row.run = run;
  return row;
}

ObservationSet SetOf(std::vector<Observation> rows) {
  ObservationSet set;
  set.observations = std::move(rows);
  set.tokenizer = "gpt2";
  return set;
}

TEST(JudgeLawTest, ErrorsAreThoseOfTheRuns) {
  const auto judged = JudgeLaw(LawWithoutErrors(),
                               SetOf({RunAt(1e8, 2e9, 1 / 1.02), RunAt(1e9, 2e10, 1 / 0.99)}), 0.9);
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_NEAR(judged->rows[0].error_fraction, 0.02, 1e-12);
  EXPECT_NEAR(judged->rows[1].error_fraction, -0.01, 1e-12);
  EXPECT_EQ(judged->backtest.observation_count, 2);
  EXPECT_NEAR(judged->backtest.mean_abs_error_fraction, 0.015, 1e-12);
  EXPECT_NEAR(judged->backtest.rmse_fraction, std::sqrt((0.02 * 0.02 + 0.01 * 0.01) / 2), 1e-12);
  ASSERT_EQ(judged->backtest.splits.size(), 1u);
  EXPECT_NEAR(judged->backtest.splits[0].bias_fraction, 0.005, 1e-12);
  EXPECT_EQ(judged->backtest.splits[0].train_count, 0);
}

TEST(JudgeLawTest, ARunCountsOnceAtItsLastRow) {
  const auto judged = JudgeLaw(
      LawWithoutErrors(),
      SetOf({RunAt(1e8, 2e9, 1, "a"), RunAt(1e8, 1e9, 1.5, "a"), RunAt(1e9, 2e10, 1)}), 0.9);
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_EQ(judged->rows.size(), 3u);
  EXPECT_TRUE(judged->rows[0].is_last_of_run);
  EXPECT_FALSE(judged->rows[1].is_last_of_run);
  EXPECT_TRUE(judged->rows[2].is_last_of_run);
  EXPECT_EQ(judged->backtest.observation_count, 2);
  EXPECT_NEAR(judged->backtest.mean_abs_error_fraction, 0, 1e-12);
}

// 90% of a normal lie within 1.645 standard deviations of 1%.
TEST(JudgeLawTest, CoverageIsTheShareInsideTheIntervals) {
  const auto judged = JudgeLaw(LawWithErrors(),
                               SetOf({RunAt(1e8, 2e9, 1.015), RunAt(2e8, 4e9, 0.985),
                                      RunAt(1e9, 2e10, 1), RunAt(2e9, 4e10, 1.02)}),
                               0.9);
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_DOUBLE_EQ(judged->backtest.coverage, 0.75);
  EXPECT_NEAR(judged->backtest.splits[0].mean_interval_fraction, 0.01645, 1e-4);
  EXPECT_TRUE(judged->warnings.empty());
}

TEST(JudgeLawTest, WithoutErrorsThereIsNoCoverage) {
  const auto judged = JudgeLaw(LawWithoutErrors(), SetOf({RunAt(1e8, 2e9, 1)}), 0.9);
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_TRUE(std::isnan(judged->backtest.coverage));
  EXPECT_FALSE(judged->rows[0].interval.has_value());
  ASSERT_EQ(judged->warnings.size(), 1u);
  EXPECT_EQ(judged->warnings[0].first, "NO_INTERVALS");
}

TEST(JudgeLawTest, WhatMakesLossesIncomparableIsSaid) {
  ObservationSet set = SetOf({RunAt(1e8, 2e9, 1)});
  set.tokenizer = "";
  set.dataset = "c4";
  set.param_count_convention = ParamCountConvention::kNonEmbedding;
  const auto judged = JudgeLaw(LawWithErrors(), set, 0.9);
  ASSERT_TRUE(judged.ok()) << judged.status();
  std::vector<std::string> codes;
  for (const auto& [code, text] : judged->warnings) codes.push_back(code);
  EXPECT_EQ(codes, (std::vector<std::string>{"PARAM_COUNT_CONVENTION_DIFFERS", "TOKENIZER_DIFFERS",
                                             "DATASET_DIFFERS"}));
}

TEST(JudgeLawTest, RepeatedTokensAreJudgedAsRepeated) {
  Observation row = RunAt(1e9, 1e11, 1);
  row.unique_token_count = 1e9;
  const auto judged = JudgeLaw(LawWithoutErrors(), SetOf({row}), 0.9);
  ASSERT_TRUE(judged.ok()) << judged.status();
  EXPECT_GT(judged->rows[0].error_fraction, 0.01);
}

TEST(JudgeLawTest, RefusesWhatCannotBeJudged) {
  const Law law = LawWithoutErrors();
  EXPECT_THAT(JudgeLaw(law, SetOf({}), 0.9),
              StatusIs(absl::StatusCode::kInvalidArgument, "observations"));
  EXPECT_THAT(JudgeLaw(law, SetOf({RunAt(1e8, 2e9, -1)}), 0.9),
              StatusIs(absl::StatusCode::kInvalidArgument, "loss_nats"));
  EXPECT_THAT(JudgeLaw(law, SetOf({RunAt(1e8, 2e9, 1)}), 1),
              StatusIs(absl::StatusCode::kInvalidArgument, "level"));
}

}  // namespace
}  // namespace rhumb
