// SPDX-License-Identifier: Apache-2.0
// Alarms and replans of runs.
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/store/rows.h"
#include "daemon/store/run_rows.h"
#include "daemon/store/sample_store.h"
#include "daemon/store/soci.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Those of the run, by number; of `number` alone unless it is 0.
std::vector<StoredReplan> SelectReplans(soci::session& session, const std::string& run,
                                        int64_t number) {
  const Integer only = number;
  StoredReplan replan;
  replan.run = run;
  Integer found = 0, time = 0, owner = 0;
  soci::blob content(session);
  soci::statement select =
      (session.prepare << "SELECT number, time_ns, from_plan, to_plan, owner_uid, content "
                          "FROM run_replans WHERE run = :run AND (:number = 0 OR number = :number) "
                          "ORDER BY number",
       soci::use(run, "run"), soci::use(only, "number"), soci::into(found), soci::into(time),
       soci::into(replan.from_plan), soci::into(replan.to_plan), soci::into(owner),
       soci::into(content));
  std::vector<StoredReplan> replans;
  select.execute();
  while (select.fetch()) {
    replan.number = found;
    replan.time_ns = time;
    replan.owner_uid = owner;
    replan.content = BlobBytes(content);
    replans.push_back(replan);
  }
  return replans;
}

// How the request that made a replan remembers it: RUN/replans/NUMBER.
std::string ResourceOf(const StoredReplan& replan) {
  return absl::StrCat(replan.run, "/replans/", replan.number);
}

absl::StatusOr<std::optional<StoredReplan>> SelectByRequest(soci::session& session,
                                                            const RequestKey& key) {
  if (key.id.empty()) return std::nullopt;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> made, SelectRequest(session, key));
  if (!made.has_value()) return std::nullopt;
  const std::pair<std::string, std::string> parts = absl::StrSplit(*made, "/replans/");
  int64_t number = 0;
  if (!absl::SimpleAtoi(parts.second, &number) || number < 1) return std::nullopt;
  const std::vector<StoredReplan> found = SelectReplans(session, parts.first, number);
  if (found.empty()) return std::nullopt;
  return found.front();
}

// Whether one of that kind and code lasts, or was raised at that time.
bool IsKnown(soci::session& session, const StoredAlarm& alarm) {
  const Integer raised = alarm.raise_time_ns;
  Integer count = 0;
  session << "SELECT COUNT(*) FROM run_alarms WHERE run = :run AND kind = :kind AND code = :code "
             "AND (clear_time_ns = 0 OR raise_time_ns = :raised)",
      soci::use(alarm.run), soci::use(alarm.kind), soci::use(alarm.code), soci::use(raised),
      soci::into(count);
  return count > 0;
}

// False without an alarm that lasts. With a `clear_time_ns` of 0 it goes on.
absl::StatusOr<bool> UpdateOpenAlarm(Database& database, absl::string_view run,
                                     absl::string_view kind, absl::string_view code,
                                     int64_t clear_time_ns, absl::string_view content) {
  const std::string of(run), its_kind(kind), its_code(code), bytes(content);
  const Integer cleared = clear_time_ns;
  bool found = false;
  RHUMB_RETURN_IF_ERROR(database.Write([&](soci::session& session) {
    soci::blob blob(session);
    WriteBlob(blob, bytes);
    soci::statement update =
        (session.prepare << "UPDATE run_alarms SET clear_time_ns = :cleared, content = :content "
                            "WHERE run = :run AND kind = :kind AND code = :code AND "
                            "clear_time_ns = 0",
         soci::use(cleared), soci::use(blob), soci::use(of), soci::use(its_kind),
         soci::use(its_code));
    update.execute(true);
    found = update.get_affected_rows() > 0;
    return absl::OkStatus();
  }));
  return found;
}

}  // namespace

absl::StatusOr<bool> SampleStore::InsertAlarm(const StoredAlarm& alarm) {
  bool inserted = false;
  RHUMB_RETURN_IF_ERROR(database_.Write([&](soci::session& session) -> absl::Status {
    RunRows runs(session);
    if (!runs.FindRun(alarm.run).has_value()) {
      return absl::NotFoundError(absl::StrCat(alarm.run, " does not exist"));
    }
    inserted = !IsKnown(session, alarm);
    if (!inserted) return absl::OkStatus();
    const Integer raised = alarm.raise_time_ns, cleared = alarm.clear_time_ns;
    soci::blob content(session);
    WriteBlob(content, alarm.content);
    session << "INSERT INTO run_alarms (run, kind, code, raise_time_ns, clear_time_ns, content) "
               "VALUES (:run, :kind, :code, :raised, :cleared, :content)",
        soci::use(alarm.run), soci::use(alarm.kind), soci::use(alarm.code), soci::use(raised),
        soci::use(cleared), soci::use(content);
    return absl::OkStatus();
  }));
  return inserted;
}

absl::StatusOr<bool> SampleStore::ClearAlarm(absl::string_view run, absl::string_view kind,
                                             absl::string_view code, int64_t clear_time_ns,
                                             absl::string_view content) {
  return UpdateOpenAlarm(database_, run, kind, code, clear_time_ns, content);
}

absl::StatusOr<bool> SampleStore::ReplaceAlarm(absl::string_view run, absl::string_view kind,
                                               absl::string_view code, absl::string_view content) {
  return UpdateOpenAlarm(database_, run, kind, code, 0, content);
}

absl::StatusOr<std::vector<StoredAlarm>> SampleStore::Alarms(absl::string_view run) {
  std::vector<StoredAlarm> alarms;
  StoredAlarm alarm;
  alarm.run = std::string(run);
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    Integer raised = 0, cleared = 0;
    soci::blob content(session);
    soci::statement select =
        (session.prepare << "SELECT kind, code, raise_time_ns, clear_time_ns, content "
                            "FROM run_alarms WHERE run = :run ORDER BY raise_time_ns, kind, code",
         soci::use(alarm.run), soci::into(alarm.kind), soci::into(alarm.code), soci::into(raised),
         soci::into(cleared), soci::into(content));
    select.execute();
    while (select.fetch()) {
      alarm.raise_time_ns = raised;
      alarm.clear_time_ns = cleared;
      alarm.content = BlobBytes(content);
      alarms.push_back(alarm);
    }
    return absl::OkStatus();
  }));
  return alarms;
}

absl::StatusOr<StoredReplan> SampleStore::InsertReplan(const StoredReplan& replan,
                                                       const RequestKey& key,
                                                       const MayChange& may_replan) {
  StoredReplan stored = replan;
  const absl::Status status = database_.Write([&](soci::session& session) -> absl::Status {
    RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredReplan> known, SelectByRequest(session, key));
    if (known.has_value()) {
      stored = *known;
      return absl::OkStatus();
    }
    RunRows runs(session);
    std::optional<StoredRun> run = runs.FindRun(replan.run);
    if (!run.has_value()) return absl::NotFoundError(absl::StrCat(replan.run, " does not exist"));
    RHUMB_RETURN_IF_ERROR(may_replan(*run));
    if (run->plan != replan.from_plan) {
      return absl::AbortedError(absl::StrCat("the plan of ", replan.run, " has become ", run->plan,
                                             " meanwhile; ask again"));
    }
    run->plan = run->given_plan = replan.to_plan;
    run->update_time_ns = replan.time_ns;
    runs.PutRun(*run);
    Integer number = 0;
    session << "SELECT COALESCE(MAX(number), 0) + 1 FROM run_replans WHERE run = :run",
        soci::use(replan.run), soci::into(number);
    stored.number = number;
    const Integer time = replan.time_ns, owner = replan.owner_uid;
    soci::blob content(session);
    WriteBlob(content, replan.content);
    session << "INSERT INTO run_replans (run, number, time_ns, from_plan, to_plan, owner_uid, "
               "content) VALUES (:run, :number, :time, :from, :to, :owner, :content)",
        soci::use(replan.run), soci::use(number), soci::use(time), soci::use(replan.from_plan),
        soci::use(replan.to_plan), soci::use(owner), soci::use(content);
    return InsertRequest(session, key, ResourceOf(stored), replan.time_ns);
  });
  RHUMB_RETURN_IF_ERROR(status);
  return stored;
}

absl::StatusOr<std::optional<StoredReplan>> SampleStore::FindReplanByRequest(
    const RequestKey& key) {
  std::optional<StoredReplan> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) -> absl::Status {
    RHUMB_ASSIGN_OR_RETURN(found, SelectByRequest(session, key));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<StoredReplan>> SampleStore::Replans(absl::string_view run) {
  std::vector<StoredReplan> replans;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    replans = SelectReplans(session, std::string(run), 0);
    return absl::OkStatus();
  }));
  return replans;
}

}  // namespace rhumb::daemon
