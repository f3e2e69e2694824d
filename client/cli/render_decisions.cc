// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_decisions.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/planner_law.h"
#include "client/cli/render_parts.h"
#include "client/cli/request_fields.h"
#include "client/config/human_numbers.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/loss_model.h"

namespace rhumb::cli {
namespace {

constexpr double kDefaultLevel = 0.9;

std::string Flops(double flops) { return ShortExponents(absl::StrFormat("%.3g", flops)); }

std::string Between(const std::string& low, const std::string& high) {
  return absl::StrCat(low, " to ", high);
}

// A side that the data leave open is absent.
std::string Between(const v1::Interval& interval, std::string (*format)(double)) {
  if (!interval.has_low() || !interval.has_high()) return "undetermined";
  return Between(format(interval.low()), format(interval.high()));
}

// Compute may be without limit: a loss that some draws of the law never reach.
std::string ReachOf(const v1::Interval& flops) {
  if (flops.has_low() && !flops.has_high()) return absl::StrCat("from ", Flops(flops.low()));
  return Between(flops, Flops);
}

std::string Percent(double fraction) { return absl::StrFormat("%.0f%%", 100 * fraction); }

// The forms that intervals average over; the fitted one comes first.
std::string FormsText(const v1::LawFitResult& fit) {
  std::vector<std::string> forms;
  for (const v1::LawFitResult::FormWeight& form : fit.form_weights()) {
    forms.push_back(absl::StrCat(form.family(), " ", Percent(form.weight())));
  }
  if (forms.empty()) return "";
  return absl::StrCat(
      "intervals average over ", absl::StrJoin(forms, ", "),
      fit.form_weights(0).weight() < 0.5 ? "; but for one run, the fitted form counts half" : "");
}

// What the interval of a single run has beside the forms and its scatter.
std::string SlopeErrorText(const v1::LawFitResult& fit) {
  if (!(fit.slope_error_fraction() > 0)) return "";
  return absl::StrFormat(
      "the fall of ln L beyond the data may be wrong by %s (standard deviation, %.3g degrees of "
      "freedom)",
      Percent(fit.slope_error_fraction()), fit.slope_error_degrees());
}

}  // namespace

Table LawDecisionsTable(const v1::Law& message, double level) {
  Table table;
  const std::optional<Law> law = PlannerLaw(message);
  if (!law.has_value()) return table;
  const bool known_range = law->box.max_training_flops.has_value();
  const double largest = law->box.max_training_flops.value_or(1e21);
  table.columns = {{.title = "FLOP", .number = true},
                   {.title = "BEST N", .number = true},
                   {.title = absl::StrCat(FormatLevel(level), " OF N")},
                   {.title = "BEST D", .number = true},
                   {.title = "D/N", .number = true},
                   {.title = "LOSS", .number = true},
                   {.title = absl::StrCat(FormatLevel(level), " OF LOSS")},
                   {.title = "BEYOND THE DATA"}};
  for (const double factor : {1.0, 10.0, 100.0}) {
    const double flops = largest * factor;
    const FrontierPoint best = OptimumForCompute(law->constants, flops);
    std::string of_params, of_loss;
    if (const std::optional<double> sd = LogOptimalParamsStdDev(*law, flops); sd.has_value()) {
      const double reach = std::exp(StandardNormalQuantile(0.5 + level / 2) * *sd);
      of_params =
          Between(FormatCount(best.param_count / reach), FormatCount(best.param_count * reach));
    }
    const std::optional<LossInterval> loss = PredictLossInterval(
        *law, best.param_count, {.token_count = best.token_count, .unique_token_count = {}}, level);
    if (loss.has_value())
      of_loss = Between(FormatLoss(loss->low_nats), FormatLoss(loss->high_nats));
    table.rows.push_back({Flops(flops), FormatCount(best.param_count), of_params,
                          FormatCount(best.token_count), FormatRatio(best.tokens_per_param),
                          FormatLoss(best.loss_nats), of_loss,
                          !known_range  ? "unknown"
                          : factor == 1 ? "no, the largest run"
                                        : absl::StrFormat("%gx", factor)});
  }
  return table;
}

Table FitDecisionsTable(const v1::LawFitResult& fit) {
  const std::string level = FormatLevel(fit.level() > 0 ? fit.level() : kDefaultLevel);
  Table table;
  table.columns = {{.title = "FLOP", .number = true},
                   {.title = "BEST N", .number = true},
                   {.title = absl::StrCat(level, " OF N")},
                   {.title = "BEST D", .number = true},
                   {.title = absl::StrCat(level, " OF D"), .wide_only = true},
                   {.title = "D/N", .number = true},
                   {.title = absl::StrCat(level, " OF D/N"), .wide_only = true},
                   {.title = "LOSS", .number = true},
                   {.title = absl::StrCat(level, " OF ITS MEAN"), .wide_only = true},
                   {.title = absl::StrCat(level, " OF ONE RUN")}};
  const bool has_target = std::any_of(fit.decisions().begin(), fit.decisions().end(),
                                      [](const auto& at) { return at.has_target_loss_nats(); });
  if (has_target) {
    table.columns.insert(table.columns.begin() + 1, {.title = absl::StrCat(level, " OF FLOP")});
  }
  for (const v1::LawFitResult::Decision& at : fit.decisions()) {
    table.rows.push_back(
        {Flops(at.training_flops()), FormatCount(at.param_count()),
         Between(at.param_count_interval(), FormatCount), FormatCount(at.token_count()),
         Between(at.token_count_interval(), FormatCount), FormatRatio(at.tokens_per_param()),
         Between(at.tokens_per_param_interval(), FormatRatio), FormatLoss(at.loss_nats()),
         Between(at.loss_interval(), FormatLoss), Between(at.run_loss_interval(), FormatLoss)});
    if (has_target) {
      std::vector<std::string>& row = table.rows.back();
      row.insert(row.begin() + 1,
                 at.has_target_loss_nats() ? ReachOf(at.training_flops_interval()) : "");
    }
  }
  return table;
}

void AddLawDecisions(const v1::Law& law, double level, Report& report) {
  const Table table = LawDecisionsTable(law, level);
  if (table.rows.empty()) return;
  report.Row("Decisions", "by the constants alone");
  report.Block(RenderTable(table, {}, report.terminal()));
}

void AddDecisions(const v1::LawFitResult& fit, bool wide, Report& report) {
  if (fit.decisions().empty()) {
    if (fit.has_law()) {
      AddLawDecisions(fit.law(), fit.level() > 0 ? fit.level() : kDefaultLevel, report);
    }
    return;
  }
  const bool has_target = fit.decisions().rbegin()->has_target_loss_nats();
  report.Row("Decisions",
             absl::StrCat(
                 "at the largest compute of the data, and 10 and 100 times it",
                 has_target ? absl::StrCat("; last, the least that reaches ",
                                           FormatLoss(fit.decisions().rbegin()->target_loss_nats()),
                                           " nats")
                            : ""));
  report.Block(RenderTable(FitDecisionsTable(fit), {.wide = wide}, report.terminal()));
  report.Row("Forms", FormsText(fit));
  report.Row("One run", SlopeErrorText(fit));
}

}  // namespace rhumb::cli
