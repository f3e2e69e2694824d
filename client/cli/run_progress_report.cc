// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_progress_report.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/format.h"
#include "client/cli/run_facts.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

void AddAlarms(const v1::Run& run, Report& report) {
  const char* label = "Alarms";
  for (const v1::DriftAlarm& alarm : AlarmsInOrder(run)) {
    const bool is_open = !alarm.has_clear_time();
    const std::string since = SinceText(alarm);
    report.Row(label,
               absl::StrCat(
                   // What lasts of a run that has ended lasts no more.
                   !is_open      ? "passed: "
                   : IsOpen(run) ? ""
                                 : "to the run's end: ",
                   DriftName(alarm.kind()), since.empty() ? "" : absl::StrCat(", since ", since),
                   ": ", alarm.text(),
                   is_open ? "" : absl::StrCat(" (until ", FormatInstant(alarm.clear_time()), ")")),
               is_open ? Style::kBad : Style::kDim);
    // Not wrapped: to be copied. Nothing is to be done any more about a run that has ended.
    if (is_open && IsOpen(run) && !alarm.directive().empty()) report.Line("", alarm.directive());
    label = "";
  }
}

std::string LossText(const v1::RunSample& sample) {
  if (sample.has_loss_nats()) {
    return absl::StrCat(FormatLoss(sample.loss_nats()), sample.loss_not_finite() ? " (NaN)" : "");
  }
  return sample.loss_not_finite() ? "NaN" : "";
}

void AddTable(const char* label, const std::string& what, const Table& table, bool wide,
              Report& report) {
  report.Line(label, what);
  report.Block(RenderTable(table, {.wide = wide}, report.terminal()));
}

}  // namespace

std::string ProgressText(const v1::Run& run) {
  if (!run.has_last_sample()) return "";
  const v1::RunSample& last = run.last_sample();
  const std::optional<double> done = DoneFraction(run);
  const std::optional<int64_t> target = TargetTokens(run);
  const std::string tokens = FormatCount(static_cast<double>(last.token_count()));
  return JoinParts(
      {done.has_value() ? FormatFraction(*done) : "",
       target.has_value()
           ? absl::StrCat(tokens, " of ", FormatCount(static_cast<double>(*target)), " tokens")
           : absl::StrCat(tokens, " tokens"),
       last.step() > 0 ? absl::StrCat("step ", FormatInteger(last.step())) : "",
       last.has_sample_time() ? absl::StrCat("told ", FormatInstant(last.sample_time())) : ""},
      ", ");
}

std::string ForecastText(const v1::RunForecast& forecast) {
  std::string loss;
  if (forecast.has_final_loss_nats()) {
    loss = absl::StrCat("final loss ", FormatLoss(forecast.final_loss_nats()), " nats");
    std::vector<std::string> notes;
    if (forecast.has_final_loss_low_nats() && forecast.has_final_loss_high_nats()) {
      notes.push_back(absl::StrCat(FormatLevel(forecast.level()), ": ",
                                   FormatLoss(forecast.final_loss_low_nats()), "-",
                                   FormatLoss(forecast.final_loss_high_nats())));
    }
    if (!forecast.source().empty()) notes.push_back(absl::StrCat("by ", forecast.source()));
    if (!notes.empty()) absl::StrAppend(&loss, " (", absl::StrJoin(notes, ", "), ")");
  }
  std::string finish;
  if (forecast.has_finish_time()) {
    finish = absl::StrCat("ends ", FormatInstant(forecast.finish_time()));
    if (forecast.has_remaining_seconds()) {
      absl::StrAppend(&finish, ", in ", FormatDuration(forecast.remaining_seconds()));
    }
    if (forecast.has_finish_low_time() && forecast.has_finish_high_time()) {
      absl::StrAppend(&finish, " (", FormatInstant(forecast.finish_low_time()), " to ",
                      FormatInstant(forecast.finish_high_time()), ")");
    }
  }
  const std::string cost = JoinParts(
      {forecast.has_gpu_hours() ? absl::StrFormat("%.4g GPU-hours", forecast.gpu_hours()) : "",
       forecast.has_total_usd() ? FormatUsd(forecast.total_usd()) : ""},
      ", ");
  return JoinParts({loss, finish, cost.empty() ? "" : absl::StrCat("in all ", cost)}, "; ");
}

void AddProgress(const v1::Run& run, Report& report) {
  report.Row("Progress", ProgressText(run));
  const std::string forecast = ForecastText(run.forecast());
  report.Row("Forecast", forecast);
  const char* label = forecast.empty() ? "Forecast" : "";
  for (const std::string& missing : run.forecast().missing()) {
    report.Row(label, missing, Style::kDim);
    label = "";
  }
  AddAlarms(run, report);
}

void AddAttempts(const v1::Run& run, bool wide, Report& report) {
  if (!run.attempts().empty()) {
    Table table;
    table.columns = {{.title = "ATTEMPT", .number = true},
                     {.title = "SAMPLES", .number = true},
                     {.title = "STEPS"},
                     {.title = "TOKENS", .number = true},
                     {.title = "FIRST"},
                     {.title = "LAST"},
                     {.title = "ID", .wide_only = true}};
    for (const v1::RunAttempt& attempt : run.attempts()) {
      table.rows.push_back({absl::StrCat(attempt.number()), FormatInteger(attempt.sample_count()),
                            absl::StrCat(FormatInteger(attempt.first_step()), "-",
                                         FormatInteger(attempt.last_step())),
                            FormatCount(static_cast<double>(attempt.last_token_count())),
                            FormatInstant(attempt.first_sample_time()),
                            FormatInstant(attempt.last_sample_time()), attempt.attempt_id()});
    }
    const int count = run.attempts_size();
    AddTable("Reported by",
             count > 1 ? absl::StrCat(count, " processes, one after the other") : "1 process",
             table, wide, report);
  }
  if (run.replans().empty()) return;
  Table table;
  table.columns = {{.title = "WHEN"},
                   {.title = "DONE", .number = true},
                   {.title = "FROM"},
                   {.title = "TO"},
                   {.title = "REASON"},
                   {.title = "CHANGES", .wide_only = true},
                   {.title = "OWNER", .number = true, .wide_only = true}};
  for (const v1::RunReplan& replan : run.replans()) {
    table.rows.push_back({FormatInstant(replan.replan_time()),
                          FormatCount(static_cast<double>(replan.done_token_count())),
                          BareName(replan.from_plan()), BareName(replan.to_plan()), replan.reason(),
                          absl::StrJoin(replan.changes(), " "), absl::StrCat(replan.owner_uid())});
  }
  AddTable("Replanned", Counted(run.replans_size(), "time"), table, wide, report);
}

Table AlarmsTable(const std::vector<v1::DriftAlarm>& alarms) {
  Table table;
  table.columns = {{.title = "KIND"},
                   {.title = "STATE"},
                   {.title = "SINCE STEP", .number = true},
                   {.title = "SINCE"},
                   {.title = "RAISED"},
                   {.title = "HOW MUCH"},
                   {.title = "CODE", .wide_only = true},
                   {.title = "STATISTIC", .number = true, .wide_only = true},
                   {.title = "THRESHOLD", .number = true, .wide_only = true},
                   {.title = "CLEARED", .wide_only = true},
                   {.title = "TEXT", .wide_only = true},
                   {.title = "DIRECTIVE", .wide_only = true}};
  for (const v1::DriftAlarm& alarm : alarms) {
    table.rows.push_back({DriftName(alarm.kind()), alarm.has_clear_time() ? "passed" : "open",
                          FormatInteger(alarm.since_step()),
                          alarm.has_since_time() ? FormatInstant(alarm.since_time()) : "",
                          alarm.has_raise_time() ? FormatInstant(alarm.raise_time()) : "",
                          MagnitudeText(alarm), alarm.code(),
                          absl::StrFormat("%.4g", alarm.statistic()),
                          absl::StrFormat("%.4g", alarm.threshold()),
                          alarm.has_clear_time() ? FormatInstant(alarm.clear_time()) : "",
                          alarm.text(), alarm.directive()});
  }
  return table;
}

Table SamplesTable(const std::vector<v1::RunSample>& samples) {
  Table table;
  table.columns = {{.title = "TIME"},
                   {.title = "ATTEMPT", .number = true},
                   {.title = "STEP", .number = true},
                   {.title = "TOKENS", .number = true},
                   {.title = "LOSS", .number = true},
                   {.title = "VAL LOSS", .number = true},
                   {.title = "STEP s", .number = true},
                   {.title = "TOKENS/s", .number = true},
                   {.title = "GRAD NORM", .number = true},
                   {.title = "MEMORY", .number = true},
                   {.title = "LR", .number = true, .wide_only = true},
                   {.title = "NOISE SCALE", .number = true, .wide_only = true},
                   {.title = "SEQUENCE", .number = true, .wide_only = true},
                   {.title = "MEAN OF", .number = true, .wide_only = true}};
  for (const v1::RunSample& sample : samples) {
    table.rows.push_back(
        {sample.has_sample_time() ? FormatInstant(sample.sample_time()) : "",
         absl::StrCat(sample.attempt()), FormatInteger(sample.step()),
         FormatCount(static_cast<double>(sample.token_count())), LossText(sample),
         sample.has_validation_loss_nats() ? FormatLoss(sample.validation_loss_nats()) : "",
         sample.has_step_seconds() ? absl::StrFormat("%.4g", sample.step_seconds()) : "",
         sample.has_tokens_per_second() ? FormatCount(sample.tokens_per_second()) : "",
         sample.has_gradient_norm() ? absl::StrFormat("%.3g", sample.gradient_norm()) : "",
         sample.has_peak_memory_bytes()
             ? FormatBytes(static_cast<double>(sample.peak_memory_bytes()))
             : "",
         sample.has_learning_rate() ? FormatScientific(sample.learning_rate()) : "",
         sample.has_noise_scale_tokens() ? FormatCount(sample.noise_scale_tokens()) : "",
         absl::StrCat(sample.sequence()), absl::StrCat(sample.sample_count())});
  }
  return table;
}

}  // namespace rhumb::cli
