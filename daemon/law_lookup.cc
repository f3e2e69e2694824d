// SPDX-License-Identifier: Apache-2.0
#include "daemon/law_lookup.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/convert_law.h"
#include "daemon/resolve.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/laws/catalog.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Published laws have one version.
bool IsPublishedVersion(const LawName& name) { return name.version.value_or(1) == 1; }

absl::StatusOr<std::string> UnknownLaw(const LawName& name, Store& store) {
  if (name.version.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const FoundLaw newest, LookUpLaw({name.resource, std::nullopt}, store));
    if (newest.published != nullptr) return absl::StrCat(name.id(), " has version 1 only");
    if (newest.stored.has_value()) {
      return absl::StrCat(name.id(), " has no version ", *name.version, "; the newest is ",
                          newest.stored->version);
    }
  }
  RHUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, AllLawNames(store));
  return UnknownName("law", name.id(), names);
}

}  // namespace

absl::StatusOr<LawName> ParseLawName(absl::string_view name, absl::string_view field) {
  return ParseVersionedName("laws", name, field);
}

absl::StatusOr<std::string> NameForStoredLaw(absl::string_view name, absl::string_view field) {
  RHUMB_ASSIGN_OR_RETURN(std::string resource, ResourceName("laws", name, field));
  if (FindPublishedLaw(absl::StripPrefix(resource, "laws/")) != nullptr) {
    return FieldError(field, absl::StrCat(resource, " is a published law; choose another name"));
  }
  return resource;
}

absl::StatusOr<FoundLaw> LookUpLaw(const LawName& name, Store& store) {
  FoundLaw found;
  if (const PublishedLaw* law = FindPublishedLaw(name.id()); law != nullptr) {
    if (IsPublishedVersion(name)) found.published = law;
    return found;
  }
  RHUMB_ASSIGN_OR_RETURN(found.stored, store.laws().FindLaw(name.resource, name.version));
  return found;
}

absl::StatusOr<v1::Law> ToMessage(const StoredLaw& row) {
  v1::Law law;
  if (!law.ParseFromString(row.law)) {
    return absl::DataLossError(row.name + " is damaged in the store");
  }
  law.set_name(row.name);
  law.set_version(row.version);
  law.set_owner_uid(row.owner_uid);
  *law.mutable_create_time() = ToTimestamp(row.create_time_ns);
  law.set_observations(row.observations);
  return law;
}

absl::StatusOr<v1::Law> GetLawMessage(const LawName& name, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const FoundLaw found, LookUpLaw(name, store));
  if (found.published != nullptr) return ToProto(*found.published, /*with_covariance=*/true);
  if (found.stored.has_value()) return ToMessage(*found.stored);
  RHUMB_ASSIGN_OR_RETURN(const std::string text, UnknownLaw(name, store));
  return ErrorWithReason(absl::StatusCode::kNotFound, "LAW_NOT_FOUND", text);
}

absl::StatusOr<Law> ResolveLaw(absl::string_view name, absl::string_view field, Store& store,
                               FieldViolations& violations) {
  const Law& fallback = *FindLaw(kDefaultLawName);
  if (name.empty()) return fallback;
  // The catalogue needs neither parsing nor a look into the store.
  if (const Law* law = FindLaw(absl::StripPrefix(name, "laws/")); law != nullptr) return *law;
  const absl::StatusOr<LawName> parsed = ParseLawName(name, field);
  if (!parsed.ok()) {
    // An id that no law can have is an unknown one, with the names there are.
    RHUMB_ASSIGN_OR_RETURN(const std::vector<std::string> names, AllLawNames(store));
    violations.Add(field, UnknownName("law", absl::StripPrefix(name, "laws/"), names));
    return fallback;
  }
  RHUMB_ASSIGN_OR_RETURN(const FoundLaw found, LookUpLaw(*parsed, store));
  if (found.published != nullptr && found.published->planner_law != nullptr) {
    return *found.published->planner_law;
  }
  if (found.published != nullptr) {
    violations.Add(field, absl::StrCat(parsed->id(), " predicts ", found.published->quantity,
                                       " from ", VariableNames(*found.published),
                                       "; a law of param_count and token_count for the loss is "
                                       "needed here"));
    return fallback;
  }
  if (found.stored.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const v1::Law message, ToMessage(*found.stored));
    return FromProto(message);
  }
  RHUMB_ASSIGN_OR_RETURN(const std::string text, UnknownLaw(*parsed, store));
  violations.Add(field, text);
  return fallback;
}

absl::StatusOr<std::vector<std::string>> AllLawNames(Store& store) {
  RHUMB_ASSIGN_OR_RETURN(std::vector<std::string> names, store.laws().LawNames());
  for (std::string& name : names) name = std::string(absl::StripPrefix(name, "laws/"));
  for (const PublishedLaw& law : PublishedLaws()) names.push_back(law.name);
  return names;
}

std::string VariableNames(const PublishedLaw& law) {
  std::string text;
  for (const LawVariable& variable : law.variables) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", variable.name);
  }
  return text;
}

}  // namespace rhumb::daemon
