// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_progress.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/run_comparisons.h"
#include "daemon/run_resources.h"
#include "daemon/sample_messages.h"
#include "daemon/stored_message.h"
#include "planner/status_macros.h"
#include "planner/track/median.h"
#include "planner/units.h"

namespace rhumb::daemon {
namespace {

// Nanoseconds since 1970 end in 2262.
constexpr double kLastInstantSeconds = 9.2e9;
// Enough for a curve and a forecast, few enough to be read while somebody waits.
constexpr int kSeriesPoints = 2000;
// Of the newest samples: as many as tell the pace, and some that do not.
constexpr int kNewestSamples = 200;

double LogStdOf(const LossInterval& interval) {
  const double z = StandardNormalQuantile(0.5 + interval.level / 2);
  return std::log(interval.high_nats / interval.low_nats) / (2 * z);
}

std::optional<TrajectoryQuestion> TrajectoryOf(const ExpectedRun& expected, double level) {
  if (!expected.loss.has_value()) return std::nullopt;
  const ExpectedLoss& loss = *expected.loss;
  TrajectoryQuestion question;
  question.finished_loss_nats = [law = loss.law, param_count = loss.param_count,
                                 use = loss.end](double token_count) {
    TokenUse so_far = use;
    so_far.token_count = token_count;
    return PredictLoss(law, param_count, so_far);
  };
  question.total_token_count = loss.end.token_count;
  question.schedule = expected.schedule;
  if (loss.interval.has_value()) question.final_log_std = LogStdOf(*loss.interval);
  question.level = level;
  return question;
}

// Those that the plan in force speaks of.
std::vector<RunSample> Since(const std::vector<RunSample>& series, int64_t time_ns) {
  std::vector<RunSample> later;
  for (const RunSample& sample : series) {
    if (sample.time_seconds * kNanosecondsPerSecond >= static_cast<double>(time_ns)) {
      later.push_back(sample);
    }
  }
  return later;
}

// Where the run was planned anew only what was told since says how fast it is, and how full.
MeasuredProgress MeasureSince(const RunProgress& progress) {
  MeasuredProgress measured = Measure(progress.series, progress.newest);
  if (progress.in_force_since_ns == 0) return measured;
  const MeasuredProgress since = Measure(Since(progress.series, progress.in_force_since_ns));
  measured.step_seconds = since.step_seconds;
  measured.tokens_per_second = since.tokens_per_second;
  measured.peak_memory_bytes = since.peak_memory_bytes;
  return measured;
}

PaceInForce PaceOf(const RunProgress& progress) {
  if (progress.in_force_since_ns == 0) return {};
  return {.since_seconds = static_cast<double>(progress.in_force_since_ns) / kNanosecondsPerSecond,
          .planned_seconds_per_token = progress.expected.seconds_per_token,
          .planned_log_std = progress.expected.pace_log_std};
}

absl::StatusOr<std::vector<RunSample>> ReadNewest(const std::string& run,
                                                  const std::map<int64_t, int64_t>& ranks,
                                                  Store& store) {
  std::vector<RunSample> newest;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredSample> last, store.samples().LastSample(run));
  if (!last.has_value()) return newest;
  const SamplePosition after = {last->sample.attempt,
                                std::max<int64_t>(0, last->sequence - kNewestSamples)};
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredSample> samples,
                         store.samples().Read(run, after, kNewestSamples));
  for (const StoredSample& each : samples) {
    if (each.sample.attempt != last->sample.attempt) break;
    newest.push_back(each.sample);
    newest.back().attempt = ranks.at(each.sample.attempt);
  }
  return newest;
}

std::optional<FinalLossPrior> PriorOf(const ExpectedRun& expected) {
  if (!expected.loss.has_value() || !expected.loss->interval.has_value()) return std::nullopt;
  const LossInterval& interval = *expected.loss->interval;
  return FinalLossPrior{interval.mean_nats, interval.mean_nats * LogStdOf(interval)};
}

void CompareLossAtTheEnd(const RunProgress& progress, const StoredRun& stored, v1::Run& run) {
  std::optional<double> planned;
  if (progress.expected.loss.has_value() && progress.expected.loss->interval.has_value()) {
    planned = progress.expected.loss->interval->mean_nats;
  }
  if (!IsOpen(stored.state)) {
    Compare("final_loss_nats", planned, progress.measured.loss_nats.value,
            progress.measured.loss_nats.source, run);
  } else if (progress.forecast.has_value() && progress.forecast->final_loss.loss_nats) {
    Compare("final_loss_nats", planned, progress.forecast->final_loss.loss_nats->expected,
            "forecast", run);
  } else {
    Compare("final_loss_nats", planned, std::nullopt, "", run);
  }
}

// What samples say besides the times of jobs.
ReportedRun ReportedOf(const RunProgress& progress, const StoredRun& stored, int64_t now_ns,
                       const v1::Run& run) {
  ReportedRun reported;
  reported.runs = stored.state == JobState::kRunning;
  if (progress.expected.target_token_count.value_or(0) > 0) {
    reported.done_fraction =
        static_cast<double>(progress.measured.token_count) / *progress.expected.target_token_count;
  }
  const v1::RunComparison* step = FindComparison("step_seconds", run);
  if (step != nullptr && step->has_ratio()) reported.step_ratio = step->ratio();
  reported.wall_seconds = ActualOf("wall_seconds", run);
  reported.planned_wall_seconds = PlannedOf("wall_seconds", run);
  // Whatever begins it anew takes its time before it tells something.
  double begin = 0;
  for (const v1::Job& job : run.jobs()) {
    if (job.has_start_time()) begin = std::max(begin, SecondsOf(job.start_time()));
  }
  const double last = std::max(progress.series.back().time_seconds,
                               progress.newest.empty() ? 0 : progress.newest.back().time_seconds);
  for (const std::vector<RunSample>* samples : {&progress.series, &progress.newest}) {
    for (const RunSample& sample : *samples) {
      if (run.jobs_size() > 1 && sample.time_seconds < begin) continue;
      reported.told_seconds = std::max(reported.told_seconds, last - sample.time_seconds);
    }
  }
  std::vector<double> intervals;
  for (size_t i = 1; i < progress.newest.size(); ++i) {
    const double seconds = progress.newest[i].time_seconds - progress.newest[i - 1].time_seconds;
    if (seconds > 0) intervals.push_back(seconds);
  }
  if (!intervals.empty()) reported.interval_seconds = Median(intervals);
  const double replan = static_cast<double>(progress.in_force_since_ns) / kNanosecondsPerSecond;
  reported.silent_seconds =
      static_cast<double>(now_ns) / kNanosecondsPerSecond - std::max({last, begin, replan});
  return reported;
}

void AdviseBySamples(const RunProgress& progress, const ReportedRun& reported, v1::Run& run) {
  std::vector<RunAdvice> advice;
  for (const v1::Advice& each : run.advice()) {
    advice.push_back({each.code(), each.text(), each.directive()});
  }
  run.clear_advice();
  for (const RunAdvice& each : AdviseReported(reported, std::move(advice))) {
    v1::Advice& added = *run.add_advice();
    added.set_code(each.code);
    added.set_text(each.text);
    added.set_directive(each.directive);
  }
  const Measured& loss = progress.measured.loss_nats;
  if (loss.value.has_value() || loss.source.empty()) return;
  v1::Advice& added = *run.add_advice();
  added.set_code("NO_LOSS_AT_THE_END");
  added.set_text(
      absl::StrCat("The run has no loss where it is, and none is compared: ", loss.source, "."));
}

// `why_no_end`: where nothing says that the run goes on.
void AddForecast(const RunProgress& progress, const std::optional<std::string>& why_no_end,
                 int64_t now_ns, v1::Run& run) {
  if (!progress.forecast.has_value()) return;
  const Forecast& forecast = *progress.forecast;
  v1::RunForecast& message = *run.mutable_forecast();
  message.set_level(forecast.level);
  if (forecast.final_loss.loss_nats.has_value()) {
    message.set_final_loss_nats(forecast.final_loss.loss_nats->expected);
    message.set_final_loss_low_nats(forecast.final_loss.loss_nats->low);
    message.set_final_loss_high_nats(forecast.final_loss.loss_nats->high);
    message.set_source(forecast.final_loss.source);
  } else {
    message.add_missing(absl::StrCat("final_loss_nats: ", forecast.final_loss.source));
  }
  // What is left is left from now on, however long nothing was heard.
  const double silent_seconds = std::max(0.0, static_cast<double>(now_ns) / kNanosecondsPerSecond -
                                                  progress.series.back().time_seconds);
  const auto instant = [silent_seconds](double seconds) {
    return ToTimestamp(std::llround((seconds + silent_seconds) * kNanosecondsPerSecond));
  };
  const FinishForecast& finish = forecast.finish;
  if (why_no_end.has_value()) {
    message.add_missing(absl::StrCat("finish_time: ", *why_no_end));
  } else if (finish.finish_seconds.has_value() &&
             finish.finish_seconds->high + silent_seconds > kLastInstantSeconds) {
    message.add_missing("finish_time: beyond the year 2261 at this pace");
  } else if (finish.finish_seconds.has_value()) {
    *message.mutable_finish_time() = instant(finish.finish_seconds->expected);
    *message.mutable_finish_low_time() = instant(finish.finish_seconds->low);
    *message.mutable_finish_high_time() = instant(finish.finish_seconds->high);
  } else {
    message.add_missing(absl::StrCat("finish_time: ", finish.source));
  }
  if (finish.seconds_left.has_value() && !why_no_end.has_value()) {
    message.set_remaining_seconds(finish.seconds_left->expected);
  }
  message.set_remaining_token_count(std::llround(std::max(0.0, forecast.tokens_left)));
  if (progress.expected.target_token_count.value_or(0) > 0) {
    message.set_done_fraction(static_cast<double>(forecast.token_count) /
                              *progress.expected.target_token_count);
  }
  const std::optional<double> gpu_hours = ActualOf("expected_gpu_hours", run);
  if (gpu_hours.has_value()) message.set_gpu_hours(*gpu_hours);
  const std::optional<double> usd = ActualOf("expected_total_usd", run);
  if (usd.has_value()) message.set_total_usd(*usd);
}

// A loss outside of its band says that law and run do not speak of the same thing, or that
// something is wrong with one of them.
void AdviseLoss(const RunProgress& progress, v1::Run& run) {
  if (!progress.loss_now.has_value() || progress.loss_now->is_early) return;
  const double loss = *progress.measured.loss_nats.value;
  const TrajectoryPoint& expected = *progress.loss_now;
  const bool above = loss > expected.high_nats;
  if (!above && loss >= expected.low_nats) return;
  v1::Advice& advice = *run.add_advice();
  advice.set_code(above ? "LOSS_ABOVE_BAND" : "LOSS_BELOW_BAND");
  advice.set_text(absl::StrFormat(
      "The loss is %.4g nats where %.4g to %.4g were expected at %.3g tokens: %s", loss,
      expected.low_nats, expected.high_nats, progress.measured.loss_token_count,
      above ? "the run learns less than the law says of such models, or the law is not of its "
              "data and tokenizer."
            : "better than the law says of such models, or the law is not of its data and "
              "tokenizer."));
}

}  // namespace

absl::StatusOr<std::optional<RunProgress>> ReadProgress(const StoredRun& stored,
                                                        const std::optional<v1::Plan>& plan,
                                                        double level, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredSample> samples,
                         store.samples().ReadSeries(stored.name, kSeriesPoints));
  if (samples.empty()) return std::nullopt;
  RunProgress progress;
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAttempt> attempts,
                         store.samples().Attempts(stored.name));
  const std::map<int64_t, int64_t> ranks = RanksOf(attempts);
  for (const StoredSample& each : samples) {
    progress.series.push_back(each.sample);
    progress.series.back().attempt = ranks.at(each.sample.attempt);
  }
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReplan> replans,
                         store.samples().Replans(stored.name));
  progress.in_force_since_ns = InForceSince(replans, attempts);
  RHUMB_ASSIGN_OR_RETURN(progress.newest, ReadNewest(stored.name, ranks, store));
  progress.measured = MeasureSince(progress);
  RHUMB_ASSIGN_OR_RETURN(const v1::RunSettings settings, SettingsOf(stored));
  RHUMB_ASSIGN_OR_RETURN(progress.expected, Expect(settings, plan, !replans.empty(), level, store));
  progress.trajectory = TrajectoryOf(progress.expected, level);
  const double at = progress.measured.loss_token_count;
  if (progress.trajectory.has_value() && at > 0 && at <= progress.trajectory->total_token_count) {
    RHUMB_ASSIGN_OR_RETURN(progress.loss_now, ExpectedLossAt(*progress.trajectory, at));
    progress.expected.planned.loss_nats = progress.loss_now->loss_nats;
  }
  if (progress.expected.target_token_count.value_or(0) > 0 && IsOpen(stored.state)) {
    RHUMB_ASSIGN_OR_RETURN(progress.forecast,
                           MakeForecast({.samples = progress.series,
                                         .newest = progress.newest,
                                         .pace = PaceOf(progress),
                                         .total_token_count = *progress.expected.target_token_count,
                                         .schedule = progress.expected.schedule,
                                         .prior = PriorOf(progress.expected),
                                         .level = level}));
  }
  return std::optional<RunProgress>(std::move(progress));
}

void AddProgress(const RunProgress& progress, const StoredRun& stored, const Sunk& sunk,
                 int64_t now_ns, v1::Run& run) {
  PlannedProgress planned = progress.expected.planned;
  planned.run_gpu_count = GpuCountOf(progress.expected, run);
  if (HasJobsOfOtherGpuCounts(run)) planned.run_gpu_count = 0;
  for (const RunComparison& each : CompareProgress(planned, progress.measured)) {
    Compare(each.quantity, each.planned, each.actual, each.source, run);
  }
  CompareLossAtTheEnd(progress, stored, run);
  CompareResources(progress, stored, sunk, now_ns, run);
  const ReportedRun reported = ReportedOf(progress, stored, now_ns, run);
  const std::optional<std::string> silent = WhySilent(reported);
  if (!silent.has_value()) CompareEnd(progress, run);
  AddForecast(progress, silent, now_ns, run);
  AdviseBySamples(progress, reported, run);
  AdviseLoss(progress, run);
}

std::vector<v1::LossPoint> LossCurve(const RunProgress& progress, int point_count) {
  double last = static_cast<double>(progress.measured.token_count);
  if (progress.trajectory.has_value()) last = progress.trajectory->total_token_count;
  last = std::max(last, progress.expected.target_token_count.value_or(0));
  std::vector<v1::LossPoint> curve;
  size_t next = 0;
  for (int i = 1; i <= point_count; ++i) {
    v1::LossPoint point;
    const double tokens = last * i / point_count;
    point.set_token_count(std::llround(tokens));
    if (progress.trajectory.has_value() && tokens <= progress.trajectory->total_token_count) {
      const absl::StatusOr<TrajectoryPoint> planned = ExpectedLossAt(*progress.trajectory, tokens);
      if (planned.ok()) {
        point.set_planned_nats(planned->loss_nats);
        point.set_planned_low_nats(planned->low_nats);
        point.set_planned_high_nats(planned->high_nats);
      }
    }
    // The mean of what was measured since the place before.
    double sum = 0;
    int count = 0;
    for (; next < progress.series.size() &&
           static_cast<double>(progress.series[next].token_count) <= tokens;
         ++next) {
      if (!progress.series[next].loss_nats.has_value()) continue;
      sum += *progress.series[next].loss_nats;
      ++count;
    }
    if (count > 0) point.set_actual_nats(sum / count);
    curve.push_back(point);
  }
  return curve;
}

}  // namespace rhumb::daemon
