// SPDX-License-Identifier: Apache-2.0
// What several views of a run say of it: its state in a word, how far it is, what is amiss.
#ifndef RHUMB_CLIENT_CLI_RUN_FACTS_H_
#define RHUMB_CLIENT_CLI_RUN_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "rhumb/v1/run.pb.h"
#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::cli {

// "timed-out".
std::string StateName(v1::RunState state);

// Whether it waits or runs.
bool IsOpen(const v1::Run& run);

// The comparison of `quantity`, or null.
const v1::RunComparison* FindComparison(const v1::Run& run, absl::string_view quantity);

// Where the run ends; absent where nobody said.
std::optional<int64_t> TargetTokens(const v1::Run& run);

// Of its tokens, in [0, 1] unless it went on beyond; absent without a target or a sample.
std::optional<double> DoneFraction(const v1::Run& run);

// The loss that the plan has for what is trained so far.
std::optional<double> PlannedLoss(const v1::Run& run);

// Those that last, then those that passed; each newest first.
std::vector<v1::DriftAlarm> AlarmsInOrder(const v1::Run& run);

// How many last.
int OpenAlarmCount(const v1::Run& run);

// "throughput" of DRIFT_KIND_THROUGHPUT.
std::string DriftName(v1::DriftKind kind);

// "step 1,200, 2027-03-01T12:00:00Z": where the change is thought to lie.
std::string SinceText(const v1::DriftAlarm& alarm);

// How much: "0.87 of what was expected", "0.12 nats", "1.5 GiB".
std::string MagnitudeText(const v1::DriftAlarm& alarm);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_FACTS_H_
