// SPDX-License-Identifier: Apache-2.0
// FitLaw from observations to a law, and its refusals: data that cannot identify a law must never
// give a confident one.
#include "planner/fit/fit_law.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/forms.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/law_covariance.h"
#include "tests/matchers.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

using testing_support::IsOk;
using testing_support::StatusIs;

ObservationSet SetOf(std::vector<Observation> observations) {
  return {.observations = std::move(observations),
          .param_count_convention = ParamCountConvention::kNonEmbedding,
          .flops_convention = FlopsConvention::kSixNd,
          .tokenizer = "gpt2",
          .dataset = "web",
          .source = "synthetic"};
}
LawFitOptions Quick() {
  LawFitOptions options;
  options.bootstrap_count = 100;
  return options;
}
LawFit Fit(std::vector<Observation> observations, const LawFitOptions& options = Quick()) {
  absl::StatusOr<LawFit> fit = FitLaw(SetOf(std::move(observations)), options);
  EXPECT_THAT(fit, IsOk());
  return fit.ok() ? *std::move(fit) : LawFit{};
}
// "A alpha E": constants called undetermined.
std::vector<std::string> Undetermined(const LawFit& fit) {
  std::vector<std::string> symbols;
  for (const auto& [symbol, reason] : fit.identifiability.undetermined) symbols.push_back(symbol);
  return symbols;
}
bool Warns(const LawFit& fit, const std::string& code) {
  for (const auto& [known, text] : fit.warnings) {
    if (known == code) return true;
  }
  return false;
}
std::vector<Observation> SmallGrid() { return GridRuns(TrueLaw(), 6, 6, 0.003, 1); }

TEST(FitLawTest, GivesALawThatThePlannerCanUseAtOnce) {
  const LawFit fit = Fit(SmallGrid());
  ASSERT_TRUE(fit.law.has_value());
  EXPECT_THAT(ValidateChinchillaLaw(fit.law->constants), IsOk());
  ASSERT_TRUE(fit.law->covariance.has_value());
  EXPECT_THAT(ValidateLawCovariance(*fit.law->covariance), IsOk());
  EXPECT_NEAR(fit.law->constants.alpha, 0.35, 0.05);
  EXPECT_NEAR(fit.law->constants.irreducible_loss_nats, 1.8, 0.1);
  EXPECT_EQ(fit.law->tokenizer, "gpt2");
  EXPECT_EQ(fit.law->param_count_convention, ParamCountConvention::kNonEmbedding);
  EXPECT_NEAR(*fit.law->box.max_param_count, 5e9, 1);
  EXPECT_GT(*fit.law->residual_log_std, 0.001);
  ASSERT_EQ(fit.decisions.size(), 3u);
  EXPECT_LT(fit.decisions[0].param_count_interval.low, fit.decisions[0].param_count);
  EXPECT_GT(fit.decisions[0].param_count_interval.high, fit.decisions[0].param_count);
  ASSERT_TRUE(fit.backtest.has_value());
  EXPECT_GE(fit.backtest->splits.size(), 2u);
}

TEST(FitLawTest, TheSameSeedGivesTheSameAnswer) {
  const LawFit one = Fit(SmallGrid()), two = Fit(SmallGrid());
  EXPECT_EQ(one.covariance, two.covariance);
  EXPECT_EQ(one.backtest->coverage, two.backtest->coverage);
}

TEST(FitLawTest, OneSizeOnlyDoesNotDetermineItsTerm) {
  const LawFit fit = Fit(GridRuns(TrueLaw(), 1, 12, 0.003, 1));
  EXPECT_FALSE(fit.law.has_value());
  EXPECT_THAT(Undetermined(fit), testing::UnorderedElementsAre("A", "alpha", "E"));
}

TEST(FitLawTest, OneSizeIsEnoughWhenItsTermIsGiven) {
  LawFitOptions options = Quick();
  options.fixed = {{"A", 480}, {"alpha", 0.35}};
  const LawFit fit = Fit(GridRuns(TrueLaw(), 1, 12, 0.003, 1), options);
  EXPECT_TRUE(fit.law.has_value());
}

TEST(FitLawTest, RunsOnTheFrontierAloneDoNotSeparateTheTerms) {
  std::vector<Observation> runs;
  for (int i = 0; i < 12; ++i) {
    const double params = 1e8 * std::pow(1.5, i);
    runs.push_back({.param_count = params,
                    .token_count = 20 * params,
                    .loss_nats = ExpectedLoss(TrueLaw(), params, 20 * params) *
                                 (1 + 0.002 * std::sin(7.0 * i))});
  }
  const LawFit fit = Fit(runs);
  EXPECT_FALSE(fit.law.has_value());
  EXPECT_THAT(Undetermined(fit), testing::UnorderedElementsAre("A", "alpha", "B", "beta"));
}

TEST(FitLawTest, FewerRunsThanConstantsIsADiagnosis) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 5, 1, 0.003, 1);
  const LawFit fit = Fit(runs);
  EXPECT_FALSE(fit.law.has_value());
  EXPECT_EQ(fit.identifiability.undetermined.size(), 5u);
}

TEST(FitLawTest, CopiesOfAFewRunsAreNoMoreRuns) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 2, 2, 0.003, 1);
  std::vector<Observation> copies;
  for (int k = 0; k < 10; ++k) copies.insert(copies.end(), runs.begin(), runs.end());
  const LawFit fit = Fit(copies);
  EXPECT_FALSE(fit.law.has_value());
  EXPECT_TRUE(Warns(fit, "DUPLICATE_ROWS"));
  EXPECT_EQ(fit.run_count, 4);
}

TEST(FitLawTest, ConstantLossDeterminesNothing) {
  std::vector<Observation> runs = SmallGrid();
  for (Observation& run : runs) run.loss_nats = 3;
  const LawFit fit = Fit(runs);
  EXPECT_FALSE(fit.law.has_value());
  EXPECT_EQ(fit.identifiability.undetermined.size(), 5u);
}

TEST(FitLawTest, NoiseAroundAConstantLossIsNoLaw) {
  std::vector<Observation> runs = SmallGrid();
  Random random(5);
  for (Observation& run : runs) run.loss_nats = 3 * std::exp(0.01 * random.Normal());
  const LawFit fit = Fit(runs);
  EXPECT_FALSE(fit.law.has_value());
  EXPECT_FALSE(fit.identifiability.undetermined.empty());
}

TEST(FitLawTest, ALossThatIgnoresTokensLeavesTheirTermUndetermined) {
  ChinchillaLaw law = TrueLaw();
  law.b = 1e-6;
  const LawFit fit = Fit(GridRuns(law, 6, 6, 0.003, 1));
  EXPECT_FALSE(fit.law.has_value());
  EXPECT_THAT(Undetermined(fit), testing::IsSupersetOf({std::string("B"), std::string("beta")}));
}

TEST(FitLawTest, AFloorDrivenToZeroIsNotReportedAsKnown) {
  ChinchillaLaw law = TrueLaw();
  law.irreducible_loss_nats = 0;
  law.alpha = 0.05;
  law.a = 6;
  const LawFit fit = Fit(GridRuns(law, 6, 6, 0.003, 3));
  if (!fit.law.has_value()) {
    EXPECT_THAT(Undetermined(fit), testing::Contains("E"));
  } else {
    EXPECT_TRUE(Warns(fit, "FLOOR_UNCERTAIN"));
  }
  LawFitOptions options = Quick();
  options.fixed = {{"E", 0}};
  EXPECT_TRUE(Fit(GridRuns(law, 6, 6, 0.003, 3), options).law.has_value());
}

TEST(FitLawTest, BadRowsAreRefusedByName) {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), -2.5, 0.0,
                           std::numeric_limits<double>::infinity()}) {
    std::vector<Observation> runs = SmallGrid();
    runs[3].loss_nats = bad;
    EXPECT_THAT(FitLaw(SetOf(runs), Quick()),
                StatusIs(absl::StatusCode::kInvalidArgument, "observations[3].loss_nats"));
  }
}

TEST(FitLawTest, GrossOutliersDoNotMakeATermLookLikeNoise) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 8, 6, 0.005, 11);
  for (size_t i = 3; i < runs.size(); i += 10) runs[i].loss_nats *= std::exp(0.5);
  EXPECT_TRUE(Fit(runs).law.has_value());
}

TEST(FitLawTest, CountsInMillionsOrBillionsAreNoticed) {
  std::vector<Observation> params = SmallGrid(), tokens = SmallGrid(), half = SmallGrid();
  for (Observation& run : params) run.param_count /= 1e9;
  for (Observation& run : tokens) run.token_count /= 1e9;
  for (size_t i = 0; i < half.size(); i += 2) half[i].param_count /= 1e6;
  EXPECT_TRUE(Warns(Fit(params), "PARAM_COUNT_UNIT_DOUBTFUL"));
  EXPECT_TRUE(Warns(Fit(tokens), "TOKEN_COUNT_UNIT_DOUBTFUL"));
  EXPECT_TRUE(Warns(Fit(half), "PARAM_COUNT_UNIT_DOUBTFUL"));
  for (const auto& [code, text] : Fit(SmallGrid()).warnings) {
    EXPECT_THAT(code, testing::Not(testing::HasSubstr("DOUBTFUL"))) << text;
  }
}

TEST(FitLawTest, PerplexitiesAreNoticed) {
  std::vector<Observation> runs = SmallGrid();
  for (Observation& run : runs) run.loss_nats = std::exp(run.loss_nats);
  EXPECT_TRUE(Warns(Fit(runs), "LOSS_UNIT_DOUBTFUL"));
}

TEST(FitLawTest, CountsThatNoUnitExplainsAreRefused) {
  for (const double bad : {1e300, 1e-320}) {
    std::vector<Observation> runs = SmallGrid();
    runs[2].token_count = bad;
    EXPECT_THAT(FitLaw(SetOf(runs), Quick()),
                StatusIs(absl::StatusCode::kInvalidArgument, "observations[2].token_count"));
  }
}

TEST(FitLawTest, HalfAColumnInPetaflopDaysIsNoticed) {
  std::vector<Observation> runs = SmallGrid();
  for (size_t i = 0; i < runs.size(); ++i) {
    runs[i].training_flops =
        6 * runs[i].param_count * runs[i].token_count / (i % 2 == 0 ? 8.64e19 : 1);
  }
  EXPECT_TRUE(Warns(Fit(runs), "FLOPS_LOOK_LIKE_PF_DAYS"));
}

TEST(FitLawTest, PetaflopDaysGivenAsFlopsAreNoticed) {
  std::vector<Observation> runs = SmallGrid();
  for (Observation& run : runs) {
    run.training_flops = 6 * run.param_count * run.token_count / 8.64e19;
  }
  EXPECT_TRUE(Warns(Fit(runs), "FLOPS_LOOK_LIKE_PF_DAYS"));
}

TEST(FitLawTest, CountsBeyondInt64AreOrdinary) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 6, 6, 0.003, 1, 1e9, 1e12);
  EXPECT_TRUE(Fit(runs).law.has_value());
}

TEST(FitLawTest, MidScheduleRowsAreLeftOutAndCounted) {
  std::vector<Observation> runs = SmallGrid();
  for (int i = 0; i < 5; ++i) {
    Observation early = runs[static_cast<size_t>(i)];
    early.schedule_fraction = 0.5;
    early.loss_nats *= 1.3;
    runs.push_back(early);
  }
  const LawFit fit = Fit(runs);
  EXPECT_EQ(fit.left_out_count, 5);
  EXPECT_EQ(fit.observation_count, 36);
  EXPECT_TRUE(Warns(fit, "MID_SCHEDULE_ROWS_LEFT_OUT"));
}

TEST(FitLawTest, HeldOutRunsArePredictedAndNotFitted) {
  LawFitOptions options = Quick();
  options.holdout_above_flops = 1e21;
  const LawFit fit = Fit(SmallGrid(), options);
  ASSERT_TRUE(fit.backtest.has_value());
  EXPECT_EQ(fit.observation_count + fit.held_out_count, 36);
  EXPECT_EQ(fit.backtest->observation_count, fit.held_out_count);
  EXPECT_LE(*fit.law->box.max_training_flops, 1e21);
}

TEST(FitLawTest, OutliersAreNamedByTheirPlaceInTheSet) {
  std::vector<Observation> runs = SmallGrid();
  runs[17].loss_nats *= 1.2;
  const LawFit fit = Fit(runs);
  ASSERT_FALSE(fit.outliers.empty());
  EXPECT_EQ(fit.outliers.front().observation, 17);
  EXPECT_NEAR(fit.outliers.front().residual_fraction, 0.2, 0.02);
}

TEST(FitLawTest, AutoChoosesFewConstantsWhereFormsTie) {
  LawFitOptions options = Quick();
  options.family = "auto";
  const LawFit fit = Fit(GridRuns(TrueLaw(), 8, 6, 0.002, 4), options);
  ASSERT_GE(fit.trials.size(), 2u);
  EXPECT_TRUE(fit.trials.front().chosen);
  EXPECT_LE(fit.trials.front().parameter_count, 5);
}

TEST(FitLawTest, AutoFindsACoupledLaw) {
  ChinchillaLaw law = TrueLaw();
  law.interaction_exponent = 0.35;
  law.alpha = 0.8;
  law.beta = 0.8;
  law.a = 8e7;
  law.b = 8e8;
  LawFitOptions options = Quick();
  options.family = "auto";
  const LawFit fit = Fit(GridRuns(law, 8, 6, 0.0005, 4), options);
  EXPECT_EQ(fit.family, "coupled");
  ASSERT_TRUE(fit.law.has_value());
  EXPECT_NEAR(fit.law->constants.interaction_exponent, 0.35, 0.1);
}

TEST(FitLawTest, AutoSaysWhereThePlainFormIsNotIdentified) {
  LawFitOptions options = Quick();
  options.family = "auto";
  const LawFit fit = Fit(GridRuns(TrueLaw(), 2, 12, 0.002, 4), options);
  EXPECT_NE(fit.family, "chinchilla");
  EXPECT_TRUE(Warns(fit, "PLAIN_FORM_NOT_IDENTIFIED"));
}

TEST(FitLawTest, AutoSaysWhereFormsWereNotCompared) {
  LawFitOptions options = Quick();
  options.family = "auto";
  EXPECT_TRUE(Warns(Fit(GridRuns(TrueLaw(), 3, 3, 0.002, 4), options), "FORM_NOT_COMPARED"));
  EXPECT_FALSE(Warns(Fit(GridRuns(TrueLaw(), 8, 6, 0.002, 4), options), "FORM_NOT_COMPARED"));
}

TEST(FitLawTest, AHoldoutAboveEveryRunIsRefusedWithTheLargestThereIs) {
  LawFitOptions options = Quick();
  options.holdout_above_params = 6e9;
  EXPECT_THAT(FitLaw(SetOf(SmallGrid()), options),
              StatusIs(absl::StatusCode::kInvalidArgument, "5e+09 parameters"));
  options.holdout_above_params.reset();
  options.holdout_above_flops = 1e30;
  EXPECT_THAT(FitLaw(SetOf(SmallGrid()), options),
              StatusIs(absl::StatusCode::kInvalidArgument, "holdout_above_flops"));
}

TEST(FitLawTest, LeastSquaresMinimizesErrorsOfTheLossItself) {
  LawFitOptions options = Quick();
  options.method = FitMethod::kLeastSquares;
  options.loss = LossKind::kSquares;
  const std::vector<Observation> runs = SmallGrid();
  const LawFit fit = Fit(runs, options);
  ASSERT_TRUE(fit.law.has_value());
  EXPECT_THAT(fit.objective_definition, testing::HasSubstr("(L(i) - L_i)^2"));
  double half_squares = 0;
  for (const Observation& run : runs) {
    const double error =
        ExpectedLoss(fit.law->constants, run.param_count, run.token_count) - run.loss_nats;
    half_squares += 0.5 * error * error;
  }
  EXPECT_NEAR(fit.objective, half_squares, 1e-9 * half_squares);
}

TEST(FitLawTest, RepeatedDataThatTheFormIgnoresIsWarnedOf) {
  std::vector<Observation> runs = SmallGrid();
  EXPECT_FALSE(Warns(Fit(runs), "REPEATED_DATA_IGNORED"));
  for (size_t i = 0; i < runs.size(); i += 3) {
    runs[i].unique_token_count = 0.5 * runs[i].token_count;
  }
  EXPECT_TRUE(Warns(Fit(runs), "REPEATED_DATA_IGNORED"));
}

TEST(FitLawTest, OnlyEqualExponentsMakeTheTiedFormWithRivals) {
  const Rows rows = *MakeRows(SmallGrid());
  FitOptions options;
  options.tied = {{"beta", "alpha"}};
  const auto exponents = MakeSpec(ChinchillaForm(), options);
  ASSERT_THAT(exponents, IsOk());
  EXPECT_EQ(exponents->name, "chinchilla-tied");
  EXPECT_FALSE(RivalsOf(*exponents, rows).empty());
  options.tied = {{"A", "B"}};
  const auto coefficients = MakeSpec(ChinchillaForm(), options);
  ASSERT_THAT(coefficients, IsOk());
  EXPECT_EQ(coefficients->name, "chinchilla");
  EXPECT_TRUE(RivalsOf(*coefficients, rows).empty());
}

TEST(FitLawTest, CancelsWhenAskedTo) {
  LawFitOptions options = Quick();
  options.progress = [](double fraction, const char*) { return fraction < 0.3; };
  EXPECT_THAT(FitLaw(SetOf(SmallGrid()), options),
              StatusIs(absl::StatusCode::kCancelled, "cancelled"));
}

TEST(FitLawTest, TheFormsThatPlansAreMadeWithAreKnownBeforeAFit) {
  EXPECT_THAT(PlannerFormNames(),
              testing::ElementsAre("chinchilla", "coupled", "data-constrained"));
}

TEST(FitLawTest, UnknownFamilyIsRefusedWithTheNamesThereAre) {
  LawFitOptions options = Quick();
  options.family = "cubic";
  EXPECT_THAT(FitLaw(SetOf(SmallGrid()), options),
              StatusIs(absl::StatusCode::kInvalidArgument, "chinchilla"));
}

TEST(FitLawTest, UnknownConstantIsRefusedByName) {
  LawFitOptions options = Quick();
  options.fixed = {{"omega", 1}};
  EXPECT_THAT(FitLaw(SetOf(SmallGrid()), options),
              StatusIs(absl::StatusCode::kInvalidArgument, "omega"));
}

TEST(FitLawTest, WithoutDrawsTheSandwichGivesACovariance) {
  LawFitOptions options = Quick();
  options.bootstrap_count = 0;
  const LawFit fit = Fit(SmallGrid(), options);
  ASSERT_TRUE(fit.law.has_value());
  EXPECT_THAT(fit.covariance_source, testing::HasSubstr("sandwich"));
}

}  // namespace
}  // namespace rhumb
