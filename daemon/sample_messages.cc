// SPDX-License-Identifier: Apache-2.0
#include "daemon/sample_messages.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/job_news.h"
#include "daemon/page_token.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr size_t kMaxAttemptIdBytes = 64;
// More say nothing new of what the reporter does wrong.
constexpr int kMaxBadSamples = 10;
constexpr double kMaxCount = 1e18;

const StepStretch* StretchOf(const std::vector<StepStretch>& stretches,
                             const StoredSample& stored) {
  const StepStretch* found = nullptr;
  for (const StepStretch& each : stretches) {
    const bool is_later =
        each.since_ns > 0 && stored.sample.time_seconds < static_cast<double>(each.since_ns) * 1e-9;
    // One that cannot be counted from has no first step.
    if (is_later || (each.step_tokens > 0 && stored.sample.step < each.first_step)) break;
    found = &each;
  }
  return found;
}

// Judges one sample; the path is made only for what is wrong.
class SampleReader {
 public:
  SampleReader(int index, FieldViolations& violations) : index_(index), violations_(violations) {}

  bool bad() const { return bad_; }

  void Add(absl::string_view field, absl::string_view what) {
    bad_ = true;
    violations_.Add(absl::StrCat("samples[", index_, "].", field), what);
  }

  std::optional<double> Number(bool has, double value, absl::string_view field, bool positive) {
    if (!has) return std::nullopt;
    if (!std::isfinite(value)) {
      Add(field, absl::StrCat("must be a finite number, got ", ShowNumber(value)));
    } else if (positive ? !(value > 0) : value < 0) {
      Add(field, absl::StrCat("must be ", positive ? "positive" : "not negative", ", got ",
                              ShowNumber(value)));
    } else if (value > kMaxCount) {
      Add(field,
          absl::StrCat("must be at most ", ShowNumber(kMaxCount), ", got ", ShowNumber(value)));
    }
    return value;
  }

  void Count(int64_t value, int64_t least, absl::string_view field) {
    if (value < least || static_cast<double>(value) > kMaxCount) {
      Add(field,
          absl::StrCat("must be from ", least, " to ", ShowNumber(kMaxCount), ", got ", value));
    }
  }

 private:
  const int index_;
  FieldViolations& violations_;
  bool bad_ = false;
};

int64_t TimeOf(const v1::RunSample& message, int64_t latest_ns, SampleReader& reader) {
  if (!message.has_sample_time()) {
    reader.Add("sample_time", "is missing");
    return 0;
  }
  FieldViolations violations;
  const int64_t time_ns = NanosecondsOf(message.sample_time(), "sample_time", violations);
  if (!violations.empty()) {
    reader.Add("sample_time", "must be a time from 1970 to 2255");
  } else if (time_ns > latest_ns) {
    reader.Add("sample_time",
               "lies in the future by the daemon's clock; the clocks of both machines differ");
  }
  return time_ns;
}

StoredSample ToStore(const v1::RunSample& message, int64_t latest_ns, SampleReader& reader) {
  StoredSample stored;
  stored.sequence = message.sequence();
  reader.Count(message.sequence(), 1, "sequence");
  reader.Count(message.step(), 0, "step");
  reader.Count(message.token_count(), 0, "token_count");
  RunSample& sample = stored.sample;
  sample.time_seconds =
      static_cast<double>(TimeOf(message, latest_ns, reader)) / kNanosecondsPerSecond;
  sample.step = message.step();
  sample.token_count = message.token_count();
  sample.loss_not_finite = message.loss_not_finite();
  // What is summed over tokens is no loss per token: a field with no bound would hide it.
  const auto number = [&](bool has, double value, absl::string_view field, bool positive) {
    return reader.Number(has, value, field, positive);
  };
  sample.loss_nats = number(message.has_loss_nats(), message.loss_nats(), "loss_nats", false);
  sample.validation_loss_nats =
      number(message.has_validation_loss_nats(), message.validation_loss_nats(),
             "validation_loss_nats", false);
  sample.step_seconds =
      number(message.has_step_seconds(), message.step_seconds(), "step_seconds", true);
  sample.tokens_per_second = number(message.has_tokens_per_second(), message.tokens_per_second(),
                                    "tokens_per_second", true);
  sample.learning_rate =
      number(message.has_learning_rate(), message.learning_rate(), "learning_rate", false);
  sample.gradient_norm =
      number(message.has_gradient_norm(), message.gradient_norm(), "gradient_norm", false);
  sample.noise_scale_tokens = number(message.has_noise_scale_tokens(), message.noise_scale_tokens(),
                                     "noise_scale_tokens", true);
  if (message.has_peak_memory_bytes()) {
    reader.Count(message.peak_memory_bytes(), 1, "peak_memory_bytes");
    sample.peak_memory_bytes = message.peak_memory_bytes();
  }
  return stored;
}

}  // namespace

bool LacksTokens(const StoredSample& stored) {
  return stored.sample.step > 0 && stored.sample.token_count == 0;
}

void CompleteTokens(const std::vector<StepStretch>& stretches, std::vector<StoredSample>& samples,
                    FieldViolations& violations) {
  int bad_count = 0;
  for (size_t i = 0; i < samples.size() && bad_count < kMaxBadSamples; ++i) {
    if (!LacksTokens(samples[i])) continue;
    RunSample& sample = samples[i].sample;
    const StepStretch* stretch = StretchOf(stretches, samples[i]);
    const bool is_known = stretch != nullptr && stretch->step_tokens > 0;
    const double tokens = is_known ? static_cast<double>(stretch->first_token_count) +
                                         static_cast<double>(sample.step - stretch->first_step) *
                                             static_cast<double>(stretch->step_tokens)
                                   : 0;
    if (!is_known || tokens > kMaxCount) {
      ++bad_count;
      violations.Add(
          absl::StrCat("samples[", i, "].token_count"),
          is_known ? absl::StrCat("must be given: ", sample.step, " steps of ",
                                  stretch->step_tokens, " tokens cannot be counted")
                   : absl::StrCat("must be given: ", stretch == nullptr ? "no step was planned then"
                                                                        : stretch->why_unknown));
      continue;
    }
    sample.token_count =
        stretch->first_token_count + (sample.step - stretch->first_step) * stretch->step_tokens;
    if (sample.step_seconds.has_value() && !sample.tokens_per_second.has_value()) {
      sample.tokens_per_second = static_cast<double>(stretch->step_tokens) / *sample.step_seconds;
    }
  }
}

void CheckAttemptId(absl::string_view attempt_id, FieldViolations& violations) {
  const bool good = std::all_of(attempt_id.begin(), attempt_id.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
  if (attempt_id.empty()) {
    violations.Add("attempt_id", "is missing");
  } else if (!good || attempt_id.size() > kMaxAttemptIdBytes) {
    violations.Add("attempt_id",
                   absl::StrCat("must be 1 to ", kMaxAttemptIdBytes, " of A-Z a-z 0-9 . _ -"));
  }
}

std::vector<StoredSample> SamplesToStore(const v1::ReportProgressRequest& request,
                                         int64_t latest_ns, FieldViolations& violations) {
  std::vector<StoredSample> samples;
  if (request.samples_size() > kMaxSamplesOfMessage) {
    violations.Add("samples", absl::StrCat("must be at most ", kMaxSamplesOfMessage,
                                           " in one message, got ", request.samples_size()));
    return samples;
  }
  samples.reserve(request.samples_size());
  int bad_count = 0;
  for (int i = 0; i < request.samples_size() && bad_count < kMaxBadSamples; ++i) {
    SampleReader reader(i, violations);
    samples.push_back(ToStore(request.samples(i), latest_ns, reader));
    if (reader.bad()) ++bad_count;
  }
  return samples;
}

std::string SamplePageTokenOf(const StoredSample& last) {
  return PageTokenOf({last.sequence, absl::StrCat(last.sample.attempt)});
}

absl::StatusOr<SamplePosition> ParseSamplePageToken(absl::string_view token) {
  SamplePosition position;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<ListPosition> after, ParsePageToken(token));
  if (!after.has_value()) return position;
  position.sequence = after->time_ns;
  if (!absl::SimpleAtoi(after->name, &position.attempt)) {
    return FieldError("page_token", "must be the next_page_token of an earlier answer");
  }
  return position;
}

int64_t InForceSince(const std::vector<StoredReplan>& replans,
                     const std::vector<StoredAttempt>& attempts) {
  if (replans.empty()) return 0;
  const int64_t replan_ns = replans.back().time_ns;
  int64_t since_ns = std::numeric_limits<int64_t>::max();
  for (const StoredAttempt& each : attempts) {
    if (each.first_time_ns >= replan_ns) since_ns = std::min(since_ns, each.first_time_ns);
  }
  return since_ns == std::numeric_limits<int64_t>::max() ? replan_ns : since_ns;
}

std::map<int64_t, int64_t> RanksOf(const std::vector<StoredAttempt>& attempts) {
  std::vector<std::pair<int64_t, int64_t>> by_time;
  for (const StoredAttempt& each : attempts) by_time.emplace_back(each.first_time_ns, each.number);
  std::sort(by_time.begin(), by_time.end());
  std::map<int64_t, int64_t> ranks;
  for (const auto& [time_ns, number] : by_time) {
    ranks.emplace(number, static_cast<int64_t>(ranks.size()) + 1);
  }
  return ranks;
}

v1::RunSample ToMessage(const StoredSample& stored) {
  const RunSample& sample = stored.sample;
  v1::RunSample message;
  message.set_sequence(stored.sequence);
  message.set_sample_count(stored.sample_count);
  message.set_attempt(sample.attempt);
  *message.mutable_sample_time() =
      ToTimestamp(std::llround(sample.time_seconds * kNanosecondsPerSecond));
  message.set_step(sample.step);
  message.set_token_count(sample.token_count);
  message.set_loss_not_finite(sample.loss_not_finite);
  if (sample.loss_nats) message.set_loss_nats(*sample.loss_nats);
  if (sample.validation_loss_nats) message.set_validation_loss_nats(*sample.validation_loss_nats);
  if (sample.step_seconds) message.set_step_seconds(*sample.step_seconds);
  if (sample.tokens_per_second) message.set_tokens_per_second(*sample.tokens_per_second);
  if (sample.learning_rate) message.set_learning_rate(*sample.learning_rate);
  if (sample.gradient_norm) message.set_gradient_norm(*sample.gradient_norm);
  if (sample.noise_scale_tokens) message.set_noise_scale_tokens(*sample.noise_scale_tokens);
  if (sample.peak_memory_bytes) message.set_peak_memory_bytes(*sample.peak_memory_bytes);
  return message;
}

v1::RunAttempt ToMessage(const StoredAttempt& stored) {
  v1::RunAttempt message;
  message.set_number(stored.number);
  message.set_attempt_id(stored.attempt_id);
  *message.mutable_first_sample_time() = ToTimestamp(stored.first_time_ns);
  *message.mutable_last_sample_time() = ToTimestamp(stored.last_time_ns);
  message.set_sample_count(stored.sample_count);
  message.set_first_step(stored.first_step);
  message.set_last_step(stored.last_step);
  message.set_last_token_count(stored.last_token_count);
  return message;
}

}  // namespace rhumb::daemon
