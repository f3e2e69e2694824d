// SPDX-License-Identifier: Apache-2.0
#include "daemon/versioned_name.h"

#include <cstddef>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/rpc_status.h"
#include "daemon/validate.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {

std::string VersionedName::id() const { return resource.substr(resource.find('/') + 1); }

absl::StatusOr<VersionedName> ParseVersionedName(absl::string_view collection,
                                                 absl::string_view name, absl::string_view field) {
  VersionedName parsed;
  const size_t at = name.rfind('@');
  if (at != absl::string_view::npos) {
    int64_t version = 0;
    // Digits alone: "+1" and " 1" are other spellings, and a name has one.
    const absl::string_view digits = name.substr(at + 1);
    if (!absl::SimpleAtoi(digits, &version) || version < 1 || absl::StrCat(version) != digits) {
      return FieldError(
          field,
          absl::StrCat("must end in @VERSION with a version of 1 or more, got \"", name, "\""));
    }
    parsed.version = version;
    name = name.substr(0, at);
  }
  RHUMB_ASSIGN_OR_RETURN(parsed.resource, ResourceName(collection, name, field));
  return parsed;
}

}  // namespace rhumb::daemon
