// SPDX-License-Identifier: Apache-2.0
// The store on real SQLite files.
#include "daemon/store/store.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::rhumb::testing_support::TempDirectory;

constexpr int64_t kNow = 1'795'219'200'000'000'000;
const RequestKey kNoKey;

StoredPlan MakePlanRow(int number) {
  StoredPlan plan;
  plan.name = absl::StrCat("plans/p-", number);
  plan.owner_uid = 1000;
  plan.create_time_ns = kNow + number / 2;  // pairs share an instant
  plan.state = "FEASIBLE";
  plan.law = "besiroglu2024";
  plan.basic = std::string("basic\0bytes", 11);
  plan.plan = std::string("plan\0\xff", 6);
  plan.request = "request";
  plan.inputs = "inputs";
  return plan;
}

// The value of a one-value query, read with plain SQLite beside the store.
std::string QueryFile(const std::string& path, const char* sql) {
  sqlite3* db = nullptr;
  std::string value = "cannot open";
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK) {
    sqlite3_stmt* statement = nullptr;
    value = "no row";
    if (sqlite3_prepare_v2(db, sql, -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
      value = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
  }
  sqlite3_close(db);
  return value;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { Reopen({}); }

  void Reopen(DatabaseOptions options) {
    store_.reset();
    options.path = Path();
    auto database = Database::Open(options);
    ASSERT_THAT(database, IsOk());
    store_ = std::make_unique<Store>(*std::move(database));
  }
  std::string Path() const { return directory_.File("rhumb.db"); }

  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, PlanComesBackByteForByte) {
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), kNoKey, kNow), IsOk());
  Reopen({});
  const auto found = store_->FindPlan("plans/p-1");
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->plan, MakePlanRow(1).plan);
  EXPECT_EQ((*found)->basic, MakePlanRow(1).basic);
  EXPECT_EQ((*found)->inputs, "inputs");
  EXPECT_EQ((*found)->owner_uid, 1000);
  EXPECT_EQ((*found)->create_time_ns, kNow);
}

TEST_F(StoreTest, MissingPlanIsNothing) {
  const auto found = store_->FindPlan("plans/p-1");
  ASSERT_THAT(found, IsOk());
  EXPECT_FALSE(found->has_value());
}

TEST_F(StoreTest, PreparedReadSeesEveryLaterChange) {
  const auto bytes = [this](const char* name) { return *store_->FindPlanBytes(name); };
  EXPECT_EQ(bytes("plans/p-1"), std::nullopt);
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), kNoKey, kNow), IsOk());
  EXPECT_EQ(bytes("plans/p-1"), MakePlanRow(1).plan);
  EXPECT_EQ(bytes("plans/p-2"), std::nullopt);
  ASSERT_THAT(store_->DeletePlan("plans/p-1"), IsOk());
  EXPECT_EQ(bytes("plans/p-1"), std::nullopt);
}

TEST_F(StoreTest, PreparedReadLeavesNoSnapshotOpen) {
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), kNoKey, kNow), IsOk());
  ASSERT_TRUE(store_->FindPlanBytes("plans/p-1")->has_value());
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(2), kNoKey, kNow), IsOk());
  // A checkpoint that empties the log is busy as long as any reader holds a snapshot: column 0 is 1
  // then.
  sqlite3* db = nullptr;
  sqlite3_stmt* statement = nullptr;
  ASSERT_EQ(sqlite3_open(Path().c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_prepare_v2(db, "PRAGMA wal_checkpoint(TRUNCATE)", -1, &statement, nullptr),
            SQLITE_OK);
  ASSERT_EQ(sqlite3_step(statement), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(statement, 0), 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
}

TEST_F(StoreTest, TheFirstOfTwoInsertsWins) {
  StoredPlan second = MakePlanRow(1);
  second.plan = "other";
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), kNoKey, kNow), IsOk());
  const auto stored = store_->InsertPlan(second, kNoKey, kNow);
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->plan, MakePlanRow(1).plan);
}

TEST_F(StoreTest, FileIsMarkedOursAndPrivate) {
  EXPECT_EQ(QueryFile(Path(), "PRAGMA application_id"), absl::StrCat(kApplicationId));
  EXPECT_EQ(QueryFile(Path(), "PRAGMA user_version"), absl::StrCat(SchemaVersion()));
  EXPECT_EQ(QueryFile(Path(), "PRAGMA journal_mode"), "wal");
  struct stat info {};
  ASSERT_EQ(stat(Path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(StoreTest, EveryTableIsStrict) {
  EXPECT_EQ(
      QueryFile(Path(),
                "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
                "AND strict = 0 AND name NOT LIKE 'sqlite_%'"),
      "0");
}

TEST_F(StoreTest, RowsOfOneInstantPageWithoutGapOrRepetition) {
  for (int i = 0; i < 9; ++i) ASSERT_THAT(store_->InsertPlan(MakePlanRow(i), kNoKey, kNow), IsOk());
  std::set<std::string> seen;
  std::optional<ListPosition> after;
  while (true) {
    const auto page = store_->ListPlans(after, 2, false);
    ASSERT_THAT(page, IsOk());
    if (page->empty()) break;
    for (const StoredPlan& plan : *page) EXPECT_TRUE(seen.insert(plan.name).second);
    after = ListPosition{page->back().create_time_ns, page->back().name};
  }
  EXPECT_EQ(seen.size(), 9u);
}

TEST_F(StoreTest, RequestIdFindsWhatItMade) {
  const RequestKey key = {"id", "CreatePlan", 1000, "hash"};
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), key, kNow), IsOk());
  EXPECT_THAT(store_->FindByRequestId(key), IsOkAndHolds(std::optional<std::string>("plans/p-1")));
}

TEST_F(StoreTest, RequestIdOfAnotherOwnerIsAnother) {
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), {"id", "CreatePlan", 1000, "hash"}, kNow), IsOk());
  EXPECT_THAT(store_->FindByRequestId({"id", "CreatePlan", 1001, "other"}),
              IsOkAndHolds(std::optional<std::string>()));
}

TEST_F(StoreTest, RequestIdWithOtherContentUndoesItsInsert) {
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), {"id", "CreatePlan", 1000, "hash"}, kNow), IsOk());
  EXPECT_THAT(store_->InsertPlan(MakePlanRow(2), {"id", "CreatePlan", 1000, "other"}, kNow),
              StatusIs(absl::StatusCode::kAlreadyExists, "request_id id"));
  const auto second = store_->FindPlan("plans/p-2");
  ASSERT_THAT(second, IsOk());
  EXPECT_FALSE(second->has_value());
}

TEST_F(StoreTest, RequestIdsAreKeptForADayAndForgottenAfterTwo) {
  const int64_t day = int64_t{86400} * 1'000'000'000;
  const RequestKey first = {"first", "CreatePlan", 1000, "hash"};
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), first, kNow), IsOk());
  ASSERT_THAT(
      store_->InsertPlan(MakePlanRow(2), {"second", "CreatePlan", 1000, "hash"}, kNow + day),
      IsOk());
  EXPECT_THAT(store_->FindByRequestId(first),
              IsOkAndHolds(std::optional<std::string>("plans/p-1")));
  ASSERT_THAT(
      store_->InsertPlan(MakePlanRow(3), {"third", "CreatePlan", 1000, "hash"}, kNow + 2 * day + 1),
      IsOk());
  EXPECT_THAT(store_->FindByRequestId(first), IsOkAndHolds(std::optional<std::string>()));
}

TEST_F(StoreTest, DeletingAPlanForgetsItsRequest) {
  const RequestKey key = {"id", "CreatePlan", 1000, "hash"};
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), key, kNow), IsOk());
  EXPECT_THAT(store_->DeletePlan("plans/p-1"), IsOkAndHolds(true));
  EXPECT_THAT(store_->DeletePlan("plans/p-1"), IsOkAndHolds(false));
  EXPECT_THAT(store_->FindByRequestId(key), IsOkAndHolds(std::optional<std::string>()));
}

TEST_F(StoreTest, ClusterVersionGrowsWithItsContentOnly) {
  StoredResource cluster;
  cluster.name = "clusters/a";
  cluster.content = "one";
  EXPECT_EQ(store_->clusters().Put(cluster, kNoKey)->version, 1);
  EXPECT_EQ(store_->clusters().Put(cluster, kNoKey)->version, 1);
  cluster.content = "two";
  EXPECT_EQ(store_->clusters().Put(cluster, kNoKey)->version, 2);
  EXPECT_THAT(store_->clusters().Names(), IsOkAndHolds(std::vector<std::string>{"clusters/a"}));
}

StoredResource CalibrationRow(const std::string& content, int64_t owner_uid = 1000) {
  return {.name = "calibrations/mine",
          .version = 0,
          .owner_uid = owner_uid,
          .update_time_ns = kNow,
          .content = content};
}

TEST_F(StoreTest, EveryVersionOfACalibrationIsKept) {
  ResourceStore& calibrations = store_->calibrations();
  EXPECT_EQ(calibrations.Put(CalibrationRow("one"), kNoKey)->version, 1);
  EXPECT_EQ(calibrations.Put(CalibrationRow("one"), kNoKey)->version, 1);
  EXPECT_EQ(calibrations.Put(CalibrationRow("two"), kNoKey)->version, 2);
  EXPECT_EQ(calibrations.Put(CalibrationRow("one"), kNoKey)->version, 3);
  Reopen({});
  EXPECT_EQ((*store_->calibrations().Find("calibrations/mine"))->version, 3);
  EXPECT_EQ((*store_->calibrations().FindVersion("calibrations/mine", 2))->content, "two");
  EXPECT_FALSE(store_->calibrations().FindVersion("calibrations/mine", 4)->has_value());
}

TEST_F(StoreTest, NumbersOfDeletedVersionsAreNotGivenAgain) {
  ResourceStore& calibrations = store_->calibrations();
  ASSERT_THAT(calibrations.Put(CalibrationRow("one"), kNoKey), IsOk());
  ASSERT_THAT(calibrations.Put(CalibrationRow("two"), kNoKey), IsOk());
  EXPECT_THAT(calibrations.Delete("calibrations/mine"), IsOkAndHolds(true));
  EXPECT_FALSE(calibrations.FindVersion("calibrations/mine", 1)->has_value());
  EXPECT_EQ(calibrations.Put(CalibrationRow("one"), kNoKey)->version, 3);
}

TEST_F(StoreTest, DeletingACalibrationForgetsTheRequestsOfAllItsVersions) {
  const RequestKey first = {"a", "ApplyCalibration", 1000, "hash"};
  const RequestKey second = {"b", "ApplyCalibration", 1000, "hash"};
  ResourceStore& calibrations = store_->calibrations();
  ASSERT_THAT(calibrations.Put(CalibrationRow("one"), first), IsOk());
  ASSERT_THAT(calibrations.Put(CalibrationRow("two"), second), IsOk());
  StoredResource other = CalibrationRow("one");
  other.name = "calibrations/mine-too";
  const RequestKey kept = {"c", "ApplyCalibration", 1000, "hash"};
  ASSERT_THAT(calibrations.Put(other, kept), IsOk());
  EXPECT_EQ(**store_->FindByRequestId(first), "calibrations/mine@1");
  ASSERT_THAT(calibrations.Delete("calibrations/mine"), IsOkAndHolds(true));
  EXPECT_THAT(store_->FindByRequestId(first), IsOkAndHolds(std::optional<std::string>()));
  EXPECT_THAT(store_->FindByRequestId(second), IsOkAndHolds(std::optional<std::string>()));
  EXPECT_EQ(**store_->FindByRequestId(kept), "calibrations/mine-too@1");
}

TEST_F(StoreTest, RefusedReplacementStoresNothing) {
  ResourceStore& calibrations = store_->calibrations();
  ASSERT_THAT(calibrations.Put(CalibrationRow("one"), kNoKey), IsOk());
  const auto refuse = [](const StoredResource&, StoredResource&) {
    return absl::PermissionDeniedError("not yours");
  };
  EXPECT_THAT(calibrations.Put(CalibrationRow("two", 2000), kNoKey, refuse),
              StatusIs(absl::StatusCode::kPermissionDenied, "not yours"));
  EXPECT_EQ((*calibrations.Find("calibrations/mine"))->content, "one");
  EXPECT_EQ(calibrations.Put(CalibrationRow("three"), kNoKey)->version, 2);
}

TEST_F(StoreTest, RevisionOfCalibrationsChangesWithThem) {
  ResourceStore& calibrations = store_->calibrations();
  std::set<std::string> revisions = {*calibrations.Revision()};
  ASSERT_THAT(calibrations.Put(CalibrationRow("one"), kNoKey), IsOk());
  revisions.insert(*calibrations.Revision());
  ASSERT_THAT(calibrations.Put(CalibrationRow("two"), kNoKey), IsOk());
  revisions.insert(*calibrations.Revision());
  ASSERT_THAT(calibrations.Delete("calibrations/mine"), IsOk());
  ASSERT_THAT(calibrations.Put(CalibrationRow("one"), kNoKey), IsOk());
  revisions.insert(*calibrations.Revision());
  EXPECT_EQ(revisions.size(), 4u);
}

// A file as the version before calibrations left it.
TEST_F(StoreTest, FileOfTheSchemaBeforeCalibrationsKeepsItsRows) {
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), kNoKey, kNow), IsOk());
  store_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(Path().c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db,
                         "DROP TABLE calibration_versions; DROP TABLE calibration_numbers; "
                         "DROP TABLE calibrations; DROP TABLE inventories; "
                         "DROP TABLE reservations; DROP TABLE jobs; "
                         "DROP TABLE run_replans; DROP TABLE run_alarms; "
                         "DROP TABLE run_samples; DROP TABLE run_attempts; DROP TABLE runs; "
                         "PRAGMA user_version = 4",
                         nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  Reopen({});
  EXPECT_EQ(QueryFile(Path(), "PRAGMA user_version"), absl::StrCat(SchemaVersion()));
  EXPECT_EQ((*store_->FindPlan("plans/p-1"))->request, "request");
  EXPECT_EQ(store_->calibrations().Put(CalibrationRow("one"), kNoKey)->version, 1);
}

// Whatever may be asked for is promised.
absl::StatusOr<StoredReservation> Promise(Store& store, const std::string& name, int64_t from_ns,
                                          int64_t until_ns, std::vector<std::string>* seen) {
  StoredReservation asked;
  asked.name = name;
  asked.cluster = "clusters/mine";
  asked.gpu_type = "H100-SXM5-80GB";
  asked.gpu_count = 8;
  asked.create_time_ns = from_ns;
  asked.expire_time_ns = until_ns;
  return store.reservations().Promise(
      asked, kNoKey,
      [&](const std::optional<StoredResource>&, const std::vector<StoredReservation>& promised) {
        seen->clear();
        for (const StoredReservation& each : promised) seen->push_back(each.name);
        return absl::OkStatus();
      });
}

TEST_F(StoreTest, APromiseEndsAtItsTime) {
  std::vector<std::string> seen;
  ASSERT_THAT(Promise(*store_, "reservations/r-1", kNow, kNow + 10, &seen), IsOk());
  ASSERT_THAT(Promise(*store_, "reservations/r-2", kNow + 9, kNow + 100, &seen), IsOk());
  EXPECT_EQ(seen, std::vector<std::string>{"reservations/r-1"});
  ASSERT_THAT(Promise(*store_, "reservations/r-3", kNow + 10, kNow + 100, &seen), IsOk());
  EXPECT_EQ(seen, std::vector<std::string>{"reservations/r-2"});
  EXPECT_FALSE((*store_->reservations().Find("reservations/r-1", kNow + 10)).has_value());
  EXPECT_EQ(store_->reservations().List("", kNow + 99)->size(), 2u);
  EXPECT_EQ(store_->reservations().List("", kNow + 100)->size(), 0u);
  EXPECT_EQ(store_->reservations().List("clusters/other", kNow + 50)->size(), 0u);
}

TEST_F(StoreTest, ARefusedPromiseStoresNothing) {
  StoredReservation asked;
  asked.name = "reservations/r-1";
  asked.expire_time_ns = kNow;
  const auto refuse = [](const auto&, const auto&) { return absl::FailedPreconditionError("no"); };
  EXPECT_THAT(store_->reservations().Promise(asked, kNoKey, refuse),
              StatusIs(absl::StatusCode::kFailedPrecondition, "no"));
  EXPECT_EQ(store_->reservations().List("", 0)->size(), 0u);
}

TEST_F(StoreTest, HostileTextIsDataNotSql) {
  StoredPlan plan = MakePlanRow(1);
  plan.law = "'); DROP TABLE plans; --";
  plan.name = "plans/' OR 1=1 --";
  ASSERT_THAT(store_->InsertPlan(plan, kNoKey, kNow), IsOk());
  EXPECT_THAT(store_->DeletePlan("plans/x' OR '1'='1"), IsOkAndHolds(false));
  EXPECT_EQ((*store_->FindPlan(plan.name))->law, plan.law);
}

TEST_F(StoreTest, ManyThreadsWriteAndEveryAcknowledgedRowIsThere) {
  constexpr int kThreads = 8, kEach = 50;
  std::vector<std::thread> threads;
  std::atomic<int> acknowledged = 0;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        if (store_->InsertPlan(MakePlanRow(t * kEach + i), kNoKey, kNow).ok()) ++acknowledged;
        (void)store_->FindPlan(MakePlanRow(i).name);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(acknowledged, kThreads * kEach);
  EXPECT_EQ(QueryFile(Path(), "SELECT count(*) FROM plans"), absl::StrCat(kThreads * kEach));
}

TEST_F(StoreTest, AcknowledgedMeansCommitted) {
  // Another connection sees each row as soon as the call has returned.
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(store_->InsertPlan(MakePlanRow(i), kNoKey, kNow), IsOk());
    EXPECT_EQ(QueryFile(Path(), "SELECT count(*) FROM plans"), absl::StrCat(i + 1));
  }
}

TEST_F(StoreTest, ClosingFinishesWritesAndRefusesLaterOnes) {
  ASSERT_THAT(store_->InsertPlan(MakePlanRow(1), kNoKey, kNow), IsOk());
  store_->Close();
  EXPECT_THAT(store_->InsertPlan(MakePlanRow(2), kNoKey, kNow),
              StatusIs(absl::StatusCode::kUnavailable, "closing"));
  // The log is folded into the file.
  struct stat info {};
  const bool has_log = stat((Path() + "-wal").c_str(), &info) == 0;
  EXPECT_TRUE(!has_log || info.st_size == 0) << info.st_size;
}

TEST_F(StoreTest, InMemoryStoreWorksAlike) {
  auto database = Database::Open({});
  ASSERT_THAT(database, IsOk());
  Store store(*std::move(database));
  ASSERT_THAT(store.InsertPlan(MakePlanRow(1), kNoKey, kNow), IsOk());
  EXPECT_EQ((*store.FindPlan("plans/p-1"))->plan, MakePlanRow(1).plan);
  EXPECT_EQ(store.ListPlans(std::nullopt, 10, true)->size(), 1u);
}

// Child processes that open a file nobody has made yet, all at once, and insert one row each.
TEST(StoreProcessTest, AHundredProcessesCreateOneFileTogether) {
  constexpr int kProcesses = 100;
  const TempDirectory directory;
  const std::string path = directory.File("shared.db");
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(gate[1]);
      char byte;
      (void)!read(gate[0], &byte, 1);  // until the parent closes its end
      DatabaseOptions options;
      options.path = path;
      auto database = Database::Open(options);
      if (!database.ok()) _exit(1);
      Store store(*std::move(database));
      if (!store.InsertPlan(MakePlanRow(i), kNoKey, kNow).ok()) _exit(2);
      store.Close();
      _exit(0);
    }
    children.push_back(child);
  }
  close(gate[0]);
  close(gate[1]);
  int opened = 0, failed_open = 0, failed_insert = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) ++opened;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 1) ++failed_open;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) ++failed_insert;
  }
  EXPECT_EQ(opened, kProcesses) << failed_open << " could not open, " << failed_insert
                                << " could not insert";
  EXPECT_EQ(QueryFile(path, "SELECT count(*) FROM plans"), absl::StrCat(kProcesses));
  EXPECT_EQ(QueryFile(path, "PRAGMA integrity_check"), "ok");
}

}  // namespace
}  // namespace rhumb::daemon
