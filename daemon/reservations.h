// SPDX-License-Identifier: Apache-2.0
// GPUs promised to somebody until a time: from requests to the store and back.
#ifndef RHUMB_DAEMON_RESERVATIONS_H_
#define RHUMB_DAEMON_RESERVATIONS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/peer.h"
#include "daemon/store/store.h"
#include "rhumb/v1/cluster_service.pb.h"
#include "rhumb/v1/inventory.pb.h"

namespace rhumb::daemon {

inline constexpr double kDefaultReservationSeconds = 300;
// The longest of users; the daemon's own may promise a day.
inline constexpr double kMaxReservationSeconds = 3600;

v1::Reservation ToMessage(const StoredReservation& stored);

// Promises what `request` asks for, or says why not: field violations, CheckPromise's errors.
absl::StatusOr<v1::Reservation> Reserve(const v1::ReserveAllocationRequest& request,
                                        const Caller& caller, int64_t now_ns, Store& store);

// NotFound if it has expired or never was; PermissionDenied if it is somebody else's.
absl::Status Release(const std::string& name, const Caller& caller, int64_t now_ns, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RESERVATIONS_H_
