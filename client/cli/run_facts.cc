// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_facts.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/format.h"
#include "client/cli/report.h"
#include "client/cli/request_fields.h"
#include "client/config/human_numbers.h"

namespace rhumb::cli {

std::string StateName(v1::RunState state) {
  const auto* value = v1::RunState_descriptor()->FindValueByNumber(state);
  return value == nullptr ? absl::StrCat(state) : EnumChoice(*value);
}

bool IsOpen(const v1::Run& run) {
  return run.state() == v1::RUN_STATE_PENDING || run.state() == v1::RUN_STATE_RUNNING;
}

const v1::RunComparison* FindComparison(const v1::Run& run, absl::string_view quantity) {
  for (const v1::RunComparison& each : run.comparisons()) {
    if (each.quantity() == quantity) return &each;
  }
  return nullptr;
}

std::optional<int64_t> TargetTokens(const v1::Run& run) {
  if (run.settings().has_target_token_count()) return run.settings().target_token_count();
  const v1::RunComparison* tokens = FindComparison(run, "token_count");
  if (tokens != nullptr && tokens->has_planned() && tokens->planned() < 0x1p63) {
    return static_cast<int64_t>(tokens->planned());
  }
  if (run.forecast().has_remaining_token_count() && run.has_last_sample()) {
    return run.last_sample().token_count() + run.forecast().remaining_token_count();
  }
  return std::nullopt;
}

std::optional<double> DoneFraction(const v1::Run& run) {
  if (run.forecast().has_done_fraction()) return run.forecast().done_fraction();
  const std::optional<int64_t> target = TargetTokens(run);
  if (!target.has_value() || *target <= 0 || !run.has_last_sample()) return std::nullopt;
  return static_cast<double>(run.last_sample().token_count()) / static_cast<double>(*target);
}

std::optional<double> PlannedLoss(const v1::Run& run) {
  const v1::RunComparison* loss = FindComparison(run, "loss_nats");
  if (loss == nullptr || !loss->has_planned()) return std::nullopt;
  return loss->planned();
}

std::vector<v1::DriftAlarm> AlarmsInOrder(const v1::Run& run) {
  std::vector<v1::DriftAlarm> alarms(run.alarms().rbegin(), run.alarms().rend());
  std::stable_partition(alarms.begin(), alarms.end(),
                        [](const v1::DriftAlarm& alarm) { return !alarm.has_clear_time(); });
  return alarms;
}

int OpenAlarmCount(const v1::Run& run) {
  return static_cast<int>(
      std::count_if(run.alarms().begin(), run.alarms().end(),
                    [](const v1::DriftAlarm& alarm) { return !alarm.has_clear_time(); }));
}

std::string DriftName(v1::DriftKind kind) {
  const auto* value = v1::DriftKind_descriptor()->FindValueByNumber(kind);
  return value == nullptr ? absl::StrCat(kind) : EnumChoice(*value);
}

std::string SinceText(const v1::DriftAlarm& alarm) {
  const std::string place = JoinParts(
      {alarm.since_step() > 0 ? absl::StrCat("step ", FormatInteger(alarm.since_step())) : "",
       alarm.has_since_time() ? FormatInstant(alarm.since_time()) : ""},
      ", ");
  // Of a gap that an older daemon told.
  return place.empty() ? "the beginning" : place;
}

std::string MagnitudeText(const v1::DriftAlarm& alarm) {
  if (alarm.magnitude_unit() == "bytes") return FormatBytes(alarm.magnitude());
  if (alarm.magnitude_unit() == "ratio") {
    return absl::StrFormat("%.3g of what was expected", alarm.magnitude());
  }
  return absl::StrFormat("%.3g %s", alarm.magnitude(), alarm.magnitude_unit());
}

}  // namespace rhumb::cli
