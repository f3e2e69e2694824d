// SPDX-License-Identifier: Apache-2.0
// Everything but loss surfaces: isoFLOP, envelope, regressions and sweeps of published runs against
// independently computed results; and that no entry is passed over.
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "planner/fit/envelope.h"
#include "planner/fit/hyperparameter_fit.h"
#include "planner/fit/isoflop.h"
#include "planner/fit/log_linear.h"
#include "tests/planner/fit/golden_kinds.h"
#include "tests/planner/fit/golden_table.h"

namespace rhumb {
namespace {

// Entries that no family of ours covers, with the reason.
const std::map<std::string, std::string>& NotExecuted() {
  static const std::map<std::string, std::string> entries = {};
  return entries;
}

TEST(GoldenMethodsTest, EveryEntryIsExecutedOrListedWithItsReason) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  int executed = 0;
  for (const auto& [name, entry] : GoldenFile().items()) {
    const bool is_listed = NotExecuted().contains(name);
    const bool is_executed = KindOf(name, entry).has_value();
    EXPECT_NE(is_listed, is_executed) << name << " is neither or both";
    executed += is_executed;
  }
  for (const auto& [name, reason] : NotExecuted()) {
    EXPECT_TRUE(GoldenFile().contains(name)) << name;
    std::printf("not executed: %s: %s\n", name.c_str(), reason.c_str());
  }
  std::printf("%d of %zu entries are executed\n", executed, GoldenFile().size());
}

TEST(GoldenMethodsTest, BestSizesOfIsoFlopBudgets) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kIsoFlop)) {
    const Json& entry = GoldenFile().at(name);
    const absl::StatusOr<Rows> rows = MakeRows(Observations(entry, FilteredRows(entry).table));
    ASSERT_TRUE(rows.ok()) << name << rows.status();
    const absl::StatusOr<IsoFlopFit> fit =
        FitIsoFlop(*rows, {.trend = {.bootstrap_count = 200, .progress = {}}});
    ASSERT_TRUE(fit.ok()) << name << fit.status();
    const Json& want = entry.at("result");
    const Json& tolerance = entry.at("tolerance");
    EXPECT_NEAR(fit->trend.params_exponent, want.at("a_exp").get<double>(),
                tolerance.at("a_exp_abs").get<double>())
        << name;
    EXPECT_NEAR(fit->trend.tokens_exponent, want.at("b_exp").get<double>(),
                tolerance.at("a_exp_abs").get<double>())
        << name;
    EXPECT_NEAR(fit->trend.params_coefficient / want.at("N_coef").get<double>(), 1, 1e-6) << name;
    EXPECT_NEAR(fit->trend.tokens_coefficient / want.at("D_coef").get<double>(), 1, 1e-6) << name;
    ASSERT_EQ(fit->budgets.size(), want.at("budgets").size()) << name;
    double worst = 0;
    for (size_t b = 0; b < fit->budgets.size(); ++b) {
      const Json& budget = want.at("budgets").at(b);
      const IsoFlopBudget& got = fit->budgets[b];
      EXPECT_NEAR(got.training_flops / budget.at("C").get<double>(), 1, 1e-9) << name;
      EXPECT_EQ(got.observation_count, budget.at("n").get<int>()) << name;
      EXPECT_EQ(got.used, budget.at("interior").get<bool>()) << name << got.dropped_because;
      const double off = std::abs(got.best_param_count / budget.at("N_opt").get<double>() - 1);
      EXPECT_LE(off, tolerance.at("N_opt_rel").get<double>()) << name << " budget " << b;
      EXPECT_NEAR(got.best_loss_nats, budget.at("L_opt").get<double>(), 1e-6) << name;
      worst = std::max(worst, off);
    }
    ASSERT_TRUE(fit->trend.params_exponent_interval.has_value()) << name;
    std::printf("%-58s exponent %.6f %+.1e  sizes %.1e  90%% %.3f to %.3f\n", name.c_str(),
                fit->trend.params_exponent,
                fit->trend.params_exponent - want.at("a_exp").get<double>(), worst,
                fit->trend.params_exponent_interval->first,
                fit->trend.params_exponent_interval->second);
  }
}

TEST(GoldenMethodsTest, RegressionsOfBestSizes) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kSizeRegression)) {
    const Json& entry = GoldenFile().at(name);
    const Json& columns = entry.at("inputs").at("columns");
    std::vector<std::vector<double>> flops(1);
    std::vector<double> sizes;
    for (const auto& row : FilteredRows(entry).table.rows) {
      flops[0].push_back(CsvTable::Number(row, columns.at("C").get<std::string>()));
      sizes.push_back(CsvTable::Number(row, columns.at("y").get<std::string>()));
    }
    const absl::StatusOr<PowerLawFit> fit = FitPowerLaw(flops, sizes);
    ASSERT_TRUE(fit.ok()) << name << fit.status();
    const double want = entry.at("result").at("n_exponent").get<double>();
    EXPECT_NEAR(fit->exponents[0], want, entry.at("tolerance").at("n_exponent_abs").get<double>())
        << name;
    EXPECT_NEAR(fit->coefficient / entry.at("result").at("n_coef").get<double>(), 1, 1e-8) << name;
    std::printf("%-58s exponent %.9f %+.1e\n", name.c_str(), fit->exponents[0],
                fit->exponents[0] - want);
  }
}

TEST(GoldenMethodsTest, TheEnvelopeOfAllCheckpoints) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kEnvelope)) {
    const Json& entry = GoldenFile().at(name);
    const CsvTable table = FilteredRows(entry).table;
    std::vector<Observation> checkpoints = Observations(entry, table);
    for (size_t i = 0; i < checkpoints.size(); ++i) {
      const auto& row = table.rows[i];
      checkpoints[i].run = row.at("sweep") + "|" + row.at("model") + "|" + row.at("lr_peak") + "|" +
                           row.at("total_steps");
    }
    const absl::StatusOr<Rows> rows = MakeRows(checkpoints);
    ASSERT_TRUE(rows.ok()) << rows.status();
    const absl::StatusOr<EnvelopeFit> fit =
        FitEnvelope(*rows, {.lowest_flops = 1e17,
                            .highest_flops = 1e19,
                            .trend = {.bootstrap_count = 100, .progress = {}}});
    ASSERT_TRUE(fit.ok()) << fit.status();
    const double want = entry.at("result").at("a_exp").get<double>();
    EXPECT_EQ(fit->budget_count, entry.at("n").get<int>());
    EXPECT_NEAR(fit->trend.params_exponent, want,
                entry.at("tolerance").at("a_exp_abs").get<double>());
    std::printf("%-58s exponent %.9f %+.1e\n", name.c_str(), fit->trend.params_exponent,
                fit->trend.params_exponent - want);
  }
}

std::vector<Observation> SweepOf(const Json& entry) {
  const CsvTable table = FilteredRows(entry).table;
  std::vector<Observation> sweep = Observations(entry, table);
  for (size_t i = 0; i < sweep.size(); ++i) {
    sweep[i].learning_rate = CsvTable::Number(table.rows[i], "lr");
    sweep[i].global_batch_tokens = CsvTable::Number(table.rows[i], "batch_tokens");
  }
  return sweep;
}

TEST(GoldenMethodsTest, LearningRateAndBatchOfASweep) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kSweep)) {
    const Json& entry = GoldenFile().at(name);
    const absl::StatusOr<HyperparameterFit> fit = FitHyperparameters(SweepOf(entry));
    ASSERT_TRUE(fit.ok()) << fit.status();
    EXPECT_EQ(fit->observation_count, entry.at("n").get<int>());
    const Json& want = entry.at("result");
    const double allowed = entry.at("tolerance").at("exp_abs").get<double>();
    EXPECT_NEAR(fit->learning_rate.exponents[0], want.at("lr_N").get<double>(), allowed);
    EXPECT_NEAR(fit->learning_rate.exponents[1], want.at("lr_D").get<double>(), allowed);
    EXPECT_NEAR(fit->batch_tokens.exponents[0], want.at("bs_D").get<double>(), allowed);
    EXPECT_NEAR(fit->learning_rate.coefficient / want.at("lr_coef").get<double>(), 1, 1e-6);
    EXPECT_NEAR(fit->batch_tokens.coefficient / want.at("bs_coef").get<double>(), 1, 1e-6);
    std::printf("%-58s lr_N %+.1e lr_D %+.1e bs_D %+.1e\n", name.c_str(),
                fit->learning_rate.exponents[0] - want.at("lr_N").get<double>(),
                fit->learning_rate.exponents[1] - want.at("lr_D").get<double>(),
                fit->batch_tokens.exponents[0] - want.at("bs_D").get<double>());
  }
}

TEST(GoldenMethodsTest, CriticalBatchesOfIsoLossCurves) {
  if (GoldenFile().is_null()) GTEST_SKIP() << "optional data absent: fit/golden.json";
  for (const std::string& name : EntriesOf(GoldenKind::kCriticalBatch)) {
    const Json& entry = GoldenFile().at(name);
    const absl::StatusOr<CriticalBatchFit> fit = FitCriticalBatch(SweepOf(entry));
    ASSERT_TRUE(fit.ok()) << fit.status();
    double worst = 0;
    for (const Json& want : entry.at("result")) {
      const IsoLossCurve* found = nullptr;
      for (const IsoLossCurve& curve : fit->curves) {
        if (curve.param_count == want.at("params_nonemb").get<double>() &&
            std::abs(curve.loss_nats - want.at("loss_target").get<double>()) < 1e-6) {
          found = &curve;
        }
      }
      ASSERT_NE(found, nullptr) << want.dump();
      ASSERT_EQ(found->tokens_by_batch.size(), want.at("points").size());
      EXPECT_EQ(found->fitted_batch_count, want.at("n_batches").get<int>());
      const double off =
          std::abs(found->critical_batch_tokens / want.at("B_crit_tokens").get<double>() - 1);
      EXPECT_LE(off, entry.at("tolerance").at("B_crit_rel").get<double>());
      EXPECT_NEAR(found->min_token_count / want.at("D_min").get<double>(), 1, 1e-3);
      worst = std::max(worst, off);
    }
    EXPECT_GE(fit->curves.size(), entry.at("result").size());
    std::printf("%-58s B_crit within %.1e on %zu curves\n", name.c_str(), worst,
                fit->curves.size());
  }
}

}  // namespace
}  // namespace rhumb
