// SPDX-License-Identifier: Apache-2.0
// Every form: exact derivatives, its own law back from exact data by the default start, and what it
// needs of the rows.
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "planner/fit/fit.h"
#include "planner/fit/forms.h"
#include "planner/fit/random.h"

namespace rhumb {
namespace {

// Constants near published ones, by form; as users write them.
const std::map<std::string, std::vector<double>>& Laws() {
  static const std::map<std::string, std::vector<double>> laws = {
      {"chinchilla", {480, 2100, 1.8, 0.35, 0.37}},
      {"coupled", {2e4, 2e5, 1.3, 0.7, 0.74, 0.5}},
      {"data-constrained", {520, 1490, 1.87, 0.35, 0.35, 15.4, 5.3}},
      {"gadre", {212, 367, 1.84, 0.136}},
      {"kaplan-nd", {6.4e13, 1.8e13, 0.076, 0.103}},
      {"kaplan-ns", {6.5e13, 2.1e3, 0.077, 0.76}},
      {"power-n", {1.7, 3e7, 0.34}},
      {"power-d", {1.7, 5e9, 0.28}},
      {"power-c", {0.5066, 5.984e22, 0.0737}},
      {"kaplan-n", {8.8e13, 0.076}},
      {"kaplan-d", {5.4e13, 0.095}},
      {"kaplan-c", {1.4e27, 0.057}}};
  return laws;
}

ParameterVector ThetaOf(const Form& form) {
  const std::vector<double>& constants = Laws().at(std::string(form.name()));
  ParameterVector theta(static_cast<Eigen::Index>(constants.size()));
  for (size_t j = 0; j < constants.size(); ++j) {
    theta[static_cast<Eigen::Index>(j)] =
        form.parameters()[j].is_log ? std::log(constants[j]) : constants[j];
  }
  return theta;
}

// Sizes from 2e7 to 5e9, 3 to 600 tokens per parameter, up to 64 epochs, steps of half a million
// tokens; losses by the form times exp(noise).
Rows ExactRows(const Form& form, double noise = 0) {
  std::vector<Observation> runs;
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) {
      Observation run;
      run.param_count = 2e7 * std::pow(250.0, i / 5.0);
      run.token_count = run.param_count * 3 * std::pow(200.0, j / 5.0);
      run.unique_token_count = run.token_count / std::pow(2.0, (i + 2 * j) % 7);
      run.step_count = run.token_count / 5e5;
      run.loss_nats = 1;
      runs.push_back(run);
    }
  }
  Rows rows = *MakeRows(runs);
  rows.log_loss = form.PredictLogLoss(ThetaOf(form), rows);
  Random random(7);
  for (Eigen::Index i = 0; i < rows.size(); ++i) rows.log_loss[i] += noise * random.Normal();
  return rows;
}

FitOptions Squares() {
  FitOptions options;
  options.loss = LossKind::kSquares;
  return options;
}

FitOptions Fixing(const std::string& symbol, double value) {
  FitOptions options;
  options.fixed = {{symbol, value}};
  return options;
}

class FormsTest : public testing::TestWithParam<const Form*> {};

TEST_P(FormsTest, ExactDataGiveTheirLawBackFromTheDefaultStart) {
  const Form& form = *GetParam();
  const absl::StatusOr<FitResult> fit = FitForm(form, ExactRows(form), Squares());
  ASSERT_TRUE(fit.ok()) << fit.status();
  const ParameterVector want = ThetaOf(form);
  for (Eigen::Index j = 0; j < want.size(); ++j) {
    // The rounding of the losses, 1e-16, times how badly the constants are told apart.
    EXPECT_NEAR(fit->theta[j], want[j], 1e-5 * std::max(1.0, std::abs(want[j])))
        << form.parameters()[static_cast<size_t>(j)].theta_name;
  }
}

TEST_P(FormsTest, NoisyDataReachAMinimumUnderTheDefaultLoss) {
  const Form& form = *GetParam();
  const Rows rows = ExactRows(form, 0.005);
  const absl::StatusOr<FitResult> fit = FitForm(form, rows, {});
  ASSERT_TRUE(fit.ok()) << fit.status();
  // Not above the objective of the true constants.
  const std::unique_ptr<Objective> objective = form.MakeObjective(rows, ResidualKind::kLogLoss);
  objective->SetLoss({1e-3});
  Expansion truth;
  objective->Expand(ThetaOf(form), truth);
  EXPECT_LT(fit->objective, truth.value);
}

// Central differences of the value and of the gradient, with both kinds of residuals.
TEST_P(FormsTest, DerivativesAreThoseOfTheObjective) {
  const Form& form = *GetParam();
  const Rows rows = ExactRows(form, 0.01);
  const ParameterVector theta = ThetaOf(form);
  for (const ResidualKind kind : {ResidualKind::kLogLoss, ResidualKind::kLoss}) {
    const std::unique_ptr<Objective> objective = form.MakeObjective(rows, kind);
    objective->SetLoss({});  // no kink for a difference to straddle
    Expansion at, above, below;
    objective->Expand(theta, at);
    for (Eigen::Index j = 0; j < theta.size(); ++j) {
      const double step = 1e-5;
      ParameterVector moved = theta;
      moved[j] += step;
      objective->Expand(moved, above);
      moved[j] -= 2 * step;
      objective->Expand(moved, below);
      const double scale = std::sqrt(at.gram(j, j));
      EXPECT_NEAR(at.gradient[j], (above.value - below.value) / (2 * step),
                  1e-5 * scale * std::sqrt(at.squared_residuals) + 1e-9 * scale)
          << form.parameters()[static_cast<size_t>(j)].theta_name;
      for (Eigen::Index k = 0; k < theta.size(); ++k) {
        EXPECT_NEAR(at.hessian(j, k), (above.gradient[k] - below.gradient[k]) / (2 * step),
                    2e-3 * scale * std::sqrt(at.gram(k, k)))
            << j << " " << k;
      }
    }
  }
}

TEST_P(FormsTest, TheJacobianIsThatOfThePrediction) {
  const Form& form = *GetParam();
  const Rows rows = ExactRows(form);
  const ParameterVector theta = ThetaOf(form);
  const Eigen::MatrixXd jacobian = form.Jacobian(theta, rows);
  for (Eigen::Index j = 0; j < theta.size(); ++j) {
    ParameterVector above = theta, below = theta;
    above[j] += 1e-6;
    below[j] -= 1e-6;
    const Eigen::ArrayXd slope =
        (form.PredictLogLoss(above, rows) - form.PredictLogLoss(below, rows)) / 2e-6;
    EXPECT_LT((slope - jacobian.col(j).array()).abs().maxCoeff(),
              1e-7 * std::max(1.0, slope.abs().maxCoeff()));
  }
}

INSTANTIATE_TEST_SUITE_P(All, FormsTest, testing::ValuesIn(AllForms()), [](const auto& form) {
  std::string name(form.param->name());
  std::erase(name, '-');
  return name;
});

TEST(FormRegistryTest, NamesFindTheirForms) {
  EXPECT_EQ(AllForms().front()->name(), "chinchilla");
  for (const Form* form : AllForms()) EXPECT_EQ(FindForm(form->name()), form);
  EXPECT_EQ(FindForm("hoffmann"), nullptr);
}

// Dey et al. 2023, arXiv:2304.03208: Cerebras-GPT on the Pile, FLOPs and losses of the model zoo's
// table; their law is L = (C/5.984e22)^-0.0737 + 0.5066. The constants expected here are an
// independent least-squares fit of the same seven points.
TEST(PowerFormTest, SevenPublishedModelsByLeastSquaresOfTheLoss) {
  const double flops[] = {2.6e18, 1.3e19, 6.1e19, 2.8e20, 1.1e21, 6.3e21, 2.3e22};
  const double losses[] = {2.608, 2.349, 2.181, 1.997, 1.834, 1.704, 1.572};
  std::vector<Observation> runs;
  for (size_t i = 0; i < 7; ++i) {
    Observation run;
    run.training_flops = flops[i];
    run.param_count = std::sqrt(flops[i] / 120);
    run.token_count = 20 * run.param_count;
    run.loss_nats = losses[i];
    runs.push_back(run);
  }
  FitOptions options;
  options.loss = LossKind::kSquares;
  options.residual = ResidualKind::kLoss;
  const absl::StatusOr<FitResult> fit = FitForm(FlopsPowerForm(), *MakeRows(runs), options);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(2 * fit->objective, 0.0011722209, 1e-9);
  EXPECT_NEAR(std::exp(fit->theta[0]), 0.50134, 1e-4);
  EXPECT_NEAR(fit->theta[2], 0.073293, 1e-5);
}

TEST(PowerFormTest, AnIrreducibleLossFixedAtZeroIsThePlainLaw) {
  const Rows rows = ExactRows(PlainFlopsPowerForm(), 0.003);
  const absl::StatusOr<FitResult> plain = FitForm(PlainFlopsPowerForm(), rows, {});
  const absl::StatusOr<FitResult> held = FitForm(FlopsPowerForm(), rows, Fixing("E", 0));
  ASSERT_TRUE(plain.ok() && held.ok()) << plain.status() << held.status();
  EXPECT_NEAR(held->objective / plain->objective, 1, 1e-9);
}

TEST(CoupledFormTest, GammaOfOneIsChinchilla) {
  const Rows rows = ExactRows(ChinchillaForm(), 0.005);
  const absl::StatusOr<FitResult> plain = FitForm(ChinchillaForm(), rows, {});
  const absl::StatusOr<FitResult> held = FitForm(CoupledForm(), rows, Fixing("gamma", 1));
  ASSERT_TRUE(plain.ok() && held.ok()) << plain.status() << held.status();
  EXPECT_NEAR(held->objective / plain->objective, 1, 1e-9);
}

TEST(OvertrainingFormTest, IsChinchillaWithTiedExponents) {
  const Rows rows = ExactRows(ChinchillaForm(), 0.005);
  FitOptions options;
  options.tied = {{"alpha", "beta"}};
  const absl::StatusOr<FitResult> tied = FitForm(ChinchillaForm(), rows, options);
  const absl::StatusOr<FitResult> gadre = FitForm(OvertrainingForm(), rows, {});
  ASSERT_TRUE(tied.ok() && gadre.ok()) << tied.status() << gadre.status();
  EXPECT_NEAR(gadre->objective / tied->objective, 1, 1e-9);
  EXPECT_NEAR(2 * gadre->theta[3], tied->theta[3], 1e-6);
}

// Muennighoff et al. 2023, arXiv:2305.16264, constants for C4 and the losses that the authors' code
// gives for 25e9 unique tokens: 6.34e9 parameters on 242e9 tokens, 8.67e9 on 178e9.
TEST(DataConstrainedFormTest, GivesThePublishedLosses) {
  ParameterVector theta(7);
  theta << 6.255414, 7.3049974, 0.6254804, 0.3526596, 0.3526596, std::log(15.387756),
      std::log(5.309743);
  std::vector<Observation> runs(2);
  runs[0].param_count = 6.34e9;
  runs[0].token_count = 242e9;
  runs[1].param_count = 8.67e9;
  runs[1].token_count = 178e9;
  for (Observation& run : runs) {
    run.unique_token_count = 25e9;
    run.loss_nats = 1;
  }
  const Eigen::ArrayXd log_loss = DataConstrainedForm().PredictLogLoss(theta, *MakeRows(runs));
  EXPECT_NEAR(std::exp(log_loss[0]), 2.2256440889984477, 1e-9);
  EXPECT_NEAR(std::exp(log_loss[1]), 2.2269634075087867, 1e-9);
}

TEST(DataConstrainedFormTest, RunsThatRepeatNothingAreRefused) {
  Rows rows = ExactRows(ChinchillaForm());
  rows.log_unique_tokens.setConstant(std::numeric_limits<double>::infinity());
  const absl::StatusOr<FitResult> fit = FitForm(DataConstrainedForm(), rows, {});
  ASSERT_EQ(fit.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(fit.status().message().find("unique_token_count"), std::string::npos);
}

TEST(KaplanFormTest, ARunWithoutStepsIsNamed) {
  Rows rows = ExactRows(KaplanStepsForm());
  rows.log_steps[3] = std::numeric_limits<double>::quiet_NaN();
  const absl::StatusOr<FitResult> fit = FitForm(KaplanStepsForm(), rows, {});
  ASSERT_EQ(fit.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(fit.status().message().find("observation 3"), std::string::npos) << fit.status();
}

TEST(ResidualKindTest, ResidualsOfTheLossWeighLargeLossesMore) {
  Rows rows = ExactRows(ChinchillaForm(), 0.01);
  FitOptions options;
  options.loss = LossKind::kSquares;
  options.residual = ResidualKind::kLoss;
  const absl::StatusOr<FitResult> fit = FitForm(ChinchillaForm(), rows, options);
  ASSERT_TRUE(fit.ok()) << fit.status();
  const Eigen::ArrayXd residual =
      ChinchillaForm().PredictLogLoss(fit->theta, rows).exp() - rows.log_loss.exp();
  EXPECT_NEAR(fit->objective, 0.5 * residual.square().sum(), 1e-12);
  // A free E makes least squares of the loss exact in the mean; that of ln L is not.
  EXPECT_NEAR(residual.sum(), 0, 1e-6);
}

}  // namespace
}  // namespace rhumb
