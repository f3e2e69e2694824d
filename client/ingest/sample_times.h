// SPDX-License-Identifier: Apache-2.0
// Times for samples of logs that state none.
#ifndef RHUMB_CLIENT_INGEST_SAMPLE_TIMES_H_
#define RHUMB_CLIENT_INGEST_SAMPLE_TIMES_H_

#include <vector>

#include "absl/time/time.h"
#include "client/ingest/log_reader.h"
#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::ingest {

// `samples`, in the order of the log, each with a time. What has one keeps it; one without is as
// long after the one before as the steps between took by its step_seconds (no time where it has
// none, or where steps fall back). Those before the first that has a time are counted back from it
// in the same way, and where none has one, from `end`.
std::vector<v1::RunSample> WithTimes(std::vector<v1::RunSample> samples, absl::Time end);

// The same of `attempts`, in the order of the log: they lie one after the other, so that one whose
// samples have no time of their own ends where the next begins, and the last at `end`.
std::vector<AttemptSamples> WithTimes(std::vector<AttemptSamples> attempts, absl::Time end);

// When the first step behind the first of `samples`, which have times, began: before it by the time
// of the steps that it stands for, as many as the next one does and no more than were done.
absl::Time BeginOf(const std::vector<v1::RunSample>& samples);

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_SAMPLE_TIMES_H_
