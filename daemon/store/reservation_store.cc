// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/reservation_store.h"

#include "absl/strings/str_cat.h"
#include "daemon/store/rows.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr char kInventories[] = "inventories";

// Those with `value` in `column` (empty: all) that have not expired, newest first.
std::vector<StoredReservation> Select(soci::session& session, const std::string& column,
                                      const std::string& value, int64_t now_ns) {
  std::vector<StoredReservation> found;
  StoredReservation row;
  Integer owner = 0, count = 0, created = 0, expires = 0;
  const Integer now = now_ns;
  soci::statement select =
      (session.prepare << absl::StrCat(
           "SELECT name, owner_uid, cluster, partition_name, gpu_type, gpu_count, plan, "
           "create_time_ns, expire_time_ns FROM reservations WHERE expire_time_ns > :now AND "
           "(:value = '' OR ",
           column, " = :value) ORDER BY create_time_ns DESC, name DESC"),
       soci::use(now, "now"), soci::use(value, "value"), soci::into(row.name), soci::into(owner),
       soci::into(row.cluster), soci::into(row.partition), soci::into(row.gpu_type),
       soci::into(count), soci::into(row.plan), soci::into(created), soci::into(expires));
  select.execute();
  while (select.fetch()) {
    row.owner_uid = owner;
    row.gpu_count = count;
    row.create_time_ns = created;
    row.expire_time_ns = expires;
    found.push_back(row);
  }
  return found;
}

std::optional<StoredReservation> SelectByName(soci::session& session, const std::string& name,
                                              int64_t now_ns) {
  std::vector<StoredReservation> found = Select(session, "name", name, now_ns);
  if (found.empty()) return std::nullopt;
  return found.front();
}

void Insert(soci::session& session, const StoredReservation& row) {
  const Integer owner = row.owner_uid, count = row.gpu_count, created = row.create_time_ns,
                expires = row.expire_time_ns;
  session << "INSERT INTO reservations (name, owner_uid, cluster, partition_name, gpu_type, "
             "gpu_count, plan, create_time_ns, expire_time_ns) VALUES (:name, :owner, :cluster, "
             ":partition, :type, :count, :plan, :created, :expires)",
      soci::use(row.name), soci::use(owner), soci::use(row.cluster), soci::use(row.partition),
      soci::use(row.gpu_type), soci::use(count), soci::use(row.plan), soci::use(created),
      soci::use(expires);
}

void DropExpired(soci::session& session, int64_t now_ns) {
  const Integer now = now_ns;
  session << "DELETE FROM reservations WHERE expire_time_ns <= :now", soci::use(now);
}

}  // namespace

absl::StatusOr<StoredReservation> ReservationStore::Promise(const StoredReservation& asked,
                                                            const RequestKey& key,
                                                            const MayPromise& may_promise) {
  StoredReservation stored = asked;
  const absl::Status written = database_.Write([&](soci::session& session) -> absl::Status {
    const int64_t now_ns = asked.create_time_ns;
    if (!key.id.empty()) {
      RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> made, SelectRequest(session, key));
      const std::optional<StoredReservation> repeated =
          made.has_value() ? SelectByName(session, *made, now_ns) : std::nullopt;
      if (repeated.has_value()) {
        stored = *repeated;
        return absl::OkStatus();
      }
    }
    RHUMB_RETURN_IF_ERROR(may_promise(SelectResource(session, kInventories, asked.cluster),
                                      Select(session, "cluster", asked.cluster, now_ns)));
    DropExpired(session, now_ns);
    Insert(session, asked);
    return InsertRequest(session, key, asked.name, now_ns);
  });
  RHUMB_RETURN_IF_ERROR(written);
  return stored;
}

absl::StatusOr<std::optional<StoredReservation>> ReservationStore::Find(absl::string_view name,
                                                                        int64_t now_ns) {
  std::optional<StoredReservation> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    found = SelectByName(session, std::string(name), now_ns);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<StoredReservation>> ReservationStore::List(absl::string_view cluster,
                                                                      int64_t now_ns) {
  std::vector<StoredReservation> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    found = Select(session, "cluster", std::string(cluster), now_ns);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<bool> ReservationStore::Delete(absl::string_view name) {
  return DeleteByName(database_, "reservations", std::string(name));
}

absl::StatusOr<StoredResource> ReservationStore::Sync(const StoredResource& inventory,
                                                      const StartedJobs& started) {
  StoredResource stored = inventory;
  RHUMB_RETURN_IF_ERROR(database_.Write([&](soci::session& session) -> absl::Status {
    const std::optional<StoredResource> known =
        SelectResource(session, kInventories, inventory.name);
    stored.version = known.has_value() ? known->version + 1 : 1;
    UpsertResource(session, kInventories, stored);
    DropExpired(session, inventory.update_time_ns);
    for (const StartedJob& job : started(known)) {
      const Integer owner = job.owner_uid, count = job.gpu_count;
      session << "DELETE FROM reservations WHERE name = (SELECT name FROM reservations "
                 "WHERE cluster = :cluster AND plan = :plan AND owner_uid = :owner AND "
                 "gpu_count <= :count ORDER BY create_time_ns, name LIMIT 1)",
          soci::use(inventory.name), soci::use(job.plan), soci::use(owner), soci::use(count);
    }
    return absl::OkStatus();
  }));
  return stored;
}

}  // namespace rhumb::daemon
