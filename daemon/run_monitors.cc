// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_monitors.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "daemon/sample_messages.h"
#include "daemon/stored_message.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {

absl::Status RunMonitors::Observe(const std::string& run, const AppendAnswer& answer,
                                  const std::vector<StoredSample>& samples) {
  if (answer.stored_indices.empty()) return absl::OkStatus();
  if (feed_.IsWatched(run)) TellWatchers(run, answer, samples);
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
