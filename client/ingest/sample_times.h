// SPDX-License-Identifier: Apache-2.0
// Times for samples of logs that state none.
#ifndef RHUMB_CLIENT_INGEST_SAMPLE_TIMES_H_
#define RHUMB_CLIENT_INGEST_SAMPLE_TIMES_H_

#include <vector>

#include "absl/time/time.h"
#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::ingest {

// `samples`, in the order of the log, each with a time. What has one keeps it; one without is as
// long after the one before as the steps between took by its step_seconds (no time where it has
// none, or where steps fall back). Those before the first that has a time are counted back from it
// in the same way, and where none has one, from `end`.
std::vector<v1::RunSample> WithTimes(std::vector<v1::RunSample> samples, absl::Time end);

}  // namespace rhumb::ingest

#endif  // RHUMB_CLIENT_INGEST_SAMPLE_TIMES_H_
