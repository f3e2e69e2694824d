// SPDX-License-Identifier: Apache-2.0
// Published laws with full digits, conventions, provenance and data boxes. Not laws fitted by
// users.
#ifndef RHUMB_PLANNER_LAWS_CATALOG_H_
#define RHUMB_PLANNER_LAWS_CATALOG_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "planner/laws/law.h"

namespace rhumb {

inline constexpr absl::string_view kDefaultLawName = "besiroglu2024";

// Every law of the catalogue, the default first; the same object on every call.
const std::vector<Law>& LawCatalog();

// nullptr if there is no such name. Names are exact, in lower case.
const Law* FindLaw(absl::string_view name);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_CATALOG_H_
