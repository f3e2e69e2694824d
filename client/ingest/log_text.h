// SPDX-License-Identifier: Apache-2.0
// Numbers, times and colours of log lines, and how their values get into samples.
#ifndef RHUMB_CLIENT_INGEST_LOG_TEXT_H_
#define RHUMB_CLIENT_INGEST_LOG_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/ingest/log_parser.h"

namespace rhumb::ingest {

// `line` without the escape codes of colours.
std::string WithoutColors(absl::string_view line);

// The number at the beginning of `text`, blanks before it allowed: "221,070  tflops" is 221070.
// NaN and infinities are numbers here. nullopt if none stands there.
std::optional<double> LeadingNumber(absl::string_view text);

// The number behind `key`, which must stand at the line's begin or behind no letter, digit or _.
std::optional<double> NumberBehind(absl::string_view line, absl::string_view key);

// A whole number from 0 to 2^53 behind `key`.
std::optional<int64_t> CountBehind(absl::string_view line, absl::string_view key);

// `value` as a whole number from 0 to 2^53; nullopt if it is none.
std::optional<int64_t> AsCount(std::optional<double> value);

// The first "2025-08-01 07:19:37" (",123" of a second allowed) in `line`, by `zone`'s clock.
std::optional<absl::Time> TimeIn(absl::string_view line, absl::TimeZone zone);

void SetTime(absl::Time time, v1::RunSample& sample);

// Puts a loss into `sample`: what is not finite becomes loss_not_finite. False for a negative one,
// which is none.
bool SetLoss(double loss, v1::RunSample& sample);

// `reading` as unreadable for `reason`.
LineReading Unreadable(std::string reason);

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_LOG_TEXT_H_
