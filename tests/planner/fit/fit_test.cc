// SPDX-License-Identifier: Apache-2.0
// The fitter on data whose truth is known: starts, robust losses, constraints, invariances, traps.
#include "planner/fit/fit.h"

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/fit/bootstrap.h"
#include "planner/fit/draws.h"
#include "planner/fit/forms.h"
#include "planner/fit/variable_projection.h"
#include "tests/matchers.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

using ::testing::HasSubstr;

enum : int { kLogA, kLogB, kLogE, kAlpha, kBeta };

Rows NoisyRows(uint64_t seed = 1) {
  return MakeRows(GridRuns(TrueLaw(), 8, 6, 0.004, seed)).value();
}

FitResult Fit(const Rows& rows, const FitOptions& options = {}) {
  return FitForm(ChinchillaForm(), rows, options).value();
}

TEST(FitTest, ExactDataGiveTheirLawBack) {
  const FitResult fit = Fit(MakeRows(GridRuns(TrueLaw(), 8, 6, 0, 1)).value());
  EXPECT_NEAR(std::exp(fit.theta[kLogE]), 1.8, 1e-7);
  EXPECT_NEAR(std::exp(fit.theta[kLogA]), 480, 1e-4);
  EXPECT_NEAR(std::exp(fit.theta[kLogB]), 2100, 1e-3);
  EXPECT_NEAR(fit.theta[kAlpha], 0.35, 1e-8);
  EXPECT_NEAR(fit.theta[kBeta], 0.37, 1e-8);
}

TEST(FitTest, ExtremeExponentsAreFoundFromTheDataAlone) {
  for (const double alpha : {0.05, 0.3, 1.2}) {
    for (const double beta : {0.08, 0.6, 1.5}) {
      const ChinchillaLaw law{.irreducible_loss_nats = 1.5,
                              .a = std::pow(3e8, alpha),
                              .b = 1.5 * std::pow(1e10, beta),
                              .alpha = alpha,
                              .beta = beta};
      const FitResult fit = Fit(MakeRows(GridRuns(law, 8, 6, 0, 1)).value());
      EXPECT_NEAR(fit.theta[kAlpha], alpha, 1e-5) << alpha << " " << beta;
      EXPECT_NEAR(fit.theta[kBeta], beta, 1e-5) << alpha << " " << beta;
    }
  }
}

// The trap of peers: the mean of the losses is so small that absolute tolerances stop at once.
TEST(FitTest, TheMeanOfTheLossesHasTheOptimumOfTheirSum) {
  Rows rows = NoisyRows();
  const FitResult sum = Fit(rows);
  rows.weight /= 1e6;
  const FitResult mean = Fit(rows);
  EXPECT_NEAR(mean.objective * 1e6, sum.objective, 1e-10 * sum.objective);
  EXPECT_TRUE(mean.theta.isApprox(sum.theta, 1e-6));
}

// From the published point of Hoffmann et al. 2022 scipy's L-BFGS-B reports success 14% above the
// optimum of the very data; a descent from there must end where every other one does.
TEST(FitTest, HoffmannsPointAsAStartDoesNotMislead) {
  const Rows rows = NoisyRows();
  const FitResult own = Fit(rows);
  FitOptions options;
  ParameterVector hoffmann(5);
  hoffmann << 6.0073404, 6.0179186, 0.5267228, 0.33917084, 0.2849083;
  options.extra_starts = {hoffmann};
  const FitResult both = Fit(rows, options);
  EXPECT_EQ(both.start_count, own.start_count + 1);
  EXPECT_EQ(both.local_minima.size(), own.local_minima.size());
  EXPECT_NEAR(both.objective, own.objective, 1e-10 * own.objective);
}

TEST(FitTest, UnitsOfTheCountsMoveOnlyTheScaleConstants) {
  const Rows rows = NoisyRows();
  Rows billions = rows;
  billions.log_params -= std::log(1e9);
  billions.log_tokens -= std::log(1e9);
  const FitResult a = Fit(rows), b = Fit(billions);
  EXPECT_NEAR(b.objective, a.objective, 1e-9 * a.objective);
  EXPECT_NEAR(b.theta[kAlpha], a.theta[kAlpha], 1e-6);
  EXPECT_NEAR(b.theta[kLogA], a.theta[kLogA] - a.theta[kAlpha] * std::log(1e9), 1e-4);
}

TEST(FitTest, TheGradientAtTheOptimumVanishes) {
  for (const double delta : {1e-4, 1e-3, 1e-2, 1e3}) {
    FitOptions options;
    options.huber_delta = delta;
    const FitResult fit = Fit(NoisyRows(), options);
    EXPECT_LT(fit.expansion.gradient.cwiseAbs().maxCoeff(), 1e-5 * fit.objective + 1e-12) << delta;
  }
}

TEST(FitTest, AWideHuberLossIsLeastSquares) {
  FitOptions wide;
  wide.huber_delta = 1e3;
  FitOptions squares;
  squares.loss = LossKind::kSquares;
  const Rows rows = NoisyRows();
  EXPECT_NEAR(Fit(rows, wide).objective, Fit(rows, squares).objective, 1e-15);
}

TEST(FitTest, AbsoluteDeviationsPassThroughAsManyRowsAsThereAreConstants) {
  FitOptions options;
  options.loss = LossKind::kAbsolute;
  const Rows rows = NoisyRows();
  const FitResult fit = Fit(rows, options);
  const Eigen::ArrayXd residual =
      (ChinchillaForm().PredictLogLoss(fit.theta, rows) - rows.log_loss).abs();
  EXPECT_GE((residual < 1e-5 * residual.mean()).count(), 4);
  EXPECT_NEAR(fit.objective, residual.sum(), 1e-12);
}

TEST(FitTest, AFixedConstantStaysAndTheOthersMove) {
  FitOptions options;
  options.fixed = {{"E", 1.7}};
  const FitResult fit = Fit(NoisyRows(), options);
  EXPECT_DOUBLE_EQ(fit.theta[kLogE], std::log(1.7));
  EXPECT_FALSE(fit.is_free[kLogE]);
  EXPECT_EQ(fit.free_count, 4);
  EXPECT_GE(fit.objective, Fit(NoisyRows()).objective);
}

TEST(FitTest, TiedExponentsAreEqual) {
  FitOptions options;
  options.tied = {{"alpha", "beta"}};
  const FitResult fit = Fit(NoisyRows(), options);
  EXPECT_DOUBLE_EQ(fit.theta[kAlpha], fit.theta[kBeta]);
  EXPECT_EQ(fit.free_count, 4);
}

TEST(FitTest, AConstantThatLeavesItsBoundsIsHeldThere) {
  FitOptions options;
  options.bounds = {{"alpha", {0.1, 0.3}}};
  const FitResult fit = Fit(NoisyRows(), options);
  EXPECT_DOUBLE_EQ(fit.theta[kAlpha], 0.3);
  EXPECT_TRUE(fit.at_bound[kAlpha]);
  options.bounds = {{"alpha", {0.1, 0.9}}};
  const FitResult inside = Fit(NoisyRows(), options);
  EXPECT_FALSE(inside.at_bound[kAlpha]);
  EXPECT_LT(inside.objective, fit.objective);
}

TEST(FitTest, AnUnknownConstantIsNamedWithThoseThereAre) {
  FitOptions options;
  options.fixed = {{"zeta", 1}};
  EXPECT_THAT(FitForm(ChinchillaForm(), NoisyRows(), options).status().message(),
              ::testing::AllOf(HasSubstr("zeta"), HasSubstr("A, B, E, alpha, beta")));
}

TEST(FitTest, AHuberDeltaThatIsNotPositiveIsRefused) {
  for (const double delta : {0.0, -1.0, std::nan("")}) {
    FitOptions options;
    options.huber_delta = delta;
    EXPECT_EQ(FitForm(ChinchillaForm(), NoisyRows(), options).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(FitTest, RowsInAnyOrderGiveTheSameLaw) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 8, 6, 0.004, 1);
  const FitResult forward = Fit(MakeRows(runs).value());
  std::reverse(runs.begin(), runs.end());
  const FitResult backward = Fit(MakeRows(runs).value());
  EXPECT_NEAR(forward.objective, backward.objective, 1e-12 * forward.objective);
}

TEST(ProjectionTest, IsTheSameHoweverManyRowsAreHeldAtATime) {
  const Rows rows = MakeRows(GridRuns(TrueLaw(), 12, 12, 0.005, 1)).value();
  PowerSum problem = {.x = rows.log_params,
                      .y = rows.log_tokens,
                      .log_target = rows.log_loss,
                      .weight = rows.weight};
  const PowerSumStart whole = ProjectPowerSum(problem).front();
  problem.rows_at_a_time = 7;
  const PowerSumStart parts = ProjectPowerSum(problem).front();
  EXPECT_EQ(parts.alpha, whole.alpha);
  EXPECT_EQ(parts.beta, whole.beta);
  EXPECT_NEAR(parts.log_a, whole.log_a, 1e-10);
  EXPECT_NEAR(parts.log_b, whole.log_b, 1e-10);
  EXPECT_NEAR(parts.log_e, whole.log_e, 1e-10);
}

TEST(RowsTest, ALossThatIsNoPositiveNumberIsNamedByRow) {
  for (const double loss : {std::nan(""), -2.0, 0.0, HUGE_VAL}) {
    std::vector<Observation> runs = GridRuns(TrueLaw(), 3, 3, 0, 1);
    runs[4].loss_nats = loss;
    EXPECT_THAT(MakeRows(runs).status().message(), HasSubstr("observations[4].loss_nats"));
  }
}

// 6ND of real tables passes 9.2e18, where 64-bit integers end.
TEST(RowsTest, ComputeBeyondIntegersIsExact) {
  Observation run;
  run.param_count = 7e10;
  run.token_count = 1.4e12;
  run.loss_nats = 1.9;
  const Rows rows = MakeRows({run}).value();
  EXPECT_NEAR(std::exp(rows.log_flops[0]), 5.88e23, 1e10 * 5.88);
}

TEST(RowsTest, ACopyOfARowIsTheSameRun) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 3, 3, 0.01, 1);
  runs.push_back(runs[2]);
  EXPECT_EQ(MakeRows(runs).value().run_count, 9);
}

TEST(RowsTest, CheckpointsOfOneRunShareIt) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 2, 3, 0.01, 1);
  for (size_t i = 0; i < runs.size(); ++i) runs[i].run = i < 3 ? "small" : "large";
  EXPECT_EQ(MakeRows(runs).value().run_count, 2);
}

TEST(BootstrapTest, TheSameSeedGivesTheSameDraws) {
  const Rows rows = NoisyRows();
  const FitOptions options;
  const FitResult fit = Fit(rows);
  const BootstrapOptions draws{.draw_count = 20, .seed = 7, .progress = {}};
  EXPECT_EQ(BootstrapFit(fit, options, rows, draws)->thetas,
            BootstrapFit(fit, options, rows, draws)->thetas);
}

TEST(BootstrapTest, CopiesOfEveryRowDoNotNarrowTheLaw) {
  std::vector<Observation> runs = GridRuns(TrueLaw(), 6, 6, 0.004, 3);
  const Rows once = MakeRows(runs).value();
  runs.insert(runs.end(), runs.begin(), runs.end());
  const Rows twice = MakeRows(runs).value();
  const auto std_of_alpha = [](const Rows& rows) {
    const Bootstrap draws = BootstrapFit(Fit(rows), {}, rows, {.draw_count = 400}).value();
    return std::sqrt(CovarianceOf(draws.thetas)(kAlpha, kAlpha));
  };
  EXPECT_NEAR(std_of_alpha(twice) / std_of_alpha(once), 1, 0.02);
}

TEST(BootstrapTest, AFalseFromProgressCancels) {
  const Rows rows = NoisyRows();
  const BootstrapOptions draws{.draw_count = 1000, .progress = [](double) { return false; }};
  EXPECT_EQ(BootstrapFit(Fit(rows), {}, rows, draws).status().code(), absl::StatusCode::kCancelled);
}

// With squares and normal noise both estimate the textbook covariance.
TEST(BootstrapTest, SandwichAndDrawsAgreeUnderSquares) {
  std::vector<Observation> runs;
  Random random(5);
  for (Observation run : GridRuns(TrueLaw(), 15, 15, 0, 1)) {
    run.loss_nats *= std::exp(0.004 * random.Normal());
    runs.push_back(run);
  }
  const Rows rows = MakeRows(runs).value();
  FitOptions options;
  options.loss = LossKind::kSquares;
  const FitResult fit = Fit(rows, options);
  const ParameterMatrix sandwich = SandwichCovariance(fit, rows).value();
  const ParameterMatrix draws =
      CovarianceOf(BootstrapFit(fit, options, rows, {.draw_count = 1000})->thetas);
  for (int j = 0; j < 5; ++j) {
    EXPECT_NEAR(std::sqrt(sandwich(j, j) / draws(j, j)), 1, 0.12) << j;
  }
}

// Residuals a hundred times as wide as delta: hardly a row lies within it.
TEST(BootstrapTest, SandwichAndDrawsAgreeUnderNearlyAbsoluteDeviations) {
  const Rows rows = MakeRows(GridRuns(TrueLaw(), 8, 6, 0.02, 1)).value();
  const FitResult fit = Fit(rows);
  const ParameterMatrix sandwich = SandwichCovariance(fit, rows).value();
  const Eigen::MatrixXd draws =
      RobustCovariance(DrawParameters(fit, {}, rows, {.draw_count = 400}).value());
  for (int j = 0; j < 5; ++j) {
    EXPECT_NEAR(std::sqrt(sandwich(j, j) / draws(j, j)), 1, 0.4) << j;
  }
}

// Twelve runs of each of two sizes: any line through both gaps between the middle two is as good.
TEST(FitTest, AMinimumThatIsALineIsAMinimum) {
  const Rows rows = MakeRows(GridRuns(TrueLaw(), 2, 12, 0.002, 4)).value();
  const auto fit = FitForm(PlainParamsPowerForm(), rows, {});
  ASSERT_THAT(fit, testing_support::IsOk());
  EXPECT_EQ(fit->summary.termination, Termination::kConverged);
  for (const double step : {1e-4, -1e-4, 1e-2, -1e-2}) {
    ParameterVector theta = fit->theta;
    theta[1] += step;
    const Eigen::ArrayXd residual =
        PlainParamsPowerForm().PredictLogLoss(theta, rows) - rows.log_loss;
    EXPECT_GE(residual.unaryExpr([&](double r) { return fit->loss.Value(r); }).sum(),
              fit->objective * (1 - 1e-12));
  }
}

// What a fit of the form with these options says.
absl::Status StatusOfFit(const FitOptions& options) {
  return FitForm(ChinchillaForm(), NoisyRows(), options).status();
}

TEST(FitTest, TiedConstantsFixedApartAreRefused) {
  FitOptions options;
  options.tied = {{"alpha", "beta"}};
  options.fixed = {{"alpha", 0.3}, {"beta", 0.4}};
  const absl::Status status = StatusOfFit(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), ::testing::AllOf(HasSubstr("alpha = 0.3"), HasSubstr("beta = 0.4"),
                                                 HasSubstr("tied")));
  options.fixed["beta"] = 0.3;
  EXPECT_TRUE(StatusOfFit(options).ok());
}

TEST(FitTest, TiedConstantsBoundedApartAreRefused) {
  FitOptions options;
  options.tied = {{"alpha", "beta"}};
  options.bounds = {{"alpha", {0.1, 0.3}}, {"beta", {0.4, 0.6}}};
  const absl::Status status = StatusOfFit(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("bounds of alpha and beta"));
  options.bounds["beta"] = {0.2, 0.6};
  EXPECT_TRUE(StatusOfFit(options).ok());
}

TEST(FitTest, AConstantFixedOutsideTheBoundsOfOneTiedToItIsRefused) {
  FitOptions options;
  options.tied = {{"alpha", "beta"}};
  options.fixed = {{"alpha", 0.3}};
  options.bounds = {{"beta", {0.4, 0.6}}};
  const absl::Status status = StatusOfFit(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), ::testing::AllOf(HasSubstr("alpha = 0.3"), HasSubstr("of beta")));
}

TEST(FitTest, FixedValuesBeyondAnyLawAreRefusedWithTheirRange) {
  for (const auto& [symbol, value, allowed] :
       std::vector<std::tuple<const char*, double, const char*>>{
           {"A", 1e300, "logarithm from -100 to 300"},
           {"E", 1e-60, "logarithm from -100 to 300"},
           {"alpha", 21, "above 0 and at most 20"},
           {"beta", 0, "above 0 and at most 20"},
           {"beta", -0.3, "above 0 and at most 20"}}) {
    FitOptions options;
    options.fixed = {{symbol, value}};
    const absl::Status status = StatusOfFit(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << symbol << value;
    EXPECT_THAT(status.message(), ::testing::AllOf(HasSubstr(symbol), HasSubstr(allowed)));
  }
}

TEST(FitTest, ABoundMayBeOpenOnOneSide) {
  FitOptions options;
  options.bounds = {{"alpha", {-std::numeric_limits<double>::infinity(), 0.3}},
                    {"E", {0.1, std::numeric_limits<double>::infinity()}}};
  EXPECT_DOUBLE_EQ(Fit(NoisyRows(), options).theta[kAlpha], 0.3);
}

}  // namespace
}  // namespace rhumb
