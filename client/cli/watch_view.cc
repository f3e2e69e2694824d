// SPDX-License-Identifier: Apache-2.0
#include "client/cli/watch_view.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/format.h"
#include "client/cli/progress_bar.h"
#include "client/cli/report.h"
#include "client/cli/run_facts.h"
#include "client/cli/run_progress_report.h"
#include "client/cli/run_report.h"
#include "client/cli/sparkline.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {
namespace {

constexpr size_t kKeptLosses = 2000;
constexpr int kSparklineWidth = 60;
constexpr int kLabelWidth = 13;

// Of the plan, unless the run's samples give one nearer to now.
std::optional<double> Planned(const v1::Run& run, const char* quantity) {
  const v1::RunComparison* found = FindComparison(run, quantity);
  if (found == nullptr || !found->has_planned()) return std::nullopt;
  return found->planned();
}

// "2.412  planned 2.398  x 1.01".
std::string Beside(const std::string& actual, double value, std::optional<double> planned,
                   std::string (*format)(double)) {
  if (!planned.has_value()) return actual;
  return absl::StrCat(actual, "  planned ", format(*planned),
                      *planned > 0 ? absl::StrFormat("  x %.2f", value / *planned) : "");
}

std::string SecondsText(double seconds) { return absl::StrFormat("%.4g s", seconds); }

// At most `width` columns of `line`, which has no escape codes yet.
std::string Cut(const std::string& line, int width) {
  if (DisplayWidth(line) <= width) return line;
  std::string text;
  int columns = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(line[i]) & 0xC0) != 0x80;
    if (begins && ++columns > width) break;
    text += line[i];
  }
  return text;
}

}  // namespace

void WatchView::TakeIfNewer(const v1::RunSample& sample) {
  // The newest attempt counts, and of it what is farthest.
  const v1::RunSample& last = run_.last_sample();
  const bool is_newer =
      !run_.has_last_sample() || sample.attempt() > last.attempt() ||
      (sample.attempt() == last.attempt() && sample.token_count() >= last.token_count());
  if (is_newer) *run_.mutable_last_sample() = sample;
}

void WatchView::Update(const v1::WatchRunResponse& message, absl::Time now) {
  if (message.has_run()) {
    const v1::Run before = std::exchange(run_, message.run());
    run_time_ = now;
    run_had_samples_ = run_.has_last_sample();
    // It may have been read before what was told already.
    if (before.has_last_sample()) TakeIfNewer(before.last_sample());
  }
  lacks_run_ = !message.samples().empty() && !message.has_run();
  for (const v1::RunSample& sample : message.samples()) {
    if (sample.has_loss_nats()) losses_.push_back(sample.loss_nats());
    // Validations tell no rate or loss.
    if (sample.has_loss_nats() || sample.loss_not_finite()) TakeIfNewer(sample);
  }
  if (losses_.size() > 2 * kKeptLosses) {
    losses_.erase(losses_.begin(), losses_.end() - static_cast<int64_t>(kKeptLosses));
  }
}

v1::Run WatchView::RunAt(absl::Time now) const {
  v1::Run run = run_;
  if (run.state() != v1::RUN_STATE_RUNNING || now <= run_time_) return run;
  const double since = absl::ToDoubleSeconds(now - run_time_);
  for (v1::Job& job : *run.mutable_jobs()) {
    if (job.state() == v1::RUN_STATE_RUNNING && job.has_elapsed_seconds()) {
      job.set_elapsed_seconds(job.elapsed_seconds() + since);
    }
  }
  for (v1::RunComparison& each : *run.mutable_comparisons()) {
    if (each.quantity() != "wall_seconds" || !each.has_actual()) continue;
    each.set_actual(each.actual() + since);
    if (each.has_ratio() && each.planned() > 0) each.set_ratio(each.actual() / each.planned());
  }
  return run;
}

std::string WatchView::Lines(const Terminal& terminal, absl::Time now) const {
  std::vector<std::string> lines;
  const auto add = [&](const char* label, const std::string& text, Style style = Style::kPlain) {
    if (text.empty()) return;
    const std::string line = absl::StrCat(PadRight(label, kLabelWidth), text);
    lines.push_back(Styled(terminal, style, Cut(line, terminal.width)));
  };
  for (const absl::string_view line : absl::StrSplit(
           Wrapped(RunSentence(RunAt(now)), terminal.width, 2), '\n', absl::SkipEmpty())) {
    lines.push_back(Styled(terminal, Style::kBold, line));
  }
  const v1::RunSample& last = run_.last_sample();
  const std::optional<double> done = DoneFraction(run_);
  if (run_.has_last_sample()) {
    // The bar of the daemon's forecast is as old as the last whole message: the sample is newer.
    const std::optional<int64_t> target = TargetTokens(run_);
    const double fraction = target.value_or(0) > 0 ? static_cast<double>(last.token_count()) /
                                                         static_cast<double>(*target)
                                                   : done.value_or(0);
    if (done.has_value())
      lines.push_back(Cut(ProgressLine(fraction, "Done", terminal), terminal.width));
    add("Tokens",
        JoinParts(
            {target.has_value() ? absl::StrCat(FormatCount(static_cast<double>(last.token_count())),
                                               " of ", FormatCount(static_cast<double>(*target)))
                                : FormatCount(static_cast<double>(last.token_count())),
             last.step() > 0 ? absl::StrCat("step ", FormatInteger(last.step())) : "",
             last.has_sample_time() ? FormatInstant(last.sample_time()) : ""},
            "  "));
    if (last.has_loss_nats()) {
      add("Loss",
          Beside(FormatLoss(last.loss_nats()), last.loss_nats(), PlannedLoss(run_), FormatLoss));
    }
    if (last.loss_not_finite()) add("Loss", "NaN or infinite in a step", Style::kBad);
    if (last.has_tokens_per_second()) {
      add("Tokens/s", Beside(FormatCount(last.tokens_per_second()), last.tokens_per_second(),
                             Planned(run_, "tokens_per_second"), FormatCount));
    }
    if (last.has_step_seconds()) {
      add("Step", Beside(SecondsText(last.step_seconds()), last.step_seconds(),
                         Planned(run_, "step_seconds"), SecondsText));
    }
    if (last.has_peak_memory_bytes()) {
      const double bytes = static_cast<double>(last.peak_memory_bytes());
      add("Memory",
          Beside(FormatBytes(bytes), bytes, Planned(run_, "peak_memory_bytes"), FormatBytes));
    }
  } else {
    add("Tokens", "nothing was reported yet", Style::kDim);
  }
  add("Forecast", ForecastText(run_.forecast()));
  add("Curve",
      Sparkline(losses_, std::min(kSparklineWidth, terminal.width - kLabelWidth), terminal));
  if (OpenAlarmCount(run_) == 0) {
    if (run_.has_last_sample()) add("Alarms", "none", Style::kGood);
    return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
  }
  for (const v1::DriftAlarm& alarm : AlarmsInOrder(run_)) {
    if (alarm.has_clear_time()) break;
    add("Alarm",
        absl::StrCat(DriftName(alarm.kind()), " since ", SinceText(alarm),
                     IsOpen(run_) ? "" : ", to the run's end", ": ", alarm.text()),
        Style::kBad);
    if (IsOpen(run_)) add("", alarm.directive());
  }
  return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
}

std::string WatchView::Line() const {
  const v1::RunSample& last = run_.last_sample();
  const std::optional<double> done = DoneFraction(run_);
  const std::optional<double> planned = PlannedLoss(run_);
  std::vector<std::string> alarms;
  for (const v1::DriftAlarm& alarm : run_.alarms()) {
    if (!alarm.has_clear_time()) alarms.push_back(DriftName(alarm.kind()));
  }
  const google::protobuf::Timestamp& time =
      run_.has_last_sample() ? last.sample_time() : run_.update_time();
  return absl::StrCat(
      JoinParts({FormatInstant(time), BareName(run_.name()), StateName(run_.state()),
                 done.has_value() ? FormatFraction(*done) : "",
                 run_.has_last_sample()
                     ? absl::StrCat("step ", last.step(), " tokens ",
                                    FormatCount(static_cast<double>(last.token_count())))
                     : "",
                 last.has_loss_nats() ? absl::StrCat("loss ", FormatLoss(last.loss_nats())) : "",
                 last.loss_not_finite() ? "loss NaN" : "",
                 planned.has_value() ? absl::StrCat("(planned ", FormatLoss(*planned), ")") : "",
                 last.has_tokens_per_second()
                     ? absl::StrCat(FormatCount(last.tokens_per_second()), " tokens/s")
                     : "",
                 run_.forecast().has_final_loss_nats()
                     ? absl::StrCat("final ", FormatLoss(run_.forecast().final_loss_nats()))
                     : "",
                 run_.forecast().has_finish_time()
                     ? absl::StrCat("ends ", FormatInstant(run_.forecast().finish_time()))
                     : "",
                 alarms.empty() ? "" : absl::StrCat("alarm ", absl::StrJoin(alarms, ","))},
                " "),
      "\n");
}

}  // namespace rhumb::cli
