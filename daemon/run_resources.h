// SPDX-License-Identifier: Apache-2.0
// What a run uses: time, GPUs and money, so far and at its end, beside what was planned.
#ifndef RHUMB_DAEMON_RUN_RESOURCES_H_
#define RHUMB_DAEMON_RUN_RESOURCES_H_

#include <cstdint>
#include <optional>

#include "daemon/expected_run.h"
#include "daemon/run_progress.h"
#include "daemon/run_sunk.h"
#include "daemon/store/store.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::daemon {

// GPUs that train it now: of the job that began last, else as planned or stated.
std::optional<double> GpuCountOf(const ExpectedRun& expected, const v1::Run& run);

// Whether jobs that have begun have several numbers of GPUs.
bool HasJobsOfOtherGpuCounts(const v1::Run& run);

// What a run without jobs has used so far: nobody but its samples says when it ran.
void CompareResources(const RunProgress& progress, const StoredRun& stored, const Sunk& sunk,
                      int64_t now_ns, v1::Run& run);

// Totals so far, and the GPUs of now for as long as the forecast says.
void CompareEnd(const RunProgress& progress, v1::Run& run);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_RESOURCES_H_
