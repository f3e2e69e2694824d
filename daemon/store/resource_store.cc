// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/resource_store.h"

#include <cassert>

#include "absl/strings/str_cat.h"
#include "daemon/store/rows.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr char kColumns[] = "name, version, owner_uid, update_time_ns, content";

// The number of the next version of a name, which from now on is taken.
int64_t TakeNumber(soci::session& session, const std::string& numbers, const std::string& name) {
  Integer last = 0;
  session << absl::StrCat("SELECT last_version FROM ", numbers, " WHERE name = :name"),
      soci::use(name), soci::into(last);
  if (!session.got_data()) last = 0;
  ++last;
  session << absl::StrCat("INSERT INTO ", numbers,
                          " (name, last_version) VALUES (:name, :last) ON CONFLICT (name) "
                          "DO UPDATE SET last_version = excluded.last_version"),
      soci::use(name), soci::use(last);
  return last;
}

void InsertVersion(soci::session& session, const std::string& versions,
                   const StoredResource& resource) {
  const Integer version = resource.version, owner = resource.owner_uid,
                now = resource.update_time_ns;
  soci::blob content(session);
  WriteBlob(content, resource.content);
  session << absl::StrCat("INSERT INTO ", versions, " (", kColumns,
                          ") VALUES (:name, :version, :owner, :now, :content)"),
      soci::use(resource.name), soci::use(version), soci::use(owner), soci::use(now),
      soci::use(content);
}

}  // namespace

std::optional<StoredResource> SelectResource(soci::session& session, const std::string& table,
                                             const std::string& name,
                                             std::optional<int64_t> wanted) {
  StoredResource resource;
  resource.name = name;
  Integer version = wanted.value_or(0), owner = 0, updated = 0;
  soci::blob content(session);
  if (wanted.has_value()) {
    session << absl::StrCat("SELECT owner_uid, update_time_ns, content FROM ", table,
                            " WHERE name = :name AND version = :version"),
        soci::use(name), soci::use(version), soci::into(owner), soci::into(updated),
        soci::into(content);
  } else {
    session << absl::StrCat("SELECT version, owner_uid, update_time_ns, content FROM ", table,
                            " WHERE name = :name"),
        soci::use(name), soci::into(version), soci::into(owner), soci::into(updated),
        soci::into(content);
  }
  if (!session.got_data()) return std::nullopt;
  resource.version = version;
  resource.owner_uid = owner;
  resource.update_time_ns = updated;
  resource.content = BlobBytes(content);
  return resource;
}

void UpsertResource(soci::session& session, const std::string& table,
                    const StoredResource& resource) {
  const Integer version = resource.version, owner = resource.owner_uid,
                now = resource.update_time_ns;
  soci::blob content(session);
  WriteBlob(content, resource.content);
  session << absl::StrCat("INSERT INTO ", table, " (", kColumns,
                          ") VALUES (:name, :version, :owner, :now, :content) "
                          "ON CONFLICT (name) DO UPDATE SET version = excluded.version, "
                          "owner_uid = excluded.owner_uid, "
                          "update_time_ns = excluded.update_time_ns, content = excluded.content"),
      soci::use(resource.name), soci::use(version), soci::use(owner), soci::use(now),
      soci::use(content);
}

absl::StatusOr<std::optional<StoredResource>> ResourceStore::Find(absl::string_view name) {
  std::optional<StoredResource> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    found = SelectResource(session, table_, std::string(name));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::optional<StoredResource>> ResourceStore::FindVersion(absl::string_view name,
                                                                         int64_t version) {
  assert(versions_.has_value());
  std::optional<StoredResource> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    found = SelectResource(session, versions_->versions, std::string(name), version);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<StoredResource> ResourceStore::Put(const StoredResource& resource,
                                                  const RequestKey& key,
                                                  const MayReplace& may_replace) {
  StoredResource stored;
  const auto work = [&](soci::session& session) -> absl::Status {
    stored = resource;
    const std::optional<StoredResource> known = SelectResource(session, table_, resource.name);
    if (known.has_value() && may_replace) RHUMB_RETURN_IF_ERROR(may_replace(*known, stored));
    if (known.has_value() && known->content == resource.content) {
      stored = *known;
    } else if (versions_.has_value()) {
      stored.version = TakeNumber(session, versions_->numbers, stored.name);
      UpsertResource(session, table_, stored);
      InsertVersion(session, versions_->versions, stored);
    } else {
      stored.version = known.has_value() ? known->version + 1 : 1;
      UpsertResource(session, table_, stored);
    }
    const std::string made =
        versions_.has_value() ? absl::StrCat(stored.name, "@", stored.version) : stored.name;
    return InsertRequest(session, key, made, resource.update_time_ns);
  };
  RHUMB_RETURN_IF_ERROR(database_.Write(work));
  ++change_count_;
  return stored;
}

absl::StatusOr<std::vector<StoredResource>> ResourceStore::List(
    const std::optional<ListPosition>& after, int limit) {
  std::vector<StoredResource> resources;
  const ListPosition start = StartOf(after);
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    const Integer time = start.time_ns;
    StoredResource row;
    Integer version = 0, owner = 0, updated = 0;
    soci::blob content(session);
    soci::statement select =
        (session.prepare << absl::StrCat("SELECT ", kColumns, " FROM ", table_,
                                         " WHERE (update_time_ns, name) < (:time, :name) "
                                         "ORDER BY update_time_ns DESC, name DESC LIMIT :count"),
         soci::use(time), soci::use(start.name), soci::use(limit), soci::into(row.name),
         soci::into(version), soci::into(owner), soci::into(updated), soci::into(content));
    select.execute();
    while (select.fetch()) {
      row.version = version;
      row.owner_uid = owner;
      row.update_time_ns = updated;
      row.content = BlobBytes(content);
      resources.push_back(row);
    }
    return absl::OkStatus();
  }));
  return resources;
}

absl::StatusOr<std::vector<std::string>> ResourceStore::Names() {
  std::vector<std::string> names;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    std::string name;
    soci::statement select =
        (session.prepare << absl::StrCat("SELECT name FROM ", table_, " ORDER BY name"),
         soci::into(name));
    select.execute();
    while (select.fetch()) names.push_back(name);
    return absl::OkStatus();
  }));
  return names;
}

absl::StatusOr<std::string> ResourceStore::Revision() {
  std::string revision;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    Integer count = 0, versions = 0, newest = 0;
    session << absl::StrCat(
        "SELECT count(*), coalesce(sum(version), 0), coalesce(max(update_time_ns), 0) FROM ",
        table_),
        soci::into(count), soci::into(versions), soci::into(newest);
    revision = absl::StrCat(count, " ", versions, " ", newest);
    return absl::OkStatus();
  }));
  return revision;
}

absl::StatusOr<bool> ResourceStore::Delete(absl::string_view name) {
  // Versions go with the row that they refer to.
  absl::StatusOr<bool> found =
      DeleteByName(database_, table_, std::string(name), versions_.has_value());
  ++change_count_;  // also if nobody knows whether it happened
  return found;
}

}  // namespace rhumb::daemon
