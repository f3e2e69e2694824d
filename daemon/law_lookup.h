// SPDX-License-Identifier: Apache-2.0
// The law that a name means: the published ones first, whose names are reserved, then the stored
// ones, the newest version unless the name says which.
#ifndef RHUMB_DAEMON_LAW_LOOKUP_H_
#define RHUMB_DAEMON_LAW_LOOKUP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/rpc_status.h"
#include "daemon/store/store.h"
#include "daemon/versioned_name.h"
#include "planner/laws/law.h"
#include "planner/laws/published_law.h"
#include "rhumb/v1/law.pb.h"

namespace rhumb::daemon {

using LawName = VersionedName;

// InvalidArgument for `field` if the id or the version is none.
absl::StatusOr<LawName> ParseLawName(absl::string_view name, absl::string_view field);

// A name to store a law under. InvalidArgument for `field` if it is none, has a version or is that
// of a published law.
absl::StatusOr<std::string> NameForStoredLaw(absl::string_view name, absl::string_view field);

// What a name means. At most one is set.
struct FoundLaw {
  const PublishedLaw* published = nullptr;
  std::optional<StoredLaw> stored;
};
absl::StatusOr<FoundLaw> LookUpLaw(const LawName& name, Store& store);

// A stored law as a message, with what its row says.
absl::StatusOr<v1::Law> ToMessage(const StoredLaw& row);

// The law for GetLaw: NotFound, with the nearest names, if there is none.
absl::StatusOr<v1::Law> GetLawMessage(const LawName& name, Store& store);

// The law a planner is to use, "" being the default; or the default law and a violation of `field`.
// Errors: those of the store.
absl::StatusOr<Law> ResolveLaw(absl::string_view name, absl::string_view field, Store& store,
                               FieldViolations& violations);

// Ids of all laws, published and stored.
absl::StatusOr<std::vector<std::string>> AllLawNames(Store& store);

// Variables of a law for a sentence: "param_count, token_count".
std::string VariableNames(const PublishedLaw& law);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_LAW_LOOKUP_H_
