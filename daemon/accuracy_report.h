// SPDX-License-Identifier: Apache-2.0
// How planned and actual have compared over the runs that ended (RunService.GetAccuracyReport).
#ifndef RHUMB_DAEMON_ACCURACY_REPORT_H_
#define RHUMB_DAEMON_ACCURACY_REPORT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::daemon {

// Reads every run that ended. Times, costs and losses are of runs that came to their end; step
// time, MFU and memory of every run that was measured.
absl::StatusOr<v1::AccuracyReport> ReportAccuracy(const v1::GetAccuracyReportRequest& request,
                                                  int64_t now_ns, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_ACCURACY_REPORT_H_
