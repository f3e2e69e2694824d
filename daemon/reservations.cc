// SPDX-License-Identifier: Apache-2.0
#include "daemon/reservations.h"

#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "daemon/fresh_name.h"
#include "daemon/gpu_types.h"
#include "daemon/identity.h"
#include "daemon/inventory.h"
#include "daemon/resolve.h"
#include "daemon/rpc_status.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
v1::Reservation ToMessage(const StoredReservation& stored) {
  v1::Reservation out;
  out.set_name(stored.name);
  out.set_cluster(stored.cluster);
  out.set_partition(stored.partition);
  out.set_gpu_type(stored.gpu_type);
  out.set_gpu_count(stored.gpu_count);
  out.set_plan(stored.plan);
  *out.mutable_create_time() = ToTimestamp(stored.create_time_ns);
  *out.mutable_expire_time() = ToTimestamp(stored.expire_time_ns);
  out.set_owner_uid(stored.owner_uid);
  return out;
}

absl::StatusOr<v1::Reservation> Reserve(const v1::ReserveAllocationRequest& request,
                                        const Caller& caller, int64_t now_ns, Store& store) {
  FieldViolations violations;
  ValidateValues(request, violations);
  StoredReservation asked;
  asked.cluster = ResourceName("clusters", request.cluster(), "cluster", violations);
  if (!request.plan().empty()) {
    asked.plan = ResourceName("plans", request.plan(), "plan", violations);
  }
  if (request.gpu_count() == 0) violations.Add("gpu_count", "is missing; allowed: 1 or more");
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, AllGpus(store));
  const absl::StatusOr<Gpu> gpu = FindGpu(request.gpu_type(), gpus);
  if (gpu.ok()) {
    asked.gpu_type = gpu->id;
  } else {
    violations.Add("gpu_type", gpu.status().message());
  }
  if (!caller.IsOperator() && request.duration_seconds() > kMaxReservationSeconds) {
    violations.Add("duration_seconds",
                   absl::StrFormat("must be at most %.0f for all but the daemon's own user, got %g",
                                   kMaxReservationSeconds, request.duration_seconds()));
  }
  if (!violations.empty()) return violations.ToStatus();
  asked.partition = request.partition();
  asked.gpu_count = request.gpu_count();
  asked.owner_uid = caller.uid;
  asked.create_time_ns = now_ns;
  const double seconds =
      request.has_duration_seconds() ? request.duration_seconds() : kDefaultReservationSeconds;
  asked.expire_time_ns = now_ns + std::llround(seconds * 1e9);
  asked.name = FreshName("reservations/r-", asked.owner_uid, asked.create_time_ns, asked.cluster);
  RequestKey key;
  if (!request.request_id().empty()) {
    key = {request.request_id(), "ReserveAllocation", caller.uid, RequestContentHash(request)};
  }
  const auto may_promise = [&](const std::optional<StoredResource>& stored,
                               const std::vector<StoredReservation>& promised) -> absl::Status {
    if (!stored.has_value()) return CheckPromise(asked, nullptr, promised);
    RHUMB_ASSIGN_OR_RETURN(const v1::NodeInventory inventory, ReadInventory(*stored, promised));
    return CheckPromise(asked, &inventory, promised);
  };
  RHUMB_ASSIGN_OR_RETURN(const StoredReservation stored,
                         store.reservations().Promise(asked, key, may_promise));
  return ToMessage(stored);
}

absl::Status Release(const std::string& name, const Caller& caller, int64_t now_ns, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredReservation> stored,
                         store.reservations().Find(name, now_ns));
  const auto missing = [&] {
    return ErrorWithReason(absl::StatusCode::kNotFound, "RESERVATION_NOT_FOUND",
                           absl::StrCat(name, " does not exist; it may have expired"));
  };
  if (!stored.has_value()) return missing();
  if (!caller.MayChange(stored->owner_uid)) {
    return ErrorWithReason(absl::StatusCode::kPermissionDenied, "NOT_OWNER",
                           absl::StrCat(name, " belongs to uid ", stored->owner_uid,
                                        "; only its owner and the daemon's user may release it"));
  }
  RHUMB_ASSIGN_OR_RETURN(const bool found, store.reservations().Delete(name));
  return found ? absl::OkStatus() : missing();
}

}  // namespace rhumb::daemon
