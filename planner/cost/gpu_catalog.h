// SPDX-License-Identifier: Apache-2.0
// GPU types known by name: data-sheet figures with their sources. What a cluster pays or how its
// nodes are wired is not here: a pool states that.
#ifndef RHUMB_PLANNER_COST_GPU_CATALOG_H_
#define RHUMB_PLANNER_COST_GPU_CATALOG_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/cost/hardware.h"

namespace rhumb {

// All catalogued types in catalogue order. Built once, never changed.
const std::vector<Gpu>& GpuCatalog();

// The type whose id or alias is `id_or_alias`, letter case ignored. An id wins over an alias.
// INVALID_ARGUMENT if an alias fits several types (names all of them) or nothing fits (names the
// three nearest ids).
absl::StatusOr<Gpu> FindGpu(absl::string_view id_or_alias);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_GPU_CATALOG_H_
