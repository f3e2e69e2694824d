// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/store.h"

#include <mutex>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/store/rows.h"
#include "daemon/store/soci.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

std::optional<StoredPlan> SelectPlan(soci::session& session, const std::string& name) {
  StoredPlan plan;
  plan.name = name;
  Integer owner = 0, created = 0;
  soci::blob basic(session), full(session), request(session), inputs(session);
  session << "SELECT owner_uid, create_time_ns, state, law, basic, plan, request, inputs "
             "FROM plans WHERE name = :name",
      soci::use(name), soci::into(owner), soci::into(created), soci::into(plan.state),
      soci::into(plan.law), soci::into(basic), soci::into(full), soci::into(request),
      soci::into(inputs);
  if (!session.got_data()) return std::nullopt;
  plan.owner_uid = owner;
  plan.create_time_ns = created;
  plan.basic = BlobBytes(basic);
  plan.plan = BlobBytes(full);
  plan.request = BlobBytes(request);
  plan.inputs = BlobBytes(inputs);
  return plan;
}

// SELECT plan FROM plans WHERE name = ?, with its variables. Belongs to one session, which one
// thread uses at a time.
struct PlanBytesStatement {
  explicit PlanBytesStatement(soci::session& session)
      : bytes(session),
        statement((session.prepare << "SELECT plan FROM plans WHERE name = :name", soci::use(name),
                   soci::into(bytes))) {}

  std::optional<std::string> Find(absl::string_view wanted) {
    name = std::string(wanted);
    statement.execute();
    std::optional<std::string> found;
    // To the end: a statement left on its row would keep a snapshot open, and the log from being
    // folded in.
    while (statement.fetch()) found = BlobBytes(bytes);
    return found;
  }

  std::string name;
  soci::blob bytes;
  soci::statement statement;
};

}  // namespace

class Store::PreparedReads {
 public:
  PlanBytesStatement& Of(soci::session& session) {
    const std::lock_guard<std::mutex> guard(mutex_);
    std::unique_ptr<PlanBytesStatement>& statement = by_session_[&session];
    if (statement == nullptr) statement = std::make_unique<PlanBytesStatement>(session);
    return *statement;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<const soci::session*, std::unique_ptr<PlanBytesStatement>> by_session_;
};

Store::Store(std::unique_ptr<Database> database)
    : database_(std::move(database)),
      prepared_(std::make_unique<PreparedReads>()),
      clusters_(*database_, "clusters"),
      gpu_types_(*database_, "gpu_types"),
      calibrations_(*database_, "calibrations",
                    VersionTables{"calibration_versions", "calibration_numbers"}),
      inventories_(*database_, "inventories"),
      reservations_(*database_),
      runs_(*database_),
      samples_(*database_),
      laws_(*database_),
      observations_(*database_) {}

Store::~Store() = default;

absl::StatusOr<std::optional<std::string>> Store::FindPlanBytes(absl::string_view name) {
  std::optional<std::string> found;
  RHUMB_RETURN_IF_ERROR(database_->Read([&](soci::session& session) {
    found = prepared_->Of(session).Find(name);
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::optional<StoredPlan>> Store::FindPlan(absl::string_view name) {
  std::optional<StoredPlan> found;
  RHUMB_RETURN_IF_ERROR(database_->Read([&](soci::session& session) {
    found = SelectPlan(session, std::string(name));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::optional<std::string>> Store::FindByRequestId(const RequestKey& key) {
  std::optional<std::string> found;
  if (key.id.empty()) return found;
  RHUMB_RETURN_IF_ERROR(database_->Read([&](soci::session& session) -> absl::Status {
    RHUMB_ASSIGN_OR_RETURN(found, SelectRequest(session, key));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<StoredPlan> Store::InsertPlan(const StoredPlan& plan, const RequestKey& key,
                                             int64_t now_ns) {
  StoredPlan stored = plan;
  RHUMB_RETURN_IF_ERROR(database_->Write([&](soci::session& session) -> absl::Status {
    const Integer owner = plan.owner_uid, created = plan.create_time_ns;
    soci::blob basic(session), full(session), request(session), inputs(session);
    WriteBlob(basic, plan.basic);
    WriteBlob(full, plan.plan);
    WriteBlob(request, plan.request);
    WriteBlob(inputs, plan.inputs);
    soci::statement insert =
        (session.prepare
             << "INSERT INTO plans (name, owner_uid, create_time_ns, state, law, basic, "
                "plan, request, inputs) VALUES (:name, :owner, :created, :state, :law, "
                ":basic, :plan, :request, :inputs) ON CONFLICT (name) DO NOTHING",
         soci::use(plan.name), soci::use(owner), soci::use(created), soci::use(plan.state),
         soci::use(plan.law), soci::use(basic), soci::use(full), soci::use(request),
         soci::use(inputs));
    insert.execute(true);
    if (insert.get_affected_rows() == 0) {
      std::optional<StoredPlan> winner = SelectPlan(session, plan.name);
      if (!winner.has_value()) return absl::InternalError("the plan could not be stored");
      stored = *std::move(winner);
    }
    return InsertRequest(session, key, plan.name, now_ns);
  }));
  return stored;
}

absl::StatusOr<std::vector<StoredPlan>> Store::ListPlans(const std::optional<ListPosition>& after,
                                                         int limit, bool full) {
  std::vector<StoredPlan> plans;
  const ListPosition start = StartOf(after);
  RHUMB_RETURN_IF_ERROR(database_->Read([&](soci::session& session) {
    const Integer time = start.time_ns;
    StoredPlan row;
    Integer owner = 0, created = 0;
    soci::blob bytes(session);
    soci::statement select =
        (session.prepare << absl::StrCat(
             "SELECT name, owner_uid, create_time_ns, ", full ? "plan" : "basic",
             " FROM plans WHERE (create_time_ns, name) < (:time, :name) "
             "ORDER BY create_time_ns DESC, name DESC LIMIT :count"),
         soci::use(time), soci::use(start.name), soci::use(limit), soci::into(row.name),
         soci::into(owner), soci::into(created), soci::into(bytes));
    select.execute();
    while (select.fetch()) {
      row.owner_uid = owner;
      row.create_time_ns = created;
      (full ? row.plan : row.basic) = BlobBytes(bytes);
      plans.push_back(row);
    }
    return absl::OkStatus();
  }));
  return plans;
}

absl::StatusOr<bool> Store::DeletePlan(absl::string_view name) {
  return DeleteByName(*database_, "plans", std::string(name));
}

}  // namespace rhumb::daemon
