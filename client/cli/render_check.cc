// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_check.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/cli/render_parts.h"
#include "client/cli/report.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

std::string FitSentence(const v1::CheckConfigurationResponse& answer) {
  const v1::MemoryPlan& memory = answer.memory();
  const std::string use =
      absl::StrCat(FormatBytes(memory.peak_bytes()), " of ", FormatBytes(memory.capacity_bytes()));
  if (!answer.fits()) {
    return absl::StrCat("It does not fit: ", use, " on the fullest GPU, ",
                        FormatBytes(-memory.headroom_bytes()), " too much.");
  }
  const std::string margin = absl::StrCat("It fits: ", use, " on the fullest GPU, ",
                                          FormatBytes(memory.headroom_bytes()), " to spare");
  if (answer.fits_p95()) return absl::StrCat(margin, ".");
  return absl::StrCat(margin, ", but barely: one run in twenty needs more than ",
                      FormatBytes(memory.p95_bytes()), ".");
}

std::string FinishSentence(const v1::CheckConfigurationResponse& answer) {
  if (!answer.has_finishes()) return "";
  std::string text = answer.finishes() ? "It finishes" : "It does not finish";
  if (answer.has_time() && answer.time().wall_seconds() > 0) {
    absl::StrAppend(&text, ": it takes ", FormatDuration(answer.time().wall_seconds()));
    if (answer.finishes() && answer.time().job_count() > 1) {
      absl::StrAppend(&text, " in ", answer.time().job_count(), " jobs");
    }
    if (answer.has_cost() && answer.cost().has_total_usd()) {
      absl::StrAppend(&text, " and ", FormatUsd(answer.cost().total_usd()));
    }
  }
  return absl::StrCat(text, ".");
}

// The value of a law that predicts something else than a loss.
std::string ShortValue(const v1::PredictLossResponse& answer) {
  return answer.has_value() ? ShortExponents(absl::StrFormat("%.4g", answer.value())) : "";
}

// "N total"; empty where the law does not count.
std::string CountedAs(absl::string_view what, const std::string& convention) {
  return convention.empty() ? "" : absl::StrCat(what, convention);
}

}  // namespace

std::string RenderCheck(const v1::CheckConfigurationResponse& answer,
                        const CheckRenderOptions& options, const Terminal& terminal) {
  Report report(terminal);
  const bool good = answer.fits() && (!answer.has_finishes() || answer.finishes());
  report.Sentence(JoinParts({FitSentence(answer), FinishSentence(answer)}, " "),
                  !good               ? Style::kBad
                  : answer.fits_p95() ? Style::kGood
                                      : Style::kWarning);
  const char* label = "Advice";
  for (const v1::Advice& advice : answer.advice()) {
    const bool repeats =
        advice.directive().empty() || advice.text().find(advice.directive()) != std::string::npos;
    report.Row(label, repeats ? advice.text()
                              : absl::StrCat(advice.text(), " (", advice.directive(), ")"));
    label = "";
  }
  if (answer.has_model()) AddModel(answer.model(), report);
  if (answer.has_allocation()) report.Row("Allocation", DescribeAllocation(answer.allocation()));
  if (answer.has_layout()) AddLayout(answer.layout(), report);
  if (answer.has_memory())
    AddMemory(answer.memory(), {.parts = options.explain || options.wide, .stages = options.wide},
              report);
  if (answer.has_time()) {
    AddTime(answer.time(),
            {.level = options.level,
             .whole_run = options.whole_run,
             .causes = options.explain || options.wide},
            report);
  }
  if (answer.has_cost() && options.whole_run) AddCost(answer.cost(), report);
  if (answer.has_calibration()) AddCalibration(answer.calibration(), report);
  AddWarnings(answer.warnings(), report);
  AddAssumptions(answer.assumptions(), options.wide, report);
  return report.text();
}

Table CheckTable(const v1::CheckConfigurationResponse& answer, bool whole_run) {
  Table table;
  table.columns = {{.title = "FITS"}, {.title = "FITS-P95"}, {.title = "FINISHES"},
                   {.title = "PEAK"}, {.title = "CAPACITY"}, {.title = "MFU"},
                   {.title = "STEP"}, {.title = "WALL"},     {.title = "DIRECTIVE"}};
  const auto yes = [](bool value) { return std::string(value ? "yes" : "no"); };
  std::string directive;
  for (const v1::Advice& advice : answer.advice()) {
    if (directive.empty()) directive = advice.directive();
  }
  table.rows.push_back(
      {yes(answer.fits()), yes(answer.fits_p95()),
       answer.has_finishes() ? yes(answer.finishes()) : "",
       FormatBytes(answer.memory().peak_bytes()), FormatBytes(answer.memory().capacity_bytes()),
       FormatFraction(answer.time().mfu()), FormatDuration(answer.time().step_seconds()),
       whole_run && answer.time().wall_seconds() > 0 ? FormatDuration(answer.time().wall_seconds())
                                                     : "",
       directive});
  return table;
}

std::string RenderPrediction(const v1::PredictLossResponse& answer, bool wide,
                             const Terminal& terminal) {
  Report report(terminal);
  report.Sentence(
      answer.has_loss()
          ? absl::StrCat("Expected loss ", FormatLossEstimate(answer.loss()), ".")
          : absl::StrCat(
                "Expected ",
                JoinParts({answer.output(), ShortValue(answer), answer.output_unit()}, " "), "."),
      Style::kGood);
  if (answer.has_run_loss()) {
    report.Row("One run", absl::StrCat(FormatLossEstimate(answer.run_loss()),
                                       ", with the scatter of runs around the law"));
  }
  const v1::Plan::LawUse& law = answer.law();
  report.Row("Law",
             JoinParts({BareName(law.name()),
                        law.family().empty() ? "" : absl::StrCat("family ", law.family()),
                        CountedAs("N ", ConventionName(law.param_count_convention())),
                        law.dataset().empty() ? "" : absl::StrCat("data ", law.dataset()),
                        law.tokenizer().empty() ? "" : absl::StrCat("tokenizer ", law.tokenizer())},
                       ", "));
  if (wide) report.Row("", law.source());
  if (answer.has_training_flops()) {
    const std::string convention = ConventionName(law.flops_convention());
    report.Row("Compute",
               absl::StrCat(FormatFlops(answer.training_flops()), convention.empty() ? "" : " (",
                            convention, convention.empty() ? "" : ")"));
  }
  if (answer.has_critical_batch_tokens()) {
    report.Row("Batch", absl::StrCat("critical batch ", FormatCount(answer.critical_batch_tokens()),
                                     " tokens"));
  }
  AddWarnings(answer.warnings(), report);
  AddAssumptions(answer.assumptions(), wide, report);
  return report.text();
}

Table PredictionTable(const v1::PredictLossResponse& answer) {
  Table table;
  table.columns = {
      {.title = "LOSS"}, {.title = "LOW"}, {.title = "HIGH"}, {.title = "FLOP"}, {.title = "LAW"}};
  const v1::LossEstimate& loss = answer.loss();
  table.rows.push_back({answer.has_loss() ? FormatLoss(loss.mean_nats()) : ShortValue(answer),
                        loss.has_low_nats() ? FormatLoss(loss.low_nats()) : "",
                        loss.has_high_nats() ? FormatLoss(loss.high_nats()) : "",
                        answer.has_training_flops() ? FormatFlops(answer.training_flops()) : "",
                        BareName(answer.law().name())});
  return table;
}

}  // namespace rhumb::cli
