// SPDX-License-Identifier: Apache-2.0
// Names of resources that have versions: "laws/x@2".
#ifndef RHUMB_DAEMON_VERSIONED_NAME_H_
#define RHUMB_DAEMON_VERSIONED_NAME_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rhumb::daemon {

struct VersionedName {
  std::string resource;            // "laws/x"
  std::optional<int64_t> version;  // absent: the newest

  std::string id() const;  // "x"
};

// Of "laws/x@2", "x@2", "laws/x" or "x" for the collection "laws". InvalidArgument for `field` if
// the id or the version is none.
absl::StatusOr<VersionedName> ParseVersionedName(absl::string_view collection,
                                                 absl::string_view name, absl::string_view field);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_VERSIONED_NAME_H_
