// SPDX-License-Identifier: Apache-2.0
#include "client/ingest/sample_times.h"

#include <algorithm>

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

}  // namespace rhumb::ingest
