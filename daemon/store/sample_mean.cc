// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/sample_mean.h"

#include <algorithm>
#include <cmath>

namespace rhumb::daemon {

SampleRow RowOf(const StoredSample& sample) {
  SampleRow row = {.stored = sample,
                   .first_sequence = sample.sequence,
                   .time_ns = std::llround(sample.sample.time_seconds * 1e9)};
  for (size_t i = 0; i < kMeanFields.size(); ++i) {
    row.counts[i] = (sample.sample.*kMeanFields[i]).has_value() ? sample.sample_count : 0;
  }
  return row;
}

void SampleMean::Add(const SampleRow& row) {
  const SampleRow before = row_;
  row_ = row;
  for (size_t i = 0; i < kMeanFields.size(); ++i) {
    const std::optional<double>& mean = row.stored.sample.*kMeanFields[i];
    if (mean.has_value()) sums_[i] += *mean * static_cast<double>(row.counts[i]);
  }
  if (++row_count_ == 1) return;
  row_.first_sequence = before.first_sequence;
  row_.stored.sample_count += before.stored.sample_count;
  if (before.stored.sample.loss_not_finite) row_.stored.sample.loss_not_finite = true;
  for (size_t i = 0; i < kMeanFields.size(); ++i) row_.counts[i] += before.counts[i];
  const std::optional<int64_t>& peak = before.stored.sample.peak_memory_bytes;
  std::optional<int64_t>& highest = row_.stored.sample.peak_memory_bytes;
  if (peak.has_value()) highest = std::max(highest.value_or(*peak), *peak);
}

SampleRow SampleMean::Get() const {
  SampleRow row = row_;
  if (row_count_ == 1) return row;
  for (size_t i = 0; i < kMeanFields.size(); ++i) {
    std::optional<double>& mean = row.stored.sample.*kMeanFields[i];
    mean.reset();
    if (row.counts[i] > 0) mean = sums_[i] / static_cast<double>(row.counts[i]);
  }
  return row;
}

}  // namespace rhumb::daemon
