// SPDX-License-Identifier: Apache-2.0
// Several samples as one, so that means over parts are the means over the whole. Only for this
// folder.
#ifndef RHUMB_DAEMON_STORE_SAMPLE_MEAN_H_
#define RHUMB_DAEMON_STORE_SAMPLE_MEAN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "daemon/store/sample_store.h"

namespace rhumb::daemon {

// The numbers of a sample of which means are kept, in the order of the columns.
inline constexpr std::array<std::optional<double> RunSample::*, 7> kMeanFields = {
    &RunSample::loss_nats,         &RunSample::validation_loss_nats, &RunSample::step_seconds,
    &RunSample::tokens_per_second, &RunSample::learning_rate,        &RunSample::gradient_norm,
    &RunSample::noise_scale_tokens};

// A row of run_samples. It stands for the samples first_sequence to stored.sequence.
struct SampleRow {
  StoredSample stored;
  int64_t first_sequence = 0;
  int64_t time_ns = 0;  // that of the sample, before it became a double
  // Samples that had each of kMeanFields: a validation loss comes with few.
  std::array<int64_t, kMeanFields.size()> counts = {};
};

// `sample` as it was reported.
SampleRow RowOf(const StoredSample& sample);

// The mean of rows that are added from first to last.
class SampleMean {
 public:
  void Add(const SampleRow& row);
  int64_t row_count() const { return row_count_; }
  // Means weighted by samples, the highest peak memory; time, step, tokens and sequence of the last
  // row. A single row comes back as it was. Some row must have been added.
  SampleRow Get() const;

 private:
  int64_t row_count_ = 0;
  SampleRow row_;                                     // all but means
  std::array<double, kMeanFields.size()> sums_ = {};  // of mean times count
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_SAMPLE_MEAN_H_
