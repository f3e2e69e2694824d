// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/sample_times.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "client/ingest/log_text.h"

namespace rhumb::ingest {
namespace {

absl::Time TimeOf(const v1::RunSample& sample) {
  return absl::FromUnixSeconds(sample.sample_time().seconds()) +
         absl::Nanoseconds(sample.sample_time().nanos());
}

// How long after `before` the sample is.
absl::Duration Since(const v1::RunSample& before, const v1::RunSample& sample) {
  if (!sample.has_step_seconds() || sample.step() <= before.step()) return absl::ZeroDuration();
  return absl::Seconds(sample.step_seconds() * static_cast<double>(sample.step() - before.step()));
}

}  // namespace

std::vector<v1::RunSample> WithTimes(std::vector<v1::RunSample> samples, absl::Time end) {
  if (samples.empty()) return samples;
  const auto timed = std::find_if(samples.begin(), samples.end(), [](const v1::RunSample& sample) {
    return sample.has_sample_time();
  });
  size_t first = static_cast<size_t>(timed - samples.begin());
  if (timed == samples.end()) {
    first = samples.size() - 1;
    SetTime(end, samples.back());
  }
  for (size_t i = first + 1; i < samples.size(); ++i) {
    if (samples[i].has_sample_time()) continue;
    SetTime(TimeOf(samples[i - 1]) + Since(samples[i - 1], samples[i]), samples[i]);
  }
  for (size_t i = first; i > 0; --i) {
    SetTime(TimeOf(samples[i]) - Since(samples[i - 1], samples[i]), samples[i - 1]);
  }
  return samples;
}

std::vector<AttemptSamples> WithTimes(std::vector<AttemptSamples> attempts, absl::Time end) {
  for (size_t i = attempts.size(); i-- > 0;) {
    if (attempts[i].samples.empty()) continue;
    attempts[i].samples = WithTimes(std::move(attempts[i].samples), end);
    end = BeginOf(attempts[i].samples);
  }
  return attempts;
}

absl::Time BeginOf(const std::vector<v1::RunSample>& samples) {
  const v1::RunSample& first = samples.front();
  // The first may be a validation, which takes no step.
  const auto timed = std::find_if(samples.begin(), samples.end(), [](const v1::RunSample& sample) {
    return sample.has_step_seconds();
  });
  if (first.step() == 0 || timed == samples.end()) return TimeOf(first);
  const auto next = std::find_if(samples.begin(), samples.end(), [&](const v1::RunSample& sample) {
    return sample.step() > first.step();
  });
  const int64_t apart = next == samples.end() ? 1 : next->step() - first.step();
  return TimeOf(first) -
         absl::Seconds(timed->step_seconds() * static_cast<double>(std::min(first.step(), apart)));
}

}  // namespace rhumb::ingest
