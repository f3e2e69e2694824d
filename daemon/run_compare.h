// SPDX-License-Identifier: Apache-2.0
// Planned against actual in full (RunService.CompareRun).
#ifndef RHUMB_DAEMON_RUN_COMPARE_H_
#define RHUMB_DAEMON_RUN_COMPARE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::daemon {

// Errors beside field violations: RUN_NOT_FOUND. Without samples the curve is empty.
absl::StatusOr<v1::CompareRunResponse> CompareRun(const v1::CompareRunRequest& request,
                                                  int64_t now_ns, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_COMPARE_H_
