// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/observation_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/store/rows.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Laws named in an error.
constexpr size_t kMaxNamed = 5;

std::optional<StoredObservationSet> SelectSet(soci::session& session, const std::string& name) {
  StoredObservationSet set;
  set.name = name;
  Integer owner = 0, created = 0, rows = 0, expires = 0;
  soci::blob header(session);
  session << "SELECT owner_uid, create_time_ns, content_hash, row_count, header, expire_time_ns "
             "FROM observation_sets WHERE name = :name",
      soci::use(name), soci::into(owner), soci::into(created), soci::into(set.content_hash),
      soci::into(rows), soci::into(header), soci::into(expires);
  if (!session.got_data()) return std::nullopt;
  set.owner_uid = owner;
  set.create_time_ns = created;
  set.row_count = rows;
  set.header = BlobBytes(header);
  set.expire_time_ns = expires;
  return set;
}

void InsertChunk(soci::session& session, const std::string& name, const StoredObservations& chunk) {
  const Integer first = chunk.first_row, count = chunk.row_count;
  soci::blob rows(session);
  WriteBlob(rows, chunk.rows);
  session << "INSERT INTO observation_chunks (set_name, first_row, row_count, rows) "
             "VALUES (:name, :first, :count, :rows)",
      soci::use(name), soci::use(first), soci::use(count), soci::use(rows);
}

void InsertRow(soci::session& session, const StoredObservationSet& set) {
  const Integer owner = set.owner_uid, created = set.create_time_ns, rows = set.row_count;
  const Integer expires = set.expire_time_ns, holders = expires > 0 ? 1 : 0;
  soci::blob header(session);
  WriteBlob(header, set.header);
  session << "INSERT INTO observation_sets (name, owner_uid, create_time_ns, content_hash, "
             "row_count, header, expire_time_ns, holder_count) "
             "VALUES (:name, :owner, :created, :hash, :rows, :header, :expires, :holders)",
      soci::use(set.name), soci::use(owner), soci::use(created), soci::use(set.content_hash),
      soci::use(rows), soci::use(header), soci::use(expires), soci::use(holders);
}

// `known` is imported again, to expire at `expire_time_ns`; answers when it expires now.
int64_t Prolong(soci::session& session, const StoredObservationSet& known, int64_t expire_time_ns) {
  if (known.expire_time_ns == 0) return 0;
  const Integer expires = expire_time_ns == 0 ? 0 : std::max(known.expire_time_ns, expire_time_ns);
  session << "UPDATE observation_sets SET expire_time_ns = :expires, "
             "holder_count = holder_count + 1 WHERE name = :name",
      soci::use(expires), soci::use(known.name);
  return expires;
}

void DeleteRow(soci::session& session, const std::string& set) {
  session << "DELETE FROM observation_sets WHERE name = :name", soci::use(set);
  session << "DELETE FROM request_ids WHERE resource_name = :name", soci::use(set);
}

// Sets whose time is up at `now_ns`, without those that laws rest on.
std::vector<std::string> ExpiredSets(soci::session& session, int64_t now_ns) {
  std::vector<std::string> names;
  std::string name;
  const Integer now = now_ns;
  soci::statement select =
      (session.prepare << "SELECT name FROM observation_sets "
                          "WHERE expire_time_ns > 0 AND expire_time_ns <= :now AND NOT EXISTS "
                          "(SELECT 1 FROM laws WHERE laws.observations = observation_sets.name)",
       soci::use(now), soci::into(name));
  select.execute();
  while (select.fetch()) names.push_back(name);
  return names;
}

std::vector<std::string> LawsFittedOn(soci::session& session, const std::string& set) {
  std::vector<std::string> names;
  std::string name;
  soci::statement select =
      (session.prepare << "SELECT DISTINCT name FROM laws WHERE observations = :name ORDER BY name",
       soci::use(set), soci::into(name));
  select.execute();
  while (select.fetch()) names.push_back(name);
  return names;
}

}  // namespace

absl::StatusOr<std::optional<StoredObservationSet>> ObservationStore::FindSet(
    absl::string_view name) {
  std::optional<StoredObservationSet> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    found = SelectSet(session, std::string(name));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<StoredObservationSet> ObservationStore::InsertSet(
    const StoredObservationSet& set, const std::vector<StoredObservations>& chunks,
    const RequestKey& key, int64_t now_ns) {
  StoredObservationSet stored = set;
  RHUMB_RETURN_IF_ERROR(database_.Write([&](soci::session& session) -> absl::Status {
    for (const std::string& expired : ExpiredSets(session, now_ns)) DeleteRow(session, expired);
    const std::optional<StoredObservationSet> known = SelectSet(session, set.name);
    if (known.has_value()) {
      if (known->content_hash != set.content_hash) {
        return absl::AlreadyExistsError(
            absl::StrCat(set.name, " exists with other content; delete it or choose another name"));
      }
      stored = *known;
      stored.expire_time_ns = Prolong(session, *known, set.expire_time_ns);
    } else {
      InsertRow(session, set);
      for (const StoredObservations& chunk : chunks) InsertChunk(session, set.name, chunk);
    }
    return InsertRequest(session, key, set.name, now_ns);
  }));
  return stored;
}

absl::StatusOr<std::vector<StoredObservations>> ObservationStore::ReadRows(absl::string_view name,
                                                                           int64_t first_row,
                                                                           int64_t row_count) {
  std::vector<StoredObservations> chunks;
  const std::string set(name);
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    const Integer begin = first_row, end = first_row + row_count;
    Integer first = 0, count = 0;
    soci::blob rows(session);
    soci::statement select =
        (session.prepare << "SELECT first_row, row_count, rows FROM observation_chunks "
                            "WHERE set_name = :name AND first_row < :end "
                            "AND first_row + row_count > :begin ORDER BY first_row",
         soci::use(set), soci::use(end), soci::use(begin), soci::into(first), soci::into(count),
         soci::into(rows));
    select.execute();
    while (select.fetch()) chunks.push_back({first, count, BlobBytes(rows)});
    return absl::OkStatus();
  }));
  return chunks;
}

absl::StatusOr<std::vector<StoredObservationSet>> ObservationStore::ListSets(
    const std::optional<ListPosition>& after, int limit) {
  std::vector<StoredObservationSet> sets;
  const ListPosition start = StartOf(after);
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    const Integer time = start.time_ns;
    StoredObservationSet row;
    Integer owner = 0, created = 0, rows = 0, expires = 0;
    soci::blob header(session);
    soci::statement select =
        (session.prepare
             << "SELECT name, owner_uid, create_time_ns, content_hash, row_count, header, "
                "expire_time_ns "
                "FROM observation_sets WHERE (create_time_ns, name) < (:time, :name) "
                "ORDER BY create_time_ns DESC, name DESC LIMIT :count",
         soci::use(time), soci::use(start.name), soci::use(limit), soci::into(row.name),
         soci::into(owner), soci::into(created), soci::into(row.content_hash), soci::into(rows),
         soci::into(header), soci::into(expires));
    select.execute();
    while (select.fetch()) {
      row.owner_uid = owner;
      row.create_time_ns = created;
      row.row_count = rows;
      row.header = BlobBytes(header);
      row.expire_time_ns = expires;
      sets.push_back(row);
    }
    return absl::OkStatus();
  }));
  return sets;
}

absl::StatusOr<std::vector<std::string>> ObservationStore::SetNames() {
  std::vector<std::string> names;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    std::string name;
    soci::statement select =
        (session.prepare << "SELECT name FROM observation_sets ORDER BY name", soci::into(name));
    select.execute();
    while (select.fetch()) names.push_back(name);
    return absl::OkStatus();
  }));
  return names;
}

absl::StatusOr<bool> ObservationStore::DeleteSet(absl::string_view name, bool force,
                                                 bool check_only) {
  bool found = false;
  const std::string set(name);
  const auto work = [&](soci::session& session) -> absl::Status {
    found = SelectSet(session, set).has_value();
    if (!found) return absl::OkStatus();
    std::vector<std::string> laws = LawsFittedOn(session, set);
    if (!laws.empty() && !force) {
      const std::string more =
          laws.size() > kMaxNamed ? absl::StrCat(" and ", laws.size() - kMaxNamed, " more") : "";
      if (laws.size() > kMaxNamed) laws.resize(kMaxNamed);
      return absl::FailedPreconditionError(absl::StrCat(
          absl::StrJoin(laws, ", "), more, " rest on these observations; delete them first"));
    }
    if (check_only) return absl::OkStatus();
    DeleteRow(session, set);
    return absl::OkStatus();
  };
  RHUMB_RETURN_IF_ERROR(check_only ? database_.Read(work) : database_.Write(work));
  return found;
}

absl::StatusOr<bool> ObservationStore::ReleaseSet(absl::string_view name) {
  bool found = false;
  const std::string set(name);
  RHUMB_RETURN_IF_ERROR(database_.Write([&](soci::session& session) -> absl::Status {
    Integer expires = 0, holders = 0;
    session << "SELECT expire_time_ns, holder_count FROM observation_sets WHERE name = :name",
        soci::use(set), soci::into(expires), soci::into(holders);
    found = session.got_data();
    if (!found || expires == 0) return absl::OkStatus();
    holders = std::max<Integer>(holders - 1, 0);
    if (holders == 0 && LawsFittedOn(session, set).empty()) {
      DeleteRow(session, set);
      return absl::OkStatus();
    }
    session << "UPDATE observation_sets SET holder_count = :holders WHERE name = :name",
        soci::use(holders), soci::use(set);
    return absl::OkStatus();
  }));
  return found;
}

absl::Status ObservationStore::DropExpiredSets(int64_t now_ns) {
  bool any = false;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    any = !ExpiredSets(session, now_ns).empty();
    return absl::OkStatus();
  }));
  if (!any) return absl::OkStatus();
  return database_.Write([&](soci::session& session) {
    for (const std::string& set : ExpiredSets(session, now_ns)) DeleteRow(session, set);
    return absl::OkStatus();
  });
}

}  // namespace rhumb::daemon
