// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_monitors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "daemon/expected_run.h"
#include "daemon/process/log.h"
#include "daemon/runs.h"
#include "daemon/sample_messages.h"
#include "daemon/stored_message.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {

namespace {

constexpr size_t kMaxMonitors = 4096;
constexpr int kPage = 1000;
// Of the loss, which monitors do not look at.
constexpr double kLevelNotUsed = 0.9;

// (number, rank), first to last.
std::vector<std::pair<int64_t, int64_t>> ByRank(const std::map<int64_t, int64_t>& ranks) {
  std::vector<std::pair<int64_t, int64_t>> sorted(ranks.begin(), ranks.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  return sorted;
}

RunPlace PlaceOf(const google::protobuf::Timestamp& time, int64_t step, int64_t token_count) {
  return {static_cast<double>(NanosecondsOf(time)) / kNanosecondsPerSecond, step, token_count};
}

google::protobuf::Timestamp TimeOf(const RunPlace& place) {
  return ToTimestamp(std::llround(place.time_seconds * kNanosecondsPerSecond));
}

v1::DriftKind ToProto(DriftKind kind) {
  switch (kind) {
    case DriftKind::kLoss:
      return v1::DRIFT_KIND_LOSS;
    case DriftKind::kThroughput:
      return v1::DRIFT_KIND_THROUGHPUT;
    case DriftKind::kMemory:
      return v1::DRIFT_KIND_MEMORY;
  }
  return v1::DRIFT_KIND_UNSPECIFIED;
}

v1::DriftAlarm ToMessage(const DriftAlarm& alarm) {
  v1::DriftAlarm message;
  message.set_kind(ToProto(alarm.kind));
  message.set_code(alarm.code);
  message.set_text(alarm.text);
  message.set_directive(alarm.directive);
  if (alarm.since.time_seconds > 0) *message.mutable_since_time() = TimeOf(alarm.since);
  message.set_since_step(alarm.since.step);
  message.set_since_token_count(alarm.since.token_count);
  *message.mutable_raise_time() = TimeOf(alarm.raised);
  message.set_raise_step(alarm.raised.step);
  message.set_magnitude(alarm.magnitude);
  message.set_magnitude_unit(alarm.magnitude_unit);
  message.set_statistic(alarm.statistic);
  message.set_threshold(alarm.threshold);
  message.set_false_alarm_rate(DriftOptions{}.false_alarm_rate);
  return message;
}

std::optional<DriftKind> ToKind(v1::DriftKind kind) {
  for (const DriftKind each : {DriftKind::kLoss, DriftKind::kThroughput, DriftKind::kMemory}) {
    if (ToProto(each) == kind) return each;
  }
  return std::nullopt;
}

DriftAlarm FromMessage(const v1::DriftAlarm& message) {
  DriftAlarm alarm;
  alarm.kind = ToKind(message.kind()).value_or(DriftKind::kLoss);
  alarm.code = message.code();
  alarm.text = message.text();
  alarm.directive = message.directive();
  alarm.since = PlaceOf(message.since_time(), message.since_step(), message.since_token_count());
  alarm.raised = PlaceOf(message.raise_time(), message.raise_step(), 0);
  alarm.magnitude = message.magnitude();
  alarm.magnitude_unit = message.magnitude_unit();
  alarm.statistic = message.statistic();
  alarm.threshold = message.threshold();
  return alarm;
}

// Shows those of `standing` to the monitor that began by then, and takes them out.
void AdoptUntil(double time_seconds, std::vector<DriftAlarm>& standing, DriftMonitor& monitor) {
  std::erase_if(standing, [&](const DriftAlarm& alarm) {
    if (alarm.since.time_seconds > time_seconds) return false;
    monitor.Adopt(alarm);
    return true;
  });
}

}  // namespace

absl::Status RunMonitors::Observe(const std::string& run, const AppendAnswer& answer,
                                  const std::vector<StoredSample>& samples) {
  if (answer.stored_indices.empty()) return absl::OkStatus();
  if (feed_.IsWatched(run)) TellWatchers(run, answer, samples);
  return Show(run, answer, samples);
}

absl::Status RunMonitors::Show(const std::string& run, const AppendAnswer& answer,
                               const std::vector<StoredSample>& samples) {
  const std::shared_ptr<Monitored> found = Find(run);
  Monitored& monitored = *found;
  const std::lock_guard<std::mutex> lock(monitored.mutex);
  if (!monitored.monitor.has_value()) return Begin(run, monitored);
  // An attempt that is heard of late, and began before, begins nothing anew.
  int64_t position = monitored.position;
  if (answer.attempt != monitored.attempt) {
    RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAttempt> attempts,
                           store_.samples().Attempts(run));
    const std::map<int64_t, int64_t> ranks = RanksOf(attempts);
    if (ranks.at(answer.attempt) > ranks.at(monitored.attempt)) {
      if (monitored.awaits_attempt) {
        // What the process before told behind the replan was still of the layout before.
        RHUMB_RETURN_IF_ERROR(EndAll(run));
        return Begin(run, monitored);
      }
      monitored.attempt = answer.attempt;
      position = ++monitored.position;
    } else {
      --position;
    }
  }
  std::vector<RunSample> news;
  for (const size_t index : answer.stored_indices) {
    news.push_back(samples[index].sample);
    news.back().attempt = position;
  }
  std::stable_sort(news.begin(), news.end(),
                   [](const RunSample& a, const RunSample& b) { return a.step < b.step; });
  for (const RunSample& sample : news) {
    for (const DriftEvent& event : monitored.monitor->Observe(sample)) {
      RHUMB_RETURN_IF_ERROR(WriteDown(run, event));
    }
  }
  return absl::OkStatus();
}

absl::Status RunMonitors::Begin(const std::string& run, Monitored& monitored) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReplan> replans, store_.samples().Replans(run));
  RHUMB_ASSIGN_OR_RETURN(const DriftOptions options, OptionsOf(run, !replans.empty()));
  DriftMonitor monitor(options);
  // A run that was planned anew has a new layout, with a course of its own.
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAttempt> attempts, store_.samples().Attempts(run));
  const int64_t since_ns = InForceSince(replans, attempts);
  monitored.awaits_attempt = !replans.empty() && since_ns == replans.back().time_ns;
  const std::vector<std::pair<int64_t, int64_t>> by_rank = ByRank(RanksOf(attempts));
  if (!by_rank.empty()) std::tie(monitored.attempt, monitored.position) = by_rank.back();
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAlarm> known, store_.samples().Alarms(run));
  // Raised by samples that may have been rolled up since: only new ones can end them.
  std::vector<DriftAlarm> standing;
  for (const StoredAlarm& each : known) {
    if (each.clear_time_ns > 0) continue;
    RHUMB_ASSIGN_OR_RETURN(const v1::DriftAlarm message, daemon::ToMessage(each));
    standing.push_back(FromMessage(message));
  }
  RHUMB_ASSIGN_OR_RETURN(const std::vector<DriftEvent> events,
                         ShowStored(run, by_rank, since_ns, std::move(standing), monitor));
  // Of a run that nothing was written down of, all is news: a whole log may be its first. Else only
  // what a daemon that was killed, or has begun anew, may have missed: what lasts, and what ended.
  std::map<std::string, DriftEvent> lasting;
  std::set<std::string> ended;
  for (const DriftEvent& event : events) {
    if (known.empty()) RHUMB_RETURN_IF_ERROR(WriteDown(run, event));
    if (event.cleared.has_value()) {
      lasting.erase(event.alarm.code);
      ended.insert(event.alarm.code);
    } else {
      lasting[event.alarm.code] = event;
    }
  }
  for (const StoredAlarm& each : known) {
    if (each.clear_time_ns > 0 || lasting.count(each.code) > 0) continue;
    if (ended.count(each.code) > 0) RHUMB_RETURN_IF_ERROR(End(each));
  }
  for (const auto& [code, event] : lasting) RHUMB_RETURN_IF_ERROR(WriteDown(run, event));
  monitored.monitor = std::move(monitor);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DriftEvent>> RunMonitors::ShowStored(
    const std::string& run, const std::vector<std::pair<int64_t, int64_t>>& attempts,
    int64_t since_ns, std::vector<DriftAlarm> standing, DriftMonitor& monitor) {
  const double since_seconds = static_cast<double>(since_ns) / kNanosecondsPerSecond;
  std::vector<DriftEvent> events;
  for (const auto& [number, rank] : attempts) {
    SamplePosition after = {number, 0};
    while (true) {
      RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredSample> page,
                             store_.samples().Read(run, after, kPage));
      bool more = page.size() == kPage;
      for (const StoredSample& each : page) {
        if (each.sample.attempt != number) {
          more = false;
          break;
        }
        after.sequence = each.sequence;
        if (each.sample.time_seconds < since_seconds) continue;
        RunSample sample = each.sample;
        sample.attempt = rank;
        AdoptUntil(sample.time_seconds, standing, monitor);
        for (DriftEvent& event : monitor.Observe(sample, each.sample_count)) {
          events.push_back(std::move(event));
        }
      }
      if (!more) break;
    }
  }
  AdoptUntil(std::numeric_limits<double>::infinity(), standing, monitor);
  return events;
}

absl::Status RunMonitors::End(const StoredAlarm& alarm) {
  v1::DriftAlarm message;
  RHUMB_ASSIGN_OR_RETURN(message, daemon::ToMessage(alarm));
  const int64_t now_ns = clock_();
  *message.mutable_clear_time() = ToTimestamp(now_ns);
  return store_.samples()
      .ClearAlarm(alarm.run, alarm.kind, alarm.code, now_ns, message.SerializeAsString())
      .status();
}

absl::StatusOr<DriftOptions> RunMonitors::OptionsOf(const std::string& name, bool replanned) {
  DriftOptions options;
  RHUMB_ASSIGN_OR_RETURN(const StoredRun stored, FindRunByName(name, store_));
  RHUMB_ASSIGN_OR_RETURN(const v1::RunSettings settings, SettingsOf(stored));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<v1::Plan> plan, FindPlanMessage(stored.plan, store_));
  RHUMB_ASSIGN_OR_RETURN(const ExpectedRun expected,
                         Expect(settings, plan, replanned, kLevelNotUsed, store_));
  options.planned_step_seconds = expected.planned.step_seconds;
  options.capacity_bytes = expected.capacity_bytes;
  return options;
}

absl::Status RunMonitors::WriteDown(const std::string& run, const DriftEvent& event) {
  v1::DriftAlarm message = ToMessage(event.alarm);
  const std::string kind(NameOf(event.alarm.kind));
  const auto nanoseconds = [](const RunPlace& place) {
    return static_cast<int64_t>(std::llround(place.time_seconds * kNanosecondsPerSecond));
  };
  if (event.cleared.has_value()) {
    *message.mutable_clear_time() = TimeOf(*event.cleared);
    RHUMB_RETURN_IF_ERROR(store_.samples()
                              .ClearAlarm(run, kind, event.alarm.code, nanoseconds(*event.cleared),
                                          message.SerializeAsString())
                              .status());
  } else {
    RHUMB_ASSIGN_OR_RETURN(const bool is_new, store_.samples().InsertAlarm(
                                                  {.run = run,
                                                   .kind = kind,
                                                   .code = event.alarm.code,
                                                   .raise_time_ns = nanoseconds(event.alarm.raised),
                                                   .content = message.SerializeAsString()}));
    bool is_news = is_new;
    if (!is_new && event.grown) {
      RHUMB_ASSIGN_OR_RETURN(is_news, TellAnew(run, event.alarm));
    }
    if (!is_news) return absl::OkStatus();
    Log(LogLevel::kWarning, "drift",
        {{"run", run}, {"code", event.alarm.code}, {"grown", is_new ? "no" : "yes"}});
  }
  feed_.TellChange(run);
  return absl::OkStatus();
}

absl::StatusOr<bool> RunMonitors::TellAnew(const std::string& run, const DriftAlarm& alarm) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAlarm> known, store_.samples().Alarms(run));
  for (const StoredAlarm& each : known) {
    if (each.clear_time_ns > 0 || each.code != alarm.code) continue;
    RHUMB_ASSIGN_OR_RETURN(const v1::DriftAlarm before, daemon::ToMessage(each));
    // A monitor that begins anew says once more what was said.
    if (alarm.magnitude <= before.magnitude()) return false;
    v1::DriftAlarm message = ToMessage(alarm);
    *message.mutable_raise_time() = before.raise_time();
    message.set_raise_step(before.raise_step());
    return store_.samples().ReplaceAlarm(run, each.kind, each.code, message.SerializeAsString());
  }
  return false;
}

std::shared_ptr<RunMonitors::Monitored> RunMonitors::Find(const std::string& run) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto known = monitors_.find(run);
  if (known != monitors_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, known->second);
    return known->second->second;
  }
  by_use_.emplace_front(run, std::make_shared<Monitored>());
  monitors_[run] = by_use_.begin();
  if (by_use_.size() > kMaxMonitors) {
    monitors_.erase(by_use_.back().first);
    by_use_.pop_back();
  }
  return by_use_.front().second;
}

absl::Status RunMonitors::Restart(const std::string& run) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto known = monitors_.find(run);
    if (known != monitors_.end()) {
      by_use_.erase(known->second);
      monitors_.erase(known);
    }
  }
  return EndAll(run);
}

absl::Status RunMonitors::EndAll(const std::string& run) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAlarm> alarms, store_.samples().Alarms(run));
  for (const StoredAlarm& each : alarms) {
    if (each.clear_time_ns == 0) RHUMB_RETURN_IF_ERROR(End(each));
  }
  return absl::OkStatus();
}

void RunMonitors::TellWatchers(const std::string& run, const AppendAnswer& answer,
                               const std::vector<StoredSample>& samples) {
  auto news = std::make_shared<std::vector<v1::RunSample>>();
  news->reserve(answer.stored_indices.size());
  for (const size_t index : answer.stored_indices) {
    news->push_back(ToMessage(samples[index]));
    news->back().set_attempt(answer.attempt);
  }
  feed_.TellSamples(run, news);
}

absl::StatusOr<std::vector<v1::DriftAlarm>> RunMonitors::OpenAlarms(const std::string& run) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAlarm> stored, store_.samples().Alarms(run));
  std::vector<v1::DriftAlarm> open;
  for (const StoredAlarm& each : stored) {
    if (each.clear_time_ns > 0) continue;
    RHUMB_ASSIGN_OR_RETURN(open.emplace_back(), ToMessage(each));
  }
  return open;
}

absl::StatusOr<v1::DriftAlarm> ToMessage(const StoredAlarm& stored) {
  v1::DriftAlarm alarm;
  if (!alarm.ParseFromString(stored.content)) {
    return absl::DataLossError(
        absl::StrCat("an alarm of ", stored.run, " is damaged in the store"));
  }
  if (stored.clear_time_ns > 0) *alarm.mutable_clear_time() = ToTimestamp(stored.clear_time_ns);
  return alarm;
}

}  // namespace rhumb::daemon
