// SPDX-License-Identifier: Apache-2.0
// The GPU types that questions and clusters name: those of the catalogue, and those that an
// administrator applied beside them or in their place.
#ifndef RHUMB_DAEMON_GPU_TYPES_H_
#define RHUMB_DAEMON_GPU_TYPES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/rpc_status.h"
#include "daemon/store/store.h"
#include "planner/cost/hardware.h"
#include "rhumb/v1/cluster.pb.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::daemon {

// The catalogue in its order, an applied type in the place of the one of its id; then the other
// applied ones by name.
absl::StatusOr<std::vector<Gpu>> AllGpus(Store& store);

// The same as messages: applied ones have a version.
absl::StatusOr<std::vector<v1::GpuType>> AllGpuTypes(Store& store);

// What is stored of a request: the type under the spelling that its id has already in `known`, a
// missing source said to be missing, without what only the store says. Adds all violations.
v1::GpuType GpuTypeToStore(const v1::ApplyGpuTypeRequest& request, const std::vector<Gpu>& known,
                           FieldViolations& violations);

// FAILED_PRECONDITION, GPU_TYPE_IN_USE, naming the clusters that would lose a type they name, were
// the applied type of `id` deleted.
absl::Status CheckGpuTypeUnused(const std::string& id, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_GPU_TYPES_H_
