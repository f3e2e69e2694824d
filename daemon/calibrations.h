// SPDX-License-Identifier: Apache-2.0
// Calibrations of the step-time model: from messages to what is stored, and from names to what
// steps are timed with.
#ifndef RHUMB_DAEMON_CALIBRATIONS_H_
#define RHUMB_DAEMON_CALIBRATIONS_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/peer.h"
#include "daemon/rpc_status.h"
#include "daemon/store/store.h"
#include "daemon/versioned_name.h"
#include "planner/cost/time_calibration.h"
#include "rhumb/v1/calibration.pb.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::daemon {

// What is stored of a request: every constant of its families, without what only the store says and
// what follows from the shipped constants. Adds all violations.
v1::Calibration CalibrationToStore(const v1::ApplyCalibrationRequest& request,
                                   FieldViolations& violations);

// A stored calibration as it is shown; DATA_LOSS if its bytes are no message.
absl::StatusOr<v1::Calibration> ReadCalibration(const StoredResource& stored);

// What is stored under `name`, nullopt if there is none or no such version.
absl::StatusOr<std::optional<StoredResource>> FindCalibration(const VersionedName& name,
                                                              Store& store);

// The calibration for GetCalibration: NotFound, with the nearest names, if there is none.
absl::StatusOr<v1::Calibration> GetCalibrationMessage(const VersionedName& name, Store& store);

// What a question named `name` is to be timed with; null without a name, or after a violation of
// `calibration`. Errors: those of the store.
absl::StatusOr<std::shared_ptr<const TimeCalibration>> ResolveCalibration(
    absl::string_view name, Store& store, FieldViolations& violations);

// PermissionDenied unless `caller` may change the calibration that `owner_uid` owns.
absl::Status CheckCalibrationWriter(const Caller& caller, absl::string_view name,
                                    int64_t owner_uid);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_CALIBRATIONS_H_
