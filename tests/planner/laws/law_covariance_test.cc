// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/law_covariance.h"

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;

LawCovariance Of(std::vector<std::string> parameters, double variance) {
  const Eigen::Index k = static_cast<Eigen::Index>(parameters.size());
  return {.parameters = std::move(parameters),
          .values = Eigen::MatrixXd::Identity(k, k) * variance,
          .source = "test"};
}

// The law with one parameter moved by `step` in its own coordinate.
Law Moved(Law law, size_t parameter, double step) {
  ChinchillaLaw& c = law.constants;
  double* const logarithmic[] = {&c.a, &c.b, &c.irreducible_loss_nats};
  switch (parameter) {
    case 3:
      c.alpha += step;
      break;
    case 4:
      c.beta += step;
      break;
    case 5:
      c.interaction_exponent *= std::exp(step);
      break;
    case 6:
      law.repetition->data_decay_epochs *= std::exp(step);
      break;
    case 7:
      law.repetition->param_decay *= std::exp(step);
      break;
    default:
      *logarithmic[parameter] *= std::exp(step);
  }
  return law;
}

void ExpectGradientIsNumeric(const Law& law, double n, const TokenUse& use) {
  const LawGradient gradient = LossGradient(law, n, use);
  for (size_t i = 0; i < kLawParameters.size(); ++i) {
    constexpr double kStep = 1e-5;
    const double numeric =
        (PredictLoss(Moved(law, i, kStep), n, use) - PredictLoss(Moved(law, i, -kStep), n, use)) /
        (2 * kStep);
    EXPECT_NEAR(gradient[i], numeric, 1e-6 * std::abs(numeric) + 1e-9) << kLawParameters[i];
  }
}

Law CoupledC4() {
  Law law = *FindLaw("muennighoff2023-c4");
  law.constants.interaction_exponent = 0.85;
  law.constants.beta = 0.33;
  return law;
}

TEST(LawCovarianceTest, GradientWithRepeatedTokensIsTheCentralDifference) {
  ExpectGradientIsNumeric(CoupledC4(), 1e9,
                          {.token_count = 2e11, .unique_token_count = 25e9, .batch_overhead = 1.1});
}

TEST(LawCovarianceTest, GradientWithExcessParametersIsTheCentralDifference) {
  ExpectGradientIsNumeric(CoupledC4(), 3e10,
                          {.token_count = 2e11, .unique_token_count = 25e9, .batch_overhead = 1});
}

TEST(LawCovarianceTest, GradientWithFreshTokensAndExcessParametersIsTheCentralDifference) {
  ExpectGradientIsNumeric(CoupledC4(), 3e10,
                          {.token_count = 2e10, .unique_token_count = {}, .batch_overhead = 1});
}

TEST(LawCovarianceTest, OneParameterContributesItsOwnDeviationOnly) {
  Law law = *FindLaw("besiroglu2024");
  const TokenUse use{.token_count = 1e11, .unique_token_count = {}, .batch_overhead = 1};
  law.covariance = Of({"ln_E"}, 1e-4);
  // dL / d ln E = E = 1.8172.
  EXPECT_THAT(*PredictLossStdDev(law, 5e9, use), RelativelyNear(0.018172, 1e-12));
  law.covariance = Of({"ln_B", "beta"}, 1e-6);
  const double term = 2085.43 * std::pow(1e11, -0.3658);
  EXPECT_THAT(*PredictLossStdDev(law, 5e9, use),
              RelativelyNear(1e-3 * term * std::hypot(1, std::log(1e11)), 1e-12));
}

TEST(LawCovarianceTest, GammaDoesNotMoveTheOptimum) {
  Law law = *FindLaw("besiroglu2024");
  const double before = *LogOptimalParamsStdDev(law, 1e22);
  LawCovariance wider = Of({"ln_A", "ln_B", "ln_E", "alpha", "beta", "ln_gamma"}, 1);
  wider.values.topLeftCorner(5, 5) = law.covariance->values;
  law.covariance = wider;
  EXPECT_EQ(*LogOptimalParamsStdDev(law, 1e22), before);
}

TEST(LawCovarianceTest, AnUnknownParameterGivesNoInterval) {
  Law law = *FindLaw("besiroglu2024");
  law.covariance = Of({"ln_A", "ln_Q"}, 1e-4);
  EXPECT_FALSE(PredictLossStdDev(
                   law, 1e9, {.token_count = 2e10, .unique_token_count = {}, .batch_overhead = 1})
                   .has_value());
}

TEST(LawCovarianceTest, ThePublishedMatrixIsValid) {
  EXPECT_THAT(ValidateLawCovariance(*FindLaw("besiroglu2024")->covariance), IsOk());
}

TEST(LawCovarianceTest, ValidationNamesAnUnknownOrMisplacedParameter) {
  EXPECT_THAT(ValidateLawCovariance(Of({"ln_A", "gamma"}, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, "'gamma'"));
  EXPECT_THAT(ValidateLawCovariance(Of({"beta", "ln_A"}, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, "'ln_A'"));
  EXPECT_THAT(ValidateLawCovariance(Of({"beta", "beta"}, 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, "'beta'"));
}

TEST(LawCovarianceTest, ValidationRefusesAMatrixOfAnotherShape) {
  LawCovariance covariance = Of({"ln_A", "ln_B"}, 1);
  covariance.parameters.push_back("alpha");
  EXPECT_THAT(ValidateLawCovariance(covariance),
              StatusIs(absl::StatusCode::kInvalidArgument, "2 x 2; it must be 3 x 3"));
}

TEST(LawCovarianceTest, ValidationRefusesAnAsymmetricMatrix) {
  LawCovariance covariance = Of({"ln_A", "ln_B"}, 1);
  covariance.values(0, 1) = 0.5;
  EXPECT_THAT(ValidateLawCovariance(covariance),
              StatusIs(absl::StatusCode::kInvalidArgument, "symmetric"));
  covariance.values(0, 1) = 0;
  covariance.values(1, 1) = -1;
  EXPECT_THAT(ValidateLawCovariance(covariance),
              StatusIs(absl::StatusCode::kInvalidArgument, "(1, 1) is -1"));
}

TEST(PredictionIntervalTest, AddsTheResidualInQuadrature) {
  Law law = *FindLaw("besiroglu2024");
  law.residual_log_std = 0.0075;  // of the 240 points around their law
  const TokenUse use{.token_count = 1e11, .unique_token_count = {}, .batch_overhead = 1};
  const auto mean = PredictLossInterval(law, 5e9, use, 0.9);
  const auto run = PredictRunInterval(law, 5e9, use, 0.9);
  ASSERT_TRUE(mean.has_value());
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->mean_nats, mean->mean_nats);
  // Of ln L.
  const double residual = 1.6448536269514722 * 0.0075;
  EXPECT_THAT(
      std::log(run->high_nats / run->mean_nats),
      RelativelyNear(std::hypot(std::log(mean->high_nats / mean->mean_nats), residual), 1e-9));
  EXPECT_LT(run->low_nats, mean->low_nats);
}

// kappa of the fall of ln L beyond the data, at the slope of their edge: for E = 0 and D/N held the
// elasticity is alpha beta / (alpha + beta) only at the optimum; here both terms fall alike.
TEST(PredictionIntervalTest, WidensBeyondTheDataByTheSlopeErrorAlone) {
  Law law = *FindLaw("besiroglu2024");
  law.constants = {.irreducible_loss_nats = 0, .a = 400, .b = 400, .alpha = 0.3, .beta = 0.3};
  for (Eigen::Index i = 0; i < law.covariance->values.rows(); ++i) {
    law.covariance->values.row(i).setZero();
  }
  law.box.max_training_flops = 6e20;
  law.slope_error = SlopeError{.fraction = 0.2, .degrees = 5};
  const auto use = [](double tokens) {
    return TokenUse{.token_count = tokens, .unique_token_count = {}, .batch_overhead = 1};
  };
  EXPECT_EQ(ExtrapolationLogStd(law, 1e9, use(1e11)), 0) << "at the edge";
  EXPECT_EQ(ExtrapolationLogStd(law, 1e8, use(1e10)), 0) << "inside";
  // ln L falls by 0.15 a unit of ln C along constant D/N.
  const double expected = 0.2 * 0.15 * std::log(100.0);
  EXPECT_THAT(ExtrapolationLogStd(law, 1e10, use(1e12)), RelativelyNear(expected, 1e-3));
  const auto interval = PredictLossInterval(law, 1e10, use(1e12), 0.9);
  ASSERT_TRUE(interval.has_value());
  // Student's t of 5 degrees: 2.015.
  EXPECT_THAT(std::log(interval->high_nats / interval->mean_nats),
              RelativelyNear(2.015 * expected, 5e-3));
}

TEST(PredictionIntervalTest, ALawWithoutResidualHasNone) {
  EXPECT_FALSE(
      PredictRunInterval(*FindLaw("besiroglu2024"), 5e9,
                         {.token_count = 1e11, .unique_token_count = {}, .batch_overhead = 1}, 0.9)
          .has_value());
}

}  // namespace
}  // namespace rhumb
