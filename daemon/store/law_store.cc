// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/law_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/store/rows.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// The newest version where `version` is absent.
std::optional<StoredLaw> SelectLaw(soci::session& session, const std::string& name,
                                   std::optional<int64_t> version) {
  StoredLaw row;
  row.name = name;
  Integer found = 0, owner = 0, created = 0, wanted = version.value_or(0);
  soci::blob law(session), fit(session);
  constexpr char kColumns[] =
      "SELECT version, owner_uid, create_time_ns, origin_hash, observations, law, fit FROM laws "
      "WHERE name = :name ";
  if (version.has_value()) {
    session << kColumns << "AND version = :version", soci::use(name), soci::use(wanted),
        soci::into(found), soci::into(owner), soci::into(created), soci::into(row.origin_hash),
        soci::into(row.observations), soci::into(law), soci::into(fit);
  } else {
    session << kColumns << "ORDER BY version DESC LIMIT 1", soci::use(name), soci::into(found),
        soci::into(owner), soci::into(created), soci::into(row.origin_hash),
        soci::into(row.observations), soci::into(law), soci::into(fit);
  }
  if (!session.got_data()) return std::nullopt;
  row.version = found;
  row.owner_uid = owner;
  row.create_time_ns = created;
  row.law = BlobBytes(law);
  row.fit = BlobBytes(fit);
  return row;
}

struct NameRow {
  int64_t owner_uid = 0;
  int64_t last_version = 0;
};

std::optional<NameRow> SelectName(soci::session& session, const std::string& name) {
  Integer owner = 0, last = 0;
  session << "SELECT owner_uid, last_version FROM law_names WHERE name = :name", soci::use(name),
      soci::into(owner), soci::into(last);
  if (!session.got_data()) return std::nullopt;
  return NameRow{owner, last};
}

void UpsertName(soci::session& session, const std::string& name, const NameRow& row) {
  const Integer owner = row.owner_uid, last = row.last_version;
  session << "INSERT INTO law_names (name, owner_uid, last_version) VALUES (:name, :owner, :last) "
             "ON CONFLICT (name) DO UPDATE SET owner_uid = excluded.owner_uid, "
             "last_version = excluded.last_version",
      soci::use(name), soci::use(owner), soci::use(last);
}

void InsertVersion(soci::session& session, const StoredLaw& row) {
  const Integer version = row.version, owner = row.owner_uid, created = row.create_time_ns;
  soci::blob law(session), fit(session);
  WriteBlob(law, row.law);
  WriteBlob(fit, row.fit);
  session << "INSERT INTO laws (name, version, owner_uid, create_time_ns, origin_hash, "
             "observations, law, fit) VALUES (:name, :version, :owner, :created, :hash, "
             ":observations, :law, :fit)",
      soci::use(row.name), soci::use(version), soci::use(owner), soci::use(created),
      soci::use(row.origin_hash), soci::use(row.observations), soci::use(law), soci::use(fit);
}

absl::Status MayWrite(const NameRow& name, const LawWriter& writer) {
  if (writer.is_operator || writer.uid == name.owner_uid) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("the law belongs to uid ", name.owner_uid,
                   "; only its owner and the daemon's user may change or delete it"));
}

// Inside the transaction that needs it: a set deleted during the fit must not be named by its law.
absl::Status CheckObservations(soci::session& session, const std::string& name) {
  if (name.empty()) return absl::OkStatus();
  Integer count = 0;
  session << "SELECT count(*) FROM observation_sets WHERE name = :name", soci::use(name),
      soci::into(count);
  if (count > 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(name, " was deleted meanwhile"));
}

std::string VersionedName(const StoredLaw& law) { return absl::StrCat(law.name, "@", law.version); }

}  // namespace

absl::StatusOr<std::optional<StoredLaw>> LawStore::FindLaw(absl::string_view name,
                                                           std::optional<int64_t> version) {
  std::optional<StoredLaw> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    found = SelectLaw(session, std::string(name), version);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<StoredLaw> LawStore::InsertLaw(const StoredLaw& law, const LawWriter& writer,
                                              const RequestKey& key, int64_t now_ns) {
  StoredLaw stored;
  const auto work = [&](soci::session& session) -> absl::Status {
    const std::optional<NameRow> known = SelectName(session, law.name);
    const std::optional<StoredLaw> newest = SelectLaw(session, law.name, std::nullopt);
    // A name whose versions are all deleted is free for everybody.
    if (newest.has_value()) RHUMB_RETURN_IF_ERROR(MayWrite(*known, writer));
    if (newest.has_value() && newest->origin_hash == law.origin_hash) {
      stored = *newest;
    } else {
      RHUMB_RETURN_IF_ERROR(CheckObservations(session, law.observations));
      stored = law;
      stored.version = known.has_value() ? known->last_version + 1 : 1;
      stored.owner_uid = writer.uid;
      stored.create_time_ns = now_ns;
      UpsertName(session, law.name,
                 {newest.has_value() ? known->owner_uid : writer.uid, stored.version});
      InsertVersion(session, stored);
    }
    return InsertRequest(session, key, VersionedName(stored), now_ns);
  };
  RHUMB_RETURN_IF_ERROR(database_.Write(work));
  return stored;
}

absl::Status LawStore::CheckWriter(absl::string_view name, const LawWriter& writer) {
  const std::string law(name);
  return database_.Read([&](soci::session& session) -> absl::Status {
    if (!SelectLaw(session, law, std::nullopt).has_value()) return absl::OkStatus();
    const std::optional<NameRow> known = SelectName(session, law);
    if (!known.has_value()) return absl::InternalError("a stored law has no name");
    return MayWrite(*known, writer);
  });
}

absl::StatusOr<std::vector<StoredLaw>> LawStore::ListLaws(absl::string_view after, int limit) {
  std::vector<StoredLaw> laws;
  const std::string start(after);
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    StoredLaw row;
    Integer version = 0, owner = 0, created = 0;
    soci::blob law(session);
    soci::statement select =
        (session.prepare
             << "SELECT name, version, owner_uid, create_time_ns, origin_hash, observations, law "
                "FROM laws WHERE name > :after AND version = "
                "(SELECT max(newer.version) FROM laws newer WHERE newer.name = laws.name) "
                "ORDER BY name LIMIT :count",
         soci::use(start), soci::use(limit), soci::into(row.name), soci::into(version),
         soci::into(owner), soci::into(created), soci::into(row.origin_hash),
         soci::into(row.observations), soci::into(law));
    select.execute();
    while (select.fetch()) {
      row.version = version;
      row.owner_uid = owner;
      row.create_time_ns = created;
      row.law = BlobBytes(law);
      laws.push_back(row);
    }
    return absl::OkStatus();
  }));
  return laws;
}

absl::StatusOr<std::vector<std::string>> LawStore::LawNames() {
  std::vector<std::string> names;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    std::string name;
    soci::statement select =
        (session.prepare << "SELECT DISTINCT name FROM laws ORDER BY name", soci::into(name));
    select.execute();
    while (select.fetch()) names.push_back(name);
    return absl::OkStatus();
  }));
  return names;
}

absl::StatusOr<bool> LawStore::DeleteLaw(absl::string_view name, std::optional<int64_t> version,
                                         const LawWriter& writer, bool check_only) {
  bool found = false;
  const std::string law(name);
  const auto work = [&](soci::session& session) -> absl::Status {
    found = SelectLaw(session, law, version).has_value();
    if (!found) return absl::OkStatus();
    const std::optional<NameRow> known = SelectName(session, law);
    if (!known.has_value()) return absl::InternalError("a stored law has no name");
    RHUMB_RETURN_IF_ERROR(MayWrite(*known, writer));
    if (check_only) return absl::OkStatus();
    if (version.has_value()) {
      const Integer one = *version;
      const std::string resource = absl::StrCat(law, "@", *version);
      session << "DELETE FROM laws WHERE name = :name AND version = :version", soci::use(law),
          soci::use(one);
      session << "DELETE FROM request_ids WHERE resource_name = :name", soci::use(resource);
    } else {
      // Ids hold no character that LIKE takes for a pattern.
      const std::string resources = absl::StrCat(law, "@%");
      session << "DELETE FROM laws WHERE name = :name", soci::use(law);
      session << "DELETE FROM request_ids WHERE resource_name LIKE :names", soci::use(resources);
    }
    return absl::OkStatus();
  };
  RHUMB_RETURN_IF_ERROR(check_only ? database_.Read(work) : database_.Write(work));
  return found;
}

}  // namespace rhumb::daemon
