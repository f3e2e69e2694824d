// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_fit.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/planner_law.h"
#include "client/cli/render_decisions.h"
#include "client/cli/render_isoflop.h"
#include "client/cli/render_parts.h"
#include "client/cli/request_fields.h"
#include "client/config/human_numbers.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/loss_model.h"

namespace rhumb::cli {
namespace {

constexpr size_t kShownOutliers = 8;

std::string Six(double value) { return ShortExponents(absl::StrFormat("%.6g", value)); }
std::string Three(double value) { return ShortExponents(absl::StrFormat("%.3g", value)); }
std::string Flops(double flops) { return ShortExponents(absl::StrFormat("%.3g", flops)); }
// 0.83%: errors of predictions are often below a percent.
std::string Percent(double fraction) { return absl::StrFormat("%.2f%%", 100 * fraction); }

// Symbols as a reader expects them; maps of the API have no order.
std::vector<std::string> Symbols(const google::protobuf::Map<std::string, double>& constants) {
  std::vector<std::string> known = {"E", "A", "B", "alpha", "beta", "gamma", "R_D", "R_N"};
  std::vector<std::string> symbols, others;
  for (const std::string& symbol : known) {
    if (constants.contains(symbol)) symbols.push_back(symbol);
  }
  for (const auto& [symbol, value] : constants) {
    if (std::find(known.begin(), known.end(), symbol) == known.end()) others.push_back(symbol);
  }
  std::sort(others.begin(), others.end());
  symbols.insert(symbols.end(), others.begin(), others.end());
  return symbols;
}

template <typename Map>
std::optional<typename Map::mapped_type> Find(const Map& map, const std::string& symbol) {
  const auto found = map.find(symbol);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

std::string Formula(const v1::Law& message) {
  const std::optional<Law> law = PlannerLaw(message);
  if (!law.has_value()) return "";
  const ChinchillaLaw& c = law->constants;
  const std::string terms =
      absl::StrFormat("%.4g N^-%.3f + %.4g D^-%.3f", c.a, c.alpha, c.b, c.beta);
  return absl::StrCat("L = ", absl::StrFormat("%.4g", c.irreducible_loss_nats), " + ",
                      c.interaction_exponent == 1
                          ? terms
                          : absl::StrFormat("(%s)^%.3g", terms, c.interaction_exponent));
}

void AddTable(const char* label, const Table& table, Report& report) {
  if (table.rows.empty()) return;
  report.Line(label, "");
  report.Block(RenderTable(table, {}, report.terminal()));
}

std::string WithInterval(const std::string& value, bool has, const v1::Interval& interval) {
  if (!has) return value;
  return absl::StrCat(value, " (", absl::StrFormat("%.3f", interval.low()), " to ",
                      absl::StrFormat("%.3f", interval.high()), ")");
}

void AddExponents(const v1::LawFitResult& fit, Report& report) {
  const v1::LawFitResult::OptimalExponents& best = fit.optimal_exponents();
  const std::string params =
      !best.has_a() ? ""
                    : absl::StrCat("best N grows as C^",
                                   WithInterval(absl::StrFormat("%.3f", best.a()),
                                                best.has_a_interval(), best.a_interval()));
  const std::string tokens =
      !best.has_b()
          ? ""
          : absl::StrCat("best D as C^", WithInterval(absl::StrFormat("%.3f", best.b()),
                                                      best.has_b_interval(), best.b_interval()));
  report.Row("Exponents", JoinParts({params, tokens}, ", "));
  if (best.has_params_coefficient()) {
    report.Row("", absl::StrCat("best N = ", Six(best.params_coefficient()), " C^",
                                absl::StrFormat("%.4f", best.a())));
  }
}

Table TrialsTable(const v1::LawFitResult& fit) {
  Table table;
  table.columns = {{.title = "FORM"},
                   {.title = "CONSTANTS", .number = true},
                   {.title = "ROLL-OUT ERROR", .number = true},
                   {.title = "CHOSEN"},
                   {.title = "REMARK"}};
  for (const v1::LawFitResult::FamilyTrial& trial : fit.trials()) {
    table.rows.push_back(
        {trial.family(), absl::StrCat(trial.parameter_count()),
         trial.has_rollout_error_fraction() ? Percent(trial.rollout_error_fraction()) : "",
         trial.chosen() ? "yes" : "", trial.remark()});
  }
  return table;
}

void AddOutliers(const v1::LawFitResult& fit, const std::string& file, Report& report) {
  const char* label = "Outliers";
  size_t shown = 0;
  for (const v1::LawFitResult::Outlier& outlier : fit.outliers()) {
    if (shown++ == kShownOutliers) {
      report.Row("", absl::StrCat("and ", fit.outliers_size() - kShownOutliers,
                                  " more, listed by -o json"));
      break;
    }
    const std::string where =
        outlier.line() > 0 ? absl::StrCat(file, file.empty() ? "" : " ", "line ", outlier.line())
                           : absl::StrCat("run ", outlier.observation() + 1);
    report.Row(label,
               absl::StrCat(where, outlier.run().empty() ? "" : " (", outlier.run(),
                            outlier.run().empty() ? "" : ")", ": measured ",
                            Percent(std::abs(outlier.residual_fraction())),
                            outlier.residual_fraction() > 0 ? " above" : " below", " the law, ",
                            absl::StrFormat("%.1f", std::abs(outlier.robust_z())),
                            " robust standard deviations"));
    label = "";
  }
}

// What would make the data tell, by how they were asked.
std::string WhatHelps(const v1::LawFitResult& fit) {
  if (fit.method() == v1::FIT_METHOD_ISOFLOP) {
    return "at two or more compute budgets, runs of several sizes on both sides of the best one";
  }
  if (fit.method() == v1::FIT_METHOD_ENVELOPE) {
    return "runs of several sizes, with the loss along each, that overlap in compute";
  }
  const std::string runs = "runs that vary N and D independently, over more sizes and lengths";
  if (fit.diagnostics().undetermined().empty()) return runs;
  return absl::StrCat(runs, "; or a constant that is known: --fix ",
                      fit.diagnostics().undetermined(0).symbol(), "=VALUE");
}

void AddNotIdentifiable(const v1::LawFitResult& fit, Report& report) {
  const char* label = "Undetermined";
  const auto& undetermined = fit.diagnostics().undetermined();
  // One reason that is that of several constants is said once.
  for (auto constant = undetermined.begin(); constant != undetermined.end();) {
    std::vector<std::string> symbols;
    const std::string& reason = constant->reason();
    for (; constant != undetermined.end() && constant->reason() == reason; ++constant) {
      symbols.push_back(constant->symbol());
    }
    report.Row(label, absl::StrCat(absl::StrJoin(symbols, ", "), ": ", reason), Style::kBad);
    label = "";
  }
  report.Row("What helps", WhatHelps(fit));
}

std::string Runs(const v1::LawFitResult& fit) {
  std::string text = Counted(fit.observation_count(), "row");
  if (fit.run_count() > 0 && fit.run_count() != fit.observation_count()) {
    absl::StrAppend(&text, " of ", Counted(fit.run_count(), "run"));
  }
  return text;
}

}  // namespace

Table ConstantsTable(const v1::LawFitResult& fit) {
  const std::string level = fit.level() > 0 ? FormatLevel(fit.level()) : "";
  Table table;
  table.columns = {{.title = "CONSTANT"},
                   {.title = "VALUE", .number = true},
                   {.title = "STD-ERROR", .number = true},
                   {.title = JoinParts({level, "LOW"}, " "), .number = true},
                   {.title = JoinParts({level, "HIGH"}, " "), .number = true}};
  for (const std::string& symbol : Symbols(fit.constants())) {
    const std::optional<double> error = Find(fit.std_errors(), symbol);
    const std::optional<v1::Interval> interval = Find(fit.intervals(), symbol);
    table.rows.push_back(
        {symbol, Six(fit.constants().at(symbol)), error.has_value() ? Three(*error) : "",
         interval.has_value() && interval->has_low() ? Six(interval->low()) : "",
         interval.has_value() && interval->has_high() ? Six(interval->high()) : ""});
  }
  return table;
}

Table BacktestTable(const v1::Backtest& backtest) {
  Table table;
  table.columns = {{.title = "FITTED UP TO", .number = true}, {.title = "ROWS", .number = true},
                   {.title = "PREDICTED", .number = true},    {.title = "ERROR", .number = true},
                   {.title = "RMSE", .number = true},         {.title = "BIAS", .number = true},
                   {.title = "COVERAGE", .number = true},     {.title = "INTERVAL", .number = true},
                   {.title = "NAIVE", .number = true}};
  const auto half_width = [](bool has, double fraction) {
    return has ? absl::StrCat("+-", Percent(fraction)) : std::string();
  };
  for (const v1::Backtest::Split& split : backtest.splits()) {
    table.rows.push_back(
        {split.train_count() > 0 ? Flops(split.train_max_flops()) : "",
         split.train_count() > 0 ? absl::StrCat(split.train_count()) : "",
         absl::StrCat(split.test_count()), Percent(split.mean_abs_error_fraction()),
         Percent(split.rmse_fraction()), absl::StrFormat("%+.2f%%", 100 * split.bias_fraction()),
         split.has_coverage() ? FormatFraction(split.coverage()) : "",
         half_width(split.has_mean_interval_fraction(), split.mean_interval_fraction()),
         half_width(split.has_mean_naive_interval_fraction(),
                    split.mean_naive_interval_fraction())});
  }
  return table;
}

// A run that is larger than several training sets is predicted, and counts, once from each.
std::string PredictedRuns(const v1::Backtest& backtest) {
  if (backtest.run_count() == 0 || backtest.run_count() == backtest.observation_count()) {
    return Counted(backtest.observation_count(), "run");
  }
  return absl::StrCat(Counted(backtest.run_count(), "run"), " (",
                      Counted(backtest.observation_count(), "prediction"),
                      ": one from each smaller fit)");
}

void AddBacktest(const v1::Backtest& backtest, Report& report) {
  // A law that is judged as it is was fitted to none of the runs; then there is nothing to split.
  const bool is_split = backtest.splits_size() > 0 && backtest.splits(0).train_count() > 0;
  report.Row(
      "Back-test",
      absl::StrCat("predicts ", PredictedRuns(backtest), " with a mean error of ",
                   Percent(backtest.mean_abs_error_fraction()), " (root mean square ",
                   Percent(backtest.rmse_fraction()),
                   backtest.splits_size() > 0 && !is_split
                       ? absl::StrFormat(", bias %+.2f%%", 100 * backtest.splits(0).bias_fraction())
                       : "",
                   ")",
                   backtest.has_coverage()
                       ? absl::StrCat("; ", FormatFraction(backtest.coverage()), " lie in their ",
                                      FormatLevel(backtest.level()), " intervals")
                       : ""));
  if (is_split) report.Block(RenderTable(BacktestTable(backtest), {}, report.terminal()));
}

std::string RenderFit(const v1::LawFitResult& fit, const FitRenderOptions& options,
                      const Terminal& terminal) {
  Report report(terminal);
  const v1::LawFitResult::Diagnostics& diagnostics = fit.diagnostics();
  const std::string formula = fit.has_law() ? Formula(fit.law()) : fit.formula();
  if (!diagnostics.identifiable()) {
    report.Sentence(absl::StrCat(Runs(fit), fit.observation_count() == 1 ? " does" : " do",
                                 " not determine the ", fit.family(), " form: no law."),
                    Style::kBad);
    AddNotIdentifiable(fit, report);
  } else {
    report.Sentence(absl::StrCat("The ", fit.family(), " form fitted to ", Runs(fit),
                                 formula.empty() ? "" : ": ", formula, "."),
                    Style::kGood);
  }
  report.Row("Left out",
             JoinParts({fit.held_out_count() > 0
                            ? absl::StrCat(Counted(fit.held_out_count(), "row"), " held out")
                            : "",
                        fit.left_out_count() > 0
                            ? absl::StrCat(Counted(fit.left_out_count(), "row"), " in mid-schedule")
                            : ""},
                       ", "));
  AddTable("Constants", ConstantsTable(fit), report);
  AddExponents(fit, report);
  AddBudgets(fit, options.compute_column, options.wide, report);
  AddDecisions(fit, options.wide, report);
  if (fit.residual_log_std() > 0) {
    report.Row("Scatter", absl::StrCat("a run lies ", Percent(fit.residual_log_std()),
                                       " from the law (standard deviation; robust: ",
                                       Percent(fit.residual_log_robust_std()), ")"));
  }
  if (fit.has_backtest()) AddBacktest(fit.backtest(), report);
  AddTable("Forms tried", TrialsTable(fit), report);
  AddOutliers(fit, options.file, report);
  AddWarnings(diagnostics.warnings(), report);
  if (options.wide) {
    report.Row("Objective", absl::StrCat(absl::StrFormat("%.10g", fit.objective()),
                                         fit.objective_definition().empty() ? "" : ": ",
                                         fit.objective_definition()));
    report.Row(
        "Search",
        JoinParts({diagnostics.termination(), Counted(diagnostics.iteration_count(), "iteration"),
                   Counted(diagnostics.start_count(), "start"),
                   diagnostics.local_minima_size() > 0
                       ? Counted(diagnostics.local_minima_size(), "local minimum")
                       : "",
                   diagnostics.has_condition_number()
                       ? absl::StrCat("condition number ", Three(diagnostics.condition_number()))
                       : ""},
                  ", "));
    report.Row("Covariance", fit.covariance_source());
    report.Row("Time", FormatDuration(fit.seconds()));
  }
  report.Row("Stored", options.stored.empty() ? "nothing" : options.stored);
  const char* label = "Next";
  for (const std::string& line : options.next) {
    report.Line(label, absl::StrCat("rhumb ", line));
    label = "";
  }
  return report.text();
}

std::string RenderBacktest(const v1::BacktestLawResponse& answer, const std::string& file,
                           bool wide, const Terminal& terminal) {
  Report report(terminal);
  const v1::Backtest& backtest = answer.backtest();
  const bool is_fit = backtest.splits_size() > 0 && backtest.splits(0).train_count() > 0;
  report.Row(is_fit ? "Form" : "Law",
             is_fit ? absl::StrCat(backtest.family(), ", fitted to the smaller runs")
                    : absl::StrCat(backtest.family(), ", as it is"));
  AddBacktest(backtest, report);
  if (answer.predictions_size() > 0) {
    std::vector<v1::BacktestLawResponse::Prediction> worst(answer.predictions().begin(),
                                                           answer.predictions().end());
    std::stable_sort(worst.begin(), worst.end(), [](const auto& a, const auto& b) {
      return std::abs(a.error_fraction()) > std::abs(b.error_fraction());
    });
    if (!wide && worst.size() > kShownOutliers) worst.resize(kShownOutliers);
    Table table;
    table.columns = {{.title = "LINE", .number = true},      {.title = "MEASURED", .number = true},
                     {.title = "PREDICTED", .number = true}, {.title = "LOW", .number = true},
                     {.title = "HIGH", .number = true},      {.title = "ERROR", .number = true}};
    for (const v1::BacktestLawResponse::Prediction& run : worst) {
      const v1::LossEstimate& predicted = run.predicted();
      table.rows.push_back(
          {run.line() > 0 ? absl::StrCat(run.line()) : absl::StrCat("#", run.observation() + 1),
           FormatLoss(run.measured_nats()), FormatLoss(predicted.mean_nats()),
           predicted.has_low_nats() ? FormatLoss(predicted.low_nats()) : "",
           predicted.has_high_nats() ? FormatLoss(predicted.high_nats()) : "",
           absl::StrFormat("%+.2f%%", 100 * run.error_fraction())});
    }
    report.Line(wide ? "Runs" : "Worst", file);
    report.Block(RenderTable(table, {}, terminal));
  }
  AddWarnings(answer.warnings(), report);
  return report.text();
}

Table ExperimentsTable(const v1::SuggestExperimentsResponse& answer) {
  Table table;
  table.columns = {{.title = "RUNS", .number = true},      {.title = "N", .number = true},
                   {.title = "D", .number = true},         {.title = "D/N", .number = true},
                   {.title = "FLOP EACH", .number = true}, {.title = "LOSS", .number = true},
                   {.title = "STD AFTER", .number = true}};
  for (const v1::SuggestExperimentsResponse::Experiment& run : answer.experiments()) {
    table.rows.push_back({absl::StrCat(run.run_count(), " x"), FormatCount(run.param_count()),
                          FormatCount(run.token_count()),
                          FormatRatio(run.token_count() / run.param_count()),
                          Flops(run.training_flops()), FormatLoss(run.predicted_loss_nats()),
                          Three(run.expected_std())});
  }
  return table;
}

std::string RenderSuggestion(const v1::SuggestExperimentsResponse& answer, bool wide,
                             const Terminal& terminal) {
  Report report(terminal);
  const bool of_params = answer.goal() == v1::SuggestExperimentsRequest::GOAL_PARAMS;
  const std::string goal = of_params ? "ln of the best size" : "ln of the loss";
  int64_t runs = 0;
  for (const auto& experiment : answer.experiments()) runs += experiment.run_count();
  report.Sentence(absl::StrCat(Counted(runs, "run"), " of ", FormatFlops(answer.training_flops()),
                               " in all: the standard deviation of ", goal, " falls from ",
                               Three(answer.std_before()), " to ", Three(answer.std_after()), "."),
                  Style::kGood);
  report.Row("Instead", absl::StrCat("a log-spaced grid of the same cost would leave ",
                                     Three(answer.grid_std_after())));
  report.Block(RenderTable(ExperimentsTable(answer), {}, terminal));
  if (wide && answer.grid_size() > 0) {
    v1::SuggestExperimentsResponse grid;
    *grid.mutable_experiments() = answer.grid();
    report.Line("Grid", "");
    report.Block(RenderTable(ExperimentsTable(grid), {}, terminal));
  }
  AddWarnings(answer.warnings(), report);
  return report.text();
}

}  // namespace rhumb::cli
