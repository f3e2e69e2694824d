// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/rows.h"

#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

absl::Status OtherContent(const RequestKey& key) {
  return absl::AlreadyExistsError(
      absl::StrCat("request_id ", key.id, " was used before for another request; use a new one"));
}

}  // namespace

void WriteBlob(soci::blob& blob, const std::string& bytes) {
  blob.write(0, bytes.data(), bytes.size());
}

std::string BlobBytes(soci::blob& blob) {
  std::string bytes(blob.get_len(), '\0');
  if (!bytes.empty()) blob.read(0, bytes.data(), bytes.size());
  return bytes;
}

absl::StatusOr<std::optional<std::string>> SelectRequest(soci::session& session,
                                                         const RequestKey& key) {
  std::string method, content_hash, resource;
  const Integer owner = key.owner_uid;
  session << "SELECT method, content_hash, resource_name FROM request_ids "
             "WHERE owner_uid = :owner AND id = :id",
      soci::use(owner), soci::use(key.id), soci::into(method), soci::into(content_hash),
      soci::into(resource);
  if (!session.got_data()) return std::nullopt;
  if (method != key.method || content_hash != key.content_hash) return OtherContent(key);
  return resource;
}

absl::Status InsertRequest(soci::session& session, const RequestKey& key,
                           const std::string& resource, int64_t now_ns) {
  if (key.id.empty()) return absl::OkStatus();
  const Integer expired = now_ns - kRequestIdLifetimeNs, owner = key.owner_uid, now = now_ns;
  session << "DELETE FROM request_ids WHERE create_time_ns < :expired", soci::use(expired);
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> known, SelectRequest(session, key));
  if (known.has_value()) {
    // The same content: what it made has been deleted since, or a racing call made the same.
    session
        << "UPDATE request_ids SET resource_name = :resource WHERE owner_uid = :owner AND id = :id",
        soci::use(resource), soci::use(owner), soci::use(key.id);
    return absl::OkStatus();
  }
  session << "INSERT INTO request_ids "
             "(owner_uid, id, method, content_hash, resource_name, create_time_ns) "
             "VALUES (:owner, :id, :method, :hash, :resource, :now)",
      soci::use(owner), soci::use(key.id), soci::use(key.method), soci::use(key.content_hash),
      soci::use(resource), soci::use(now);
  return absl::OkStatus();
}

absl::StatusOr<bool> DeleteByName(Database& database, const std::string& table,
                                  const std::string& name, bool versioned) {
  bool found = false;
  RHUMB_RETURN_IF_ERROR(database.Write([&](soci::session& session) {
    soci::statement remove =
        (session.prepare << absl::StrCat("DELETE FROM ", table, " WHERE name = :name"),
         soci::use(name));
    remove.execute(true);
    found = remove.get_affected_rows() > 0;
    session << "DELETE FROM request_ids WHERE resource_name = :name", soci::use(name);
    if (versioned) {
      // Every name that begins with "NAME@": 'A' is the character behind '@'.
      const std::string first = absl::StrCat(name, "@"), beyond = absl::StrCat(name, "A");
      session
          << "DELETE FROM request_ids WHERE resource_name >= :first AND resource_name < :beyond",
          soci::use(first), soci::use(beyond);
    }
    return absl::OkStatus();
  }));
  return found;
}

}  // namespace rhumb::daemon
