// SPDX-License-Identifier: Apache-2.0
// GPU types known by name: data-sheet figures with their sources, and how names are looked up. What
// a cluster pays or how its nodes are wired is not here: a pool states that.
#ifndef RHUMB_PLANNER_COST_GPU_CATALOG_H_
#define RHUMB_PLANNER_COST_GPU_CATALOG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "planner/cost/hardware.h"

namespace rhumb {

// All catalogued types in catalogue order. Built once, never changed.
const std::vector<Gpu>& GpuCatalog();

// The one of `types` whose id or alias is `id_or_alias`, letter case ignored and _ read as -. An id
// wins over an alias. INVALID_ARGUMENT if an alias fits several types (names all of them) or
// nothing fits (names the three nearest ids).
absl::StatusOr<Gpu> FindGpu(absl::string_view id_or_alias, const std::vector<Gpu>& types);

// As above, of the catalogue.
absl::StatusOr<Gpu> FindGpu(absl::string_view id_or_alias);

// Whether FindGpu takes both for one name.
bool SameGpuName(absl::string_view a, absl::string_view b);

// Families that a type may belong to: those of the catalogue and those with time constants, sorted.
std::vector<std::string> GpuFamilies();

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_GPU_CATALOG_H_
