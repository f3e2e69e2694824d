// SPDX-License-Identifier: Apache-2.0
// The covariance of a law against the draws behind it: linear error propagation must give the
// spread that the draws themselves show.
#include "planner/fit/predictive_covariance.h"

#include <cmath>
#include <limits>
#include <vector>

#include "Eigen/Eigenvalues"
#include "gtest/gtest.h"
#include "planner/fit/decisions.h"
#include "planner/fit/forms.h"
#include "planner/laws/chinchilla.h"
#include "tests/matchers.h"
#include "tests/planner/fit/synthetic.h"

namespace rhumb {
namespace {

using testing_support::IsOk;

struct Drawn {
  Rows rows;
  FitResult fit;
  ParameterDraws draws;
};
Drawn Draw(const char* form, const ChinchillaLaw& truth, double noise,
           const FitOptions& options = {}) {
  Drawn drawn;
  drawn.rows = *MakeRows(GridRuns(truth, 9, 8, noise, 3));
  const auto fit = FitForm(*FindForm(form), drawn.rows, options);
  EXPECT_THAT(fit, IsOk());
  drawn.fit = *fit;
  const auto draws =
      DrawParameters(*fit, options, drawn.rows, {.draw_count = 400, .seed = 5, .progress = {}});
  EXPECT_THAT(draws, IsOk());
  drawn.draws = *draws;
  return drawn;
}

// A row at the law's own optimum, `factor` times the largest compute of the rows.
Rows FrontierRow(const Drawn& drawn, double factor) {
  const double flops = factor * std::exp(drawn.rows.log_flops.maxCoeff());
  const FrontierPoint point =
      OptimumForCompute(*ToChinchillaLaw(*drawn.fit.form, drawn.fit.theta), flops);
  Rows at = SelectRows(drawn.rows, {0});
  at.log_params[0] = std::log(point.param_count);
  at.log_tokens[0] = std::log(point.token_count);
  at.log_flops[0] = std::log(flops);
  return at;
}

// Of ln L at one row, as stretched as the covariance is.
double SpreadOfDraws(const Drawn& drawn, const Rows& at) {
  const double center = drawn.fit.form->PredictLogLoss(drawn.fit.theta, at)[0];
  Eigen::ArrayXd values(drawn.draws.thetas.rows());
  for (Eigen::Index k = 0; k < values.size(); ++k) {
    values[k] = drawn.draws.Stretched(
        k, center, drawn.fit.form->PredictLogLoss(drawn.draws.thetas.row(k).transpose(), at)[0]);
  }
  return std::sqrt((values - values.mean()).square().mean());
}

double SpreadByCovariance(const Drawn& drawn, const Eigen::MatrixXd& covariance, const Rows& at) {
  const Eigen::RowVectorXd gradient = drawn.fit.form->Jacobian(drawn.fit.theta, at).row(0);
  return std::sqrt(gradient * covariance * gradient.transpose());
}

ChinchillaLaw CoupledLaw() {
  return {.irreducible_loss_nats = 0.8,
          .a = 1.4e7,
          .b = 1e5,
          .alpha = 0.68,
          .beta = 0.37,
          .interaction_exponent = 0.28};
}

void ExpectSpreadOfDraws(const Drawn& drawn) {
  const Eigen::MatrixXd covariance =
      PredictiveCovariance(drawn.fit, drawn.rows, drawn.draws).value();
  for (const double factor : {1.0, 10.0, 100.0}) {
    const Rows at = FrontierRow(drawn, factor);
    const double spread = SpreadOfDraws(drawn, at);
    EXPECT_NEAR(SpreadByCovariance(drawn, covariance, at), spread, 0.2 * spread)
        << "at " << factor << " times the largest compute";
  }
}

TEST(PredictiveCovarianceTest, GivesTheSpreadOfTheDrawsOfAnAdditiveLaw) {
  ExpectSpreadOfDraws(Draw("chinchilla", TrueLaw(), 0.005));
}

TEST(PredictiveCovarianceTest, GivesTheSpreadOfTheDrawsAlongACurvedValley) {
  const Drawn drawn = Draw("coupled", CoupledLaw(), 0.005);
  ExpectSpreadOfDraws(drawn);
  // What it is for: the covariance of the constants misses that by far.
  const Rows at = FrontierRow(drawn, 1);
  EXPECT_GT(SpreadByCovariance(drawn, RobustCovariance(drawn.draws), at),
            2 * SpreadOfDraws(drawn, at));
}

TEST(PredictiveCovarianceTest, IsPositiveSemidefinite) {
  const Drawn drawn = Draw("coupled", CoupledLaw(), 0.005);
  const Eigen::MatrixXd covariance =
      PredictiveCovariance(drawn.fit, drawn.rows, drawn.draws).value();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(covariance);
  EXPECT_GE(eigen.eigenvalues().minCoeff(), -1e-12 * eigen.eigenvalues().maxCoeff());
  EXPECT_GT(eigen.eigenvalues().maxCoeff(), 0);
}

// Draws so narrow that every reading is linear in them, and none runs away: the constants' own
// covariance comes back.
TEST(PredictiveCovarianceTest, IsTheCovarianceOfTheConstantsWhereDrawsAreLinear) {
  Drawn drawn = Draw("chinchilla", TrueLaw(), 0.005);
  Eigen::MatrixXd& thetas = drawn.draws.thetas;
  Random random(8);
  for (Eigen::Index k = 0; k < thetas.rows(); ++k) {
    for (Eigen::Index j = 0; j < thetas.cols(); ++j) {
      thetas(k, j) = drawn.fit.theta[j] + 1e-6 * (random.Uniform() - 0.5);
    }
  }
  const Eigen::MatrixXd expected = RobustCovariance(drawn.draws);
  const Eigen::MatrixXd found = PredictiveCovariance(drawn.fit, drawn.rows, drawn.draws).value();
  EXPECT_LT((found - expected).norm(), 0.03 * expected.norm());
}

// Condition numbers of the readings amplify the rounding of sums in another order.
TEST(PredictiveCovarianceTest, IsTheSameHoweverManyRowsAreReadAtATime) {
  const Drawn drawn = Draw("chinchilla", TrueLaw(), 0.005);
  const Eigen::MatrixXd whole = PredictiveCovariance(drawn.fit, drawn.rows, drawn.draws).value();
  const Eigen::MatrixXd parts =
      PredictiveCovariance(drawn.fit, drawn.rows, drawn.draws, {.rows_at_a_time = 7}).value();
  EXPECT_LT((parts - whole).norm(), 1e-12 * whole.norm());
}

TEST(PredictiveCovarianceTest, ADrawThatIsNowhereFiniteIsLeftOut) {
  Drawn drawn = Draw("chinchilla", TrueLaw(), 0.005);
  const Eigen::MatrixXd without = PredictiveCovariance(drawn.fit, drawn.rows, drawn.draws).value();
  drawn.draws.thetas.conservativeResize(drawn.draws.thetas.rows() + 1, Eigen::NoChange);
  drawn.draws.thetas.bottomRows(1).setConstant(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(PredictiveCovariance(drawn.fit, drawn.rows, drawn.draws).value(), without);
}

TEST(PredictiveCovarianceTest, TiedConstantsMoveTogetherAndFixedOnesNot) {
  FitOptions options;
  options.tied = {{"alpha", "beta"}};
  options.fixed = {{"E", 1.8}};
  const Drawn drawn = Draw("chinchilla", TrueLaw(), 0.005, options);
  const Eigen::MatrixXd covariance =
      PredictiveCovariance(drawn.fit, drawn.rows, drawn.draws).value();
  EXPECT_GT(covariance(3, 3), 0);
  EXPECT_DOUBLE_EQ(covariance(3, 3), covariance(4, 4));
  EXPECT_DOUBLE_EQ(covariance(3, 3), covariance(3, 4));
  EXPECT_EQ(covariance(2, 2), 0);
}

}  // namespace
}  // namespace rhumb
