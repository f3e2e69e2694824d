// SPDX-License-Identifier: Apache-2.0
// Loss surfaces fitted to published runs of eight laboratories, from the default start alone,
// against independently computed optima. The data are optional; forms_test.cc and fit_test.cc hold
// what is tested without them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "planner/fit/bootstrap.h"
#include "planner/fit/fit.h"
#include "planner/fit/forms.h"
#include "tests/planner/fit/golden_kinds.h"
#include "tests/planner/fit/golden_table.h"

namespace rhumb {
namespace {

constexpr double kObjectiveRel = 1e-6;

// By symbol, values as users write them.
std::map<std::string, double> ConstantsOf(const FitResult& fit) {
  std::map<std::string, double> constants;
  const std::vector<ParameterInfo>& parameters = fit.form->parameters();
  for (size_t j = 0; j < parameters.size(); ++j) {
    const double theta = fit.theta[static_cast<Eigen::Index>(j)];
    constants[parameters[j].symbol] = parameters[j].is_log ? std::exp(theta) : theta;
  }
  return constants;
}

Rows RowsOf(const std::vector<Observation>& observations) {
  const absl::StatusOr<Rows> rows = MakeRows(observations);
  EXPECT_TRUE(rows.ok()) << rows.status();
  return *rows;
}

FitResult Fitted(const Form& form, const Rows& rows, const FitOptions& options) {
  const absl::StatusOr<FitResult> fit = FitForm(form, rows, options);
  EXPECT_TRUE(fit.ok()) << fit.status();
  return fit.ok() ? *fit : FitResult();
}

double MeanAbsError(const FitResult& fit, const Rows& rows) {
  return ((fit.form->PredictLogLoss(fit.theta, rows) - rows.log_loss).exp() - 1).abs().mean();
}

// Compares the objective first; constants only at the same optimum.
void ExpectOptimum(const std::string& name, const FitResult& fit, const Json& entry) {
  const double want = entry.at("objective").get<double>();
  const Json& tolerance = entry.at("tolerance");
  const double allowed = std::max(tolerance.value("objective_rel", kObjectiveRel), kObjectiveRel);
  const double excess = fit.objective / want - 1;
  EXPECT_LE(excess, allowed) << name;
  double worst = 0;
  if (excess > -allowed) {
    const std::map<std::string, double> constants = ConstantsOf(fit);
    for (const auto& [key, limit] : tolerance.items()) {
      const size_t split = key.rfind('_');
      const std::string symbol = key.substr(0, split);
      if (!constants.contains(symbol)) continue;
      const double target = entry.at("result").at(symbol).get<double>();
      const double off = std::abs(constants.at(symbol) - target) /
                         (key.substr(split) == "_rel" ? std::abs(target) : 1.0);
      EXPECT_LE(off, limit.get<double>()) << name << " " << symbol;
      worst = std::max(worst, off / limit.get<double>());
    }
  }
  std::printf("%-52s objective %+.1e  constants %.2g of tolerance\n", name.c_str(), excess, worst);
}

TEST(GoldenTest, SurfacesReachTheBestKnownObjective) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kSurface)) {
    const Json& entry = GoldenFile().at(name);
    FitOptions options;
    options.huber_delta = entry.value("delta", 1e-3);
    if (name.ends_with("_lad")) options.loss = LossKind::kAbsolute;
    if (name.ends_with("_tied")) options.tied = {{"alpha", "beta"}};
    const Rows rows = RowsOf(Observations(entry, FilteredRows(entry).table));
    EXPECT_EQ(rows.size(), entry.value("n", rows.size())) << name;
    ExpectOptimum(name, Fitted(ChinchillaForm(), rows, options), entry);
  }
}

TEST(GoldenTest, ATwinLawWhoseIrreducibleLossVanishesIsNotAConfidentNumber) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  const Json& entry = GoldenFile().at("misfitting_final_bestlr_a3_nonemb");
  const Rows rows = RowsOf(Observations(entry, FilteredRows(entry).table));
  const FitResult fit = Fitted(ChinchillaForm(), rows, {});
  EXPECT_LT(ConstantsOf(fit).at("E"), 1e-3);
}

TEST(GoldenTest, MinimizingFromHoffmannsPointIsNoTrap) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kTrap)) {
    const Json& entry = GoldenFile().at(name);
    const Rows rows = RowsOf(Observations(entry, FilteredRows(entry).table));
    const std::unique_ptr<Objective> objective =
        ChinchillaForm().MakeObjective(rows, ResidualKind::kLogLoss);
    objective->SetLoss({1e-3});
    const Json& init = entry.at("result").at("init");  // a, b, e, alpha, beta
    ParameterVector theta(5);
    for (int j = 0; j < 5; ++j) theta[j] = init.at(static_cast<size_t>(j)).get<double>();
    Expansion expansion;
    const MinimizeSummary summary = Minimize(*objective, {}, theta, expansion);
    EXPECT_TRUE(IsMinimum(summary.termination)) << TerminationName(summary.termination);
    const double best = GoldenFile().at("chinchilla240_a3_huber1e-3").at("objective").get<double>();
    EXPECT_LE(expansion.value / best - 1, kObjectiveRel);
    std::printf("%-52s objective %+.1e\n", name.c_str(), expansion.value / best - 1);
  }
}

// -ln of the density exp(-huber_delta(r/sigma)) / (Z sigma), summed.
TEST(GoldenTest, TheFreeScaleLikelihoodIsReproducedAtItsOptimum) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kLikelihood)) {
    const Json& entry = GoldenFile().at(name);
    const Json& at = entry.at("result");
    const Rows rows = RowsOf(Observations(entry, FilteredRows(entry).table));
    ParameterVector theta(5);
    theta << at.at("a").get<double>(), at.at("b").get<double>(), at.at("e").get<double>(),
        at.at("alpha").get<double>(), at.at("beta").get<double>();
    const double sigma = at.at("sigma").get<double>(), delta = 1e-3;
    const HuberLoss loss{delta};
    const double normal_part = std::sqrt(2 * M_PI) * std::erf(delta / std::sqrt(2.0));
    const double log_norm =
        std::log(normal_part + 2 * std::exp(-0.5 * delta * delta) / delta) + std::log(sigma);
    double sum = 0;
    for (const double r : (ChinchillaForm().PredictLogLoss(theta, rows) - rows.log_loss).eval()) {
      sum += loss.Value(r / sigma) + log_norm;
    }
    const double want = entry.at("check").at("negloglik_at_published").get<double>();
    EXPECT_NEAR(sum, want, entry.at("tolerance").at("negloglik_abs").get<double>()) << name;
    std::printf("%-52s likelihood %+.1e\n", name.c_str(), sum - want);
  }
}

TEST(GoldenTest, StandardErrorsOfFourThousandDraws) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kBootstrap)) {
    const Json& entry = GoldenFile().at(name);
    const Rows rows = RowsOf(Observations(entry, FilteredRows(entry).table));
    const FitOptions options;
    const FitResult fit = Fitted(ChinchillaForm(), rows, options);
    const absl::StatusOr<Bootstrap> draws = BootstrapFit(fit, options, rows, {});
    ASSERT_TRUE(draws.ok()) << draws.status();
    const auto std_of = [](const Eigen::ArrayXd& values) {
      return std::sqrt((values - values.mean()).square().sum() /
                       static_cast<double>(values.size() - 1));
    };
    const Eigen::ArrayXXd thetas = draws->thetas.array();
    const std::map<std::string, double> se = {
        {"A", std_of(thetas.col(0).exp())},
        {"B", std_of(thetas.col(1).exp())},
        {"E", std_of(thetas.col(2).exp())},
        {"alpha", std_of(thetas.col(3))},
        {"beta", std_of(thetas.col(4))},
        {"a_exp", std_of(thetas.col(4) / (thetas.col(3) + thetas.col(4)))}};
    double worst = 0;
    for (const auto& [symbol, value] : se) {
      const double want = entry.at("result").at("se").at(symbol).get<double>();
      const double limit = entry.at("tolerance").at(symbol + "_se_rel").get<double>();
      EXPECT_LE(std::abs(value / want - 1), limit) << name << " " << symbol;
      worst = std::max(worst, std::abs(value / want - 1) / limit);
    }
    std::printf("%-52s standard errors %.2g of tolerance\n", name.c_str(), worst);
  }
}

TEST(GoldenTest, ExtrapolationErrsNoMoreThanTheReference) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kExtrapolation)) {
    const Json& entry = GoldenFile().at(name);
    const GoldenRows kept = FilteredRows(entry);
    ASSERT_TRUE(kept.train_max_flops.has_value() && kept.test_above_flops.has_value()) << name;
    std::vector<Observation> train, test;
    for (const Observation& run : Observations(entry, kept.table)) {
      const double flops = 6 * run.param_count * run.token_count;
      if (flops <= *kept.train_max_flops) train.push_back(run);
      if (flops > *kept.test_above_flops) test.push_back(run);
    }
    EXPECT_EQ(static_cast<int>(train.size()), entry.at("n_train").get<int>()) << name;
    EXPECT_EQ(static_cast<int>(test.size()), entry.at("n_test").get<int>()) << name;
    const FitResult fit = Fitted(ChinchillaForm(), RowsOf(train), {});
    EXPECT_LE(fit.objective / entry.at("objective").get<double>() - 1, kObjectiveRel) << name;
    const double error = MeanAbsError(fit, RowsOf(test));
    const double want = entry.at("check").at("mean_abs_rel_err").get<double>();
    EXPECT_LE(error, want * (1 + 1e-4)) << name;
    std::printf("%-52s error %.5f, reference %.5f\n", name.c_str(), error, want);
  }
}

// "marin_dclm C<1e20 -> 3e20": the set, what is fitted, what is predicted.
TEST(GoldenTest, TheCoupledFormReachesTheBestKnownObjectiveAndExtrapolation) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  const std::map<std::string, std::pair<std::string, std::string>> sets = {
      {"chinchilla", {"chinchilla240_a3_huber1e-3", ""}},
      {"marin_dclm", {"marin_dclm_a3", "budget_flops"}},
      {"marin_comma", {"marin_comma_a3", "budget_flops"}},
      {"gadre_redpajama", {"gadre_rpj_a3_all", "flops_6nd"}},
      {"gadre_c4", {"gadre_c4_a3_all", "flops_6nd"}}};
  for (const std::string& name : EntriesOf(GoldenKind::kCoupled)) {
    const Json& entry = GoldenFile().at(name);
    const std::string split = entry.at("split").get<std::string>();
    std::smatch part;
    ASSERT_TRUE(
        std::regex_match(split, part, std::regex("(\\w+) C(<=|<)([0-9.e]+) -> C?(>?)([0-9.e]+)")))
        << split;
    const auto& [source, column] = sets.at(part[1]);
    const Json& set = GoldenFile().at(source);
    const CsvTable table = FilteredRows(set).table;
    const std::vector<Observation> runs = Observations(set, table);
    const double cut = std::stod(part[3]), from = std::stod(part[5]);
    std::vector<Observation> train, test;
    for (size_t i = 0; i < runs.size(); ++i) {
      const double flops = column.empty() ? 6 * runs[i].param_count * runs[i].token_count
                                          : CsvTable::Number(table.rows[i], column);
      if (part[2] == "<=" ? flops <= cut : flops < cut) train.push_back(runs[i]);
      if (part[4] == ">" ? flops > from : flops == from) test.push_back(runs[i]);
    }
    const Json& want = entry.at("result");
    EXPECT_EQ(static_cast<int>(train.size()), want.at("n_train").get<int>()) << name;
    EXPECT_EQ(static_cast<int>(test.size()), want.at("n_test").get<int>()) << name;
    const Rows train_rows = RowsOf(train), test_rows = RowsOf(test);
    const FitResult plain = Fitted(ChinchillaForm(), train_rows, {});
    const FitResult coupled = Fitted(CoupledForm(), train_rows, {});
    const double excess = coupled.objective / want.at("obj_gamma").get<double>() - 1;
    EXPECT_LE(plain.objective / want.at("obj_chinchilla").get<double>() - 1, kObjectiveRel) << name;
    EXPECT_LE(excess, kObjectiveRel) << name;
    const double error = MeanAbsError(coupled, test_rows);
    const double allowed = entry.at("tolerance").at("test_mare_abs").get<double>();
    EXPECT_NEAR(MeanAbsError(plain, test_rows), want.at("test_mare_chinchilla").get<double>(), 1e-5)
        << name;
    EXPECT_LE(error, want.at("test_mare_gamma").get<double>() + allowed) << name;
    std::printf("%-64s objective %+.1e  gamma %.4f (%.4f)  error %.5f (%.5f), plain %.5f\n",
                name.c_str(), excess, ConstantsOf(coupled).at("gamma"),
                want.at("gamma").get<double>(), error, want.at("test_mare_gamma").get<double>(),
                MeanAbsError(plain, test_rows));
  }
}

TEST(GoldenTest, TheOvertrainingLawPredictsRunsAThousandTimesLarger) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kOvertraining)) {
    const Json& entry = GoldenFile().at(name);
    const CsvTable table = ReadTable(entry.at("inputs").at("file").get<std::string>());
    // "name suffix 1.0 and params<5e8; or smallest params with suffix 16.0"
    const std::string loss_column = entry.at("inputs").at("columns").at("L").get<std::string>();
    const auto run_of = [&loss_column](const std::map<std::string, std::string>& row) {
      Observation run;
      run.param_count = CsvTable::Number(row, "params");
      run.token_count = CsvTable::Number(row, "tokens");
      run.loss_nats = CsvTable::Number(row, loss_column);
      return run;
    };
    std::vector<Observation> train, all;
    std::optional<Observation> smallest;
    for (const auto& row : table.rows) {
      const Observation run = run_of(row);
      all.push_back(run);
      if (row.at("name").ends_with("-1.0") && run.param_count < 5e8) train.push_back(run);
      if (row.at("name").ends_with("-16.0") &&
          (!smallest.has_value() || run.param_count < smallest->param_count)) {
        smallest = run;
      }
    }
    train.push_back(*smallest);
    EXPECT_EQ(static_cast<int>(train.size()), entry.at("n").get<int>()) << name;
    FitOptions options;
    options.loss = LossKind::kSquares;
    options.residual = ResidualKind::kLoss;
    const FitResult fit = Fitted(OvertrainingForm(), RowsOf(train), options);
    // The reference's objective is the sum of squares, ours half of it.
    const double excess = 2 * fit.objective / entry.at("objective").get<double>() - 1;
    EXPECT_LE(excess, kObjectiveRel) << name;
    double worst = 0;
    for (const auto& [run, prediction] : entry.at("predictions").items()) {
      const double actual = prediction.at("actual").get<double>();
      const auto found = std::find_if(all.begin(), all.end(), [actual](const Observation& row) {
        return std::abs(row.loss_nats - actual) < 1e-9;
      });
      ASSERT_NE(found, all.end()) << run;
      const double error = MeanAbsError(fit, RowsOf({*found}));
      const double want = prediction.at("rel_err").get<double>();
      EXPECT_NEAR(error, want, entry.at("tolerance").at("rel_err_abs").get<double>()) << run;
      worst = std::max(worst, std::abs(error - want));
    }
    std::printf("%-52s objective %+.1e  errors within %.1e\n", name.c_str(), excess, worst);
  }
}

TEST(GoldenTest, PowersOfComputeByLeastSquaresOfTheLoss) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kComputePower)) {
    const Json& entry = GoldenFile().at(name);
    FitOptions options;
    options.loss = LossKind::kSquares;
    options.residual = ResidualKind::kLoss;
    const FitResult fit =
        Fitted(FlopsPowerForm(), RowsOf(Observations(entry, FilteredRows(entry).table)), options);
    const double excess = 2 * fit.objective / entry.at("objective").get<double>() - 1;
    EXPECT_LE(excess, kObjectiveRel) << name;
    const std::map<std::string, double> constants = ConstantsOf(fit);
    const double k = entry.at("result").at("k").get<double>();
    const double e = entry.at("result").at("E").get<double>();
    EXPECT_LE(std::abs(constants.at("alpha_C") / k - 1), entry.at("tolerance").at("k_rel"));
    EXPECT_LE(std::abs(constants.at("E") / e - 1), entry.at("tolerance").at("E_rel"));
    std::printf("%-52s objective %+.1e  k %+.1e  E %+.1e\n", name.c_str(), excess,
                constants.at("alpha_C") / k - 1, constants.at("E") / e - 1);
  }
}

TEST(GoldenTest, EveryLocalMinimumOfTheRepetitionDecaysIsFound) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kRepetition)) {
    const Json& entry = GoldenFile().at(name);
    const Rows rows = RowsOf(Observations(entry, FilteredRows(entry).table));
    EXPECT_EQ(rows.size(), entry.at("n").get<int>());
    const Json& fixed = entry.at("fixed");
    FitOptions options;
    for (const auto& [symbol, key] :
         std::map<std::string, std::string>{{"A", "a"}, {"B", "b"}, {"E", "e"}}) {
      options.fixed[symbol] = std::exp(fixed.at(key).get<double>());
    }
    options.fixed["alpha"] = fixed.at("alpha").get<double>();
    options.fixed["beta"] = fixed.at("beta").get<double>();
    const FitResult fit = Fitted(DataConstrainedForm(), rows, options);
    for (size_t m = 0; m < fit.minima.size(); ++m) {
      std::printf("  minimum %.12g  R_D %.6g  R_N %.6g\n", fit.local_minima[m],
                  std::exp(fit.minima[m][5]), std::exp(fit.minima[m][6]));
    }
    double best = std::numeric_limits<double>::infinity();
    for (const Json& minimum : entry.at("all_local_minima")) {
      const double want = minimum.at("objective").get<double>();
      best = std::min(best, want);
      const double r_d = minimum.at("R_D_star").get<double>();
      const double r_n = minimum.at("R_N_star").get<double>();
      const double limit = entry.at("tolerance").at("R_rel").get<double>();
      bool found = false;
      for (size_t m = 0; m < fit.minima.size(); ++m) {
        found |= std::abs(fit.local_minima[m] / want - 1) <= kObjectiveRel &&
                 std::abs(std::exp(fit.minima[m][5]) / r_d - 1) <= limit &&
                 std::abs(std::exp(fit.minima[m][6]) / r_n - 1) <= limit;
      }
      EXPECT_TRUE(found) << name << " R_D " << r_d << " R_N " << r_n;
    }
    EXPECT_LE(fit.objective / best - 1, kObjectiveRel);
    std::printf("%-52s objective %+.1e  of the best, %zu minima\n", name.c_str(),
                fit.objective / best - 1, fit.minima.size());
  }
}

// "L_6p34B_242B_25B": N, D and U.
TEST(GoldenTest, TheRepetitionLawGivesThePublishedLosses) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  const Json& fixed = GoldenFile().at("muennighoff182_rdstar").at("fixed");
  for (const std::string& name : EntriesOf(GoldenKind::kEvaluation)) {
    const Json& entry = GoldenFile().at(name);
    const Json& published = GoldenFile().at("muennighoff182_rdstar").at("published");
    ParameterVector theta(7);
    theta << fixed.at("a").get<double>(), fixed.at("b").get<double>(), fixed.at("e").get<double>(),
        fixed.at("alpha").get<double>(), fixed.at("beta").get<double>(),
        std::log(published.at("R_D_star").get<double>()),
        std::log(published.at("R_N_star").get<double>());
    for (const auto& [key, loss] : entry.at("result").items()) {
      std::smatch part;
      ASSERT_TRUE(std::regex_match(key, part, std::regex("L_(.*)B_(.*)B_(.*)B"))) << key;
      const auto billions = [](std::string text) {
        std::replace(text.begin(), text.end(), 'p', '.');
        return 1e9 * std::stod(text);
      };
      Observation run;
      run.param_count = billions(part[1]);
      run.token_count = billions(part[2]);
      run.unique_token_count = billions(part[3]);
      run.loss_nats = 1;
      const double got = std::exp(DataConstrainedForm().PredictLogLoss(theta, RowsOf({run}))[0]);
      EXPECT_NEAR(got, loss.get<double>(), entry.at("tolerance").at("abs").get<double>()) << key;
      std::printf("%-52s %s %+.1e\n", name.c_str(), key.c_str(), got - loss.get<double>());
    }
  }
}

}  // namespace
}  // namespace rhumb
