// SPDX-License-Identifier: Apache-2.0
// What a run's samples say of it as a whole, and those numbers beside the planned ones. Not where
// it is going (forecast.h) and not whether it has changed (drift.h).
#ifndef RHUMB_PLANNER_TRACK_PROGRESS_REPORT_H_
#define RHUMB_PLANNER_TRACK_PROGRESS_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "planner/track/run_report.h"
#include "planner/track/run_sample.h"

namespace rhumb {

// A number and what it was read from; absent if the samples do not say.
struct Measured {
  std::optional<double> value;
  std::string source;
};

struct MeasuredProgress {
  int64_t step = 0, token_count = 0;  // of the last sample
  // Median over all samples, which is what a plan is judged by; what is left goes on by the newest
  // (pace.h). The first of each attempt is left out where there are others: it holds
  // compilation and warm-up. From times and steps where no sample says it.
  Measured step_seconds;
  Measured tokens_per_second;
  Measured peak_memory_bytes;  // highest
  // Median of the last five, at loss_token_count. Absent, with the reason as its source, where the
  // newest have none that is finite.
  Measured loss_nats;
  double loss_token_count = 0;
  Measured noise_scale_tokens;  // median of the last five
};

// `samples` by attempt and step; counts of all but the last attempt that lie above its first sample
// were done anew, which changes no median. Where they are means of several, `newest` are the newest
// one by one.
MeasuredProgress Measure(const std::vector<RunSample>& samples,
                         const std::vector<RunSample>& newest = {});

// What a plan says of the same numbers; absent: it says nothing.
struct PlannedProgress {
  std::optional<double> step_seconds, tokens_per_second, mfu, peak_memory_bytes, token_count;
  // Expected at loss_token_count of what was measured.
  std::optional<double> loss_nats;
  // GPUs that mfu is of; of the run, where others train it: 0 if their number has changed, so that
  // there is no one MFU.
  std::optional<double> gpu_count, run_gpu_count;
  // B_crit of the plan's batch, which the noise scale estimates.
  std::optional<double> critical_batch_tokens;
};

// token_count, loss_nats, step_seconds, tokens_per_second, mfu, peak_memory_bytes,
// noise_scale_tokens (planned: B_crit): each with what is known of it, none of which nothing is
// known. The actual MFU is the planned one by the ratio of tokens per second and GPU: the same
// model does the same FLOPs for a token.
std::vector<RunComparison> CompareProgress(const PlannedProgress& planned,
                                           const MeasuredProgress& measured);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_PROGRESS_REPORT_H_
