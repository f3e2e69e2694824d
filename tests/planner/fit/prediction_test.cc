// SPDX-License-Identifier: Apache-2.0
// Prediction intervals, roll-outs and back-tests.
#include "planner/fit/prediction.h"

#include <cmath>
#include <string>
#include <vector>

#include "Eigen/LU"
#include "gtest/gtest.h"
#include "planner/fit/backtest.h"
#include "planner/fit/forms.h"
#include "planner/fit/identifiability.h"
#include "planner/fit/profile.h"
#include "planner/laws/loss_model.h"
#include "tests/matchers.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

using testing_support::IsOk;

Rows GridRows(double noise = 0.004, uint64_t seed = 2) {
  return *MakeRows(GridRuns(TrueLaw(), 8, 6, noise, seed));
}
FormSpec Chinchilla() { return *MakeSpec(ChinchillaForm(), {}); }
const PredictorOptions kFew = {
    .draw_count = 200, .rollout_draw_count = 30, .max_origins = 4, .seed = 1, .progress = {}};

TEST(RolloutTest, OriginsNeverTrainOnWhatTheyPredict) {
  const Rows rows = GridRows();
  const std::vector<Origin> origins = MakeOrigins(rows, RollOutAxis::kCompute, 10, 4);
  ASSERT_EQ(origins.size(), 4u);
  for (const Origin& origin : origins) {
    EXPECT_GE(origin.train.size(), 10u);
    for (const int i : origin.train) EXPECT_LE(rows.log_flops[i], origin.train_max);
    for (const int i : origin.test) EXPECT_GT(rows.log_flops[i], origin.train_max);
  }
}

TEST(RolloutTest, ACheckpointedRunIsOnOneSideAndTestedOnce) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 6, 4, 0.003, 1);
  std::vector<Observation> checkpoints;
  for (size_t i = 0; i < runs.size(); ++i) {
    for (const double part : {0.25, 0.5, 1.0}) {
      Observation row = runs[i];
      row.token_count *= part;
      row.run = std::to_string(i);
      checkpoints.push_back(row);
    }
  }
  const auto origin = SplitAt(*MakeRows(checkpoints), RollOutAxis::kCompute, std::log(1e20));
  ASSERT_TRUE(origin.has_value());
  EXPECT_EQ(origin->train.size() / 3 + origin->test.size(), runs.size());
}

TEST(PredictionTest, IntervalsWidenWithExtrapolation) {
  const Rows rows = GridRows();
  const auto predictor = Predictor::Create(Chinchilla(), RivalsOf(Chinchilla(), rows), rows, kFew);
  ASSERT_THAT(predictor, IsOk());
  Rows at = SelectRows(rows, {rows.size() - 1, rows.size() - 1, rows.size() - 1});
  for (int k = 0; k < 3; ++k) {
    at.log_params[k] += 1.15 * k;
    at.log_tokens[k] += 1.15 * k;
    at.log_flops[k] += 2.3 * k;
  }
  const auto predictions = predictor->Predict(at, 0.9);
  const auto width = [&](size_t k) { return predictions[k].high - predictions[k].low; };
  EXPECT_LT(width(0), width(1));
  EXPECT_LT(width(1), width(2));
  EXPECT_GT(width(2), predictions[2].naive_high - predictions[2].naive_low);
}

TEST(PredictionTest, ARivalThatRollsOutWorseCountsLess) {
  ChinchillaLaw law = TrueLaw();
  law.alpha = 0.2;
  law.a = 20;
  law.beta = 0.6;
  law.b = 2e5;
  const Rows rows = *MakeRows(GridRuns(law, 8, 6, 0.001, 3));
  const auto predictor = Predictor::Create(Chinchilla(), RivalsOf(Chinchilla(), rows), rows, kFew);
  ASSERT_THAT(predictor, IsOk());
  for (const Predictor::Member& member : predictor->members()) {
    if (member.spec.name == "chinchilla-tied") {
      EXPECT_LT(member.weight, 0.1);
    }
  }
}

TEST(PredictionTest, WithoutOriginsTheStatedPriorHolds) {
  const Rows rows = *MakeRows(GridRuns(TrueLaw(), 4, 2, 0.003, 1));
  const auto predictor = Predictor::Create(Chinchilla(), {}, rows, kFew);
  ASSERT_THAT(predictor, IsOk());
  EXPECT_DOUBLE_EQ(predictor->slope_error(), kPriorSlopeError);
  EXPECT_DOUBLE_EQ(predictor->slope_degrees(), kPriorOrigins);
}

TEST(BacktestTest, CoversMostRunsOfAKnownLaw) {
  const Rows rows = GridRows();
  BacktestOptions options;
  options.predictor = kFew;
  const auto backtest = RollOutBacktest(Chinchilla(), RivalsOf(Chinchilla(), rows), rows, options);
  ASSERT_THAT(backtest, IsOk());
  EXPECT_GE(backtest->splits.size(), 2u);
  EXPECT_GT(backtest->coverage, 0.85);
  EXPECT_LT(backtest->mean_abs_error_fraction, 0.05);
}

TEST(IdentifiabilityTest, AGoodGridHasNoComplaint) {
  const Rows rows = GridRows();
  Identifiability diagnosis = DiagnoseData(Chinchilla(), rows);
  DiagnoseFit(Chinchilla(), *FitForm(ChinchillaForm(), rows, {}), rows, diagnosis);
  EXPECT_TRUE(diagnosis.identifiable);
  EXPECT_GT(diagnosis.condition_number, 1);
  EXPECT_LT(diagnosis.condition_number, 1e8);
}

// Under squares on a wide grid the profile is near the parabola: theta +- t standard errors.
TEST(ProfileTest, AgreesWithStandardErrorsWhereTheObjectiveIsAParabola) {
  FitOptions options;
  options.loss = LossKind::kSquares;
  const Rows rows = GridRows(0.0005);
  const auto fit = FitForm(ChinchillaForm(), rows, options);
  ASSERT_THAT(fit, IsOk());
  const ResidualPool pool(*fit, rows);
  const Eigen::MatrixXd covariance =
      pool.std() * pool.std() * Eigen::MatrixXd(fit->expansion.hessian).inverse();
  const Interval interval = ProfileInterval(*fit, options, rows, 3, 0.9);
  const double expected = 2 * 1.68 * std::sqrt(covariance(3, 3));
  EXPECT_NEAR(interval.high - interval.low, expected, 0.4 * expected);
}

// Rows that copy others under their run, and the scale of the weights, say nothing new.
TEST(ProfileTest, NeitherCopiesOfARunNorTheScaleOfWeightsNarrowIt) {
  FitOptions options;
  options.loss = LossKind::kSquares;
  std::vector<Observation> runs = GridRuns(TrueLaw(), 5, 4, 0.002, 4);
  for (size_t i = 0; i < runs.size(); ++i) runs[i].run = std::to_string(i);
  const auto width = [&](const std::vector<Observation>& observations) {
    const Rows rows = *MakeRows(observations);
    const Interval interval =
        ProfileInterval(*FitForm(ChinchillaForm(), rows, options), options, rows, 3, 0.9);
    return interval.high - interval.low;
  };
  const double plain = width(runs);
  std::vector<Observation> heavy = runs, copied = runs;
  for (Observation& run : heavy) run.weight = 100;
  for (int k = 0; k < 9; ++k) {
    for (const Observation& run : runs) {
      copied.push_back(run);
      copied.back().loss_nats *= 1 + 1e-9 * (k + 1);
    }
  }
  EXPECT_NEAR(width(heavy) / plain, 1, 0.01);
  EXPECT_NEAR(width(copied) / plain, 1, 0.35);
}

// Student 1908; tables: t_{0.95, 1} = 6.314, t_{0.995, 2} = 9.925, t_{0.95, 5} = 2.015,
// t_{0.95, 10} = 1.812.
TEST(ProfileTest, StudentQuantilesMatchTables) {
  EXPECT_NEAR(StudentQuantile(0.95, 1), 6.314, 0.001);
  EXPECT_NEAR(StudentQuantile(0.995, 2), 9.925, 0.001);
  EXPECT_NEAR(StudentQuantile(0.95, 5), 2.015, 0.005);
  EXPECT_NEAR(StudentQuantile(0.95, 10), 1.812, 0.002);
}

}  // namespace
}  // namespace rhumb
