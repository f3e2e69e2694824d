// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/observation_store.h"

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
  Integer owner = 0, created = 0, rows = 0;
  soci::blob header(session);
  session << "SELECT owner_uid, create_time_ns, content_hash, row_count, header "
             "FROM observation_sets WHERE name = :name",
      soci::use(name), soci::into(owner), soci::into(created), soci::into(set.content_hash),
      soci::into(rows), soci::into(header);
  if (!session.got_data()) return std::nullopt;
  set.owner_uid = owner;
  set.create_time_ns = created;
  set.row_count = rows;
  set.header = BlobBytes(header);
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
    const std::optional<StoredObservationSet> known = SelectSet(session, set.name);
    if (known.has_value()) {
      if (known->content_hash != set.content_hash) {
        return absl::AlreadyExistsError(
            absl::StrCat(set.name, " exists with other content; delete it or choose another name"));
      }
      stored = *known;
    } else {
      const Integer owner = set.owner_uid, created = set.create_time_ns, rows = set.row_count;
      soci::blob header(session);
      WriteBlob(header, set.header);
      session << "INSERT INTO observation_sets (name, owner_uid, create_time_ns, content_hash, "
                 "row_count, header) VALUES (:name, :owner, :created, :hash, :rows, :header)",
          soci::use(set.name), soci::use(owner), soci::use(created), soci::use(set.content_hash),
          soci::use(rows), soci::use(header);
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
    Integer owner = 0, created = 0, rows = 0;
    soci::blob header(session);
    soci::statement select =
        (session.prepare
             << "SELECT name, owner_uid, create_time_ns, content_hash, row_count, header "
                "FROM observation_sets WHERE (create_time_ns, name) < (:time, :name) "
                "ORDER BY create_time_ns DESC, name DESC LIMIT :count",
         soci::use(time), soci::use(start.name), soci::use(limit), soci::into(row.name),
         soci::into(owner), soci::into(created), soci::into(row.content_hash), soci::into(rows),
         soci::into(header));
    select.execute();
    while (select.fetch()) {
      row.owner_uid = owner;
      row.create_time_ns = created;
      row.row_count = rows;
      row.header = BlobBytes(header);
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
    session << "DELETE FROM observation_sets WHERE name = :name", soci::use(set);
    session << "DELETE FROM request_ids WHERE resource_name = :name", soci::use(set);
    return absl::OkStatus();
  };
  RHUMB_RETURN_IF_ERROR(check_only ? database_.Read(work) : database_.Write(work));
  return found;
}

}  // namespace rhumb::daemon
