// SPDX-License-Identifier: Apache-2.0
// Stored laws and observations on real SQLite files.
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/store/store.h"
#include "gtest/gtest.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::rhumb::testing_support::TempDirectory;

using Code = absl::StatusCode;

constexpr int64_t kNow = 1'795'219'200'000'000'000;
const RequestKey kNoKey;
const LawWriter kAlice = {.uid = 1000};
const LawWriter kBob = {.uid = 1001};
const LawWriter kOperator = {.uid = 0, .is_operator = true};

StoredLaw LawRow(const std::string& name, const std::string& content) {
  StoredLaw law;
  law.name = name;
  law.origin_hash = "hash of " + content;
  law.law = std::string("law\0", 4) + content;
  law.fit = std::string("fit\0\xff", 5) + content;
  return law;
}

StoredObservationSet SetRow(const std::string& name, const std::string& content) {
  StoredObservationSet set;
  set.name = name;
  set.owner_uid = 1000;
  set.create_time_ns = kNow;
  set.content_hash = "hash of " + content;
  set.row_count = 10;
  set.header = "header";
  return set;
}

// Ten rows in chunks of four.
std::vector<StoredObservations> Chunks() {
  return {{0, 4, "rows 0 to 3"}, {4, 4, "rows 4 to 7"}, {8, 2, "rows 8 and 9"}};
}

class LawStoreTest : public ::testing::Test {
 protected:
  LawStoreTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    DatabaseOptions options;
    options.path = directory_.File("rhumb.db");
    auto database = Database::Open(options);
    ASSERT_THAT(database, IsOk());
    store_ = std::make_unique<Store>(*std::move(database));
  }

  absl::StatusOr<StoredLaw> Insert(const StoredLaw& law, const LawWriter& writer = kAlice,
                                   const RequestKey& key = kNoKey) {
    return store_->laws().InsertLaw(law, writer, key, kNow);
  }
  int64_t VersionOf(const absl::StatusOr<StoredLaw>& law) { return law.ok() ? law->version : -1; }

  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(LawStoreTest, LawComesBackByteForByteAfterReopening) {
  ASSERT_THAT(Insert(LawRow("laws/mine", "a")), IsOk());
  Reopen();
  const auto found = store_->laws().FindLaw("laws/mine");
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->version, 1);
  EXPECT_EQ((*found)->owner_uid, 1000);
  EXPECT_EQ((*found)->create_time_ns, kNow);
  EXPECT_EQ((*found)->law, LawRow("", "a").law);
  EXPECT_EQ((*found)->fit, LawRow("", "a").fit);
}

TEST_F(LawStoreTest, OtherContentIsTheNextVersionAndTheOldOneStays) {
  Insert(LawRow("laws/mine", "a")).IgnoreError();
  EXPECT_EQ(VersionOf(Insert(LawRow("laws/mine", "b"))), 2);
  const auto first = store_->laws().FindLaw("laws/mine", 1);
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_EQ((*first)->law, LawRow("", "a").law);
}

TEST_F(LawStoreTest, TheNewestContentAgainWritesNothing) {
  Insert(LawRow("laws/mine", "a")).IgnoreError();
  EXPECT_EQ(VersionOf(Insert(LawRow("laws/mine", "a"))), 1);
  EXPECT_FALSE(store_->laws().FindLaw("laws/mine", 2)->has_value());
}

// Whoever asks for the newest must get what was stored last.
TEST_F(LawStoreTest, AnOlderContentAgainIsANewVersion) {
  Insert(LawRow("laws/mine", "a")).IgnoreError();
  Insert(LawRow("laws/mine", "b")).IgnoreError();
  EXPECT_EQ(VersionOf(Insert(LawRow("laws/mine", "a"))), 3);
}

TEST_F(LawStoreTest, OnlyOwnerAndOperatorStoreUnderAName) {
  Insert(LawRow("laws/mine", "a")).IgnoreError();
  EXPECT_THAT(Insert(LawRow("laws/mine", "b"), kBob),
              StatusIs(Code::kPermissionDenied, "belongs to uid"));
  EXPECT_EQ(VersionOf(Insert(LawRow("laws/mine", "b"), kOperator)), 2);
  EXPECT_EQ(VersionOf(Insert(LawRow("laws/mine", "c"), kAlice)), 3);
}

TEST_F(LawStoreTest, OnlyOwnerAndOperatorDelete) {
  Insert(LawRow("laws/mine", "a")).IgnoreError();
  EXPECT_THAT(store_->laws().DeleteLaw("laws/mine", std::nullopt, kBob, false),
              StatusIs(Code::kPermissionDenied, "belongs to uid"));
  EXPECT_TRUE(store_->laws().FindLaw("laws/mine")->has_value());
  EXPECT_TRUE(*store_->laws().DeleteLaw("laws/mine", std::nullopt, kOperator, false));
  EXPECT_FALSE(store_->laws().FindLaw("laws/mine")->has_value());
}

TEST_F(LawStoreTest, AVersionNumberIsNeverGivenTwice) {
  Insert(LawRow("laws/mine", "a")).IgnoreError();
  Insert(LawRow("laws/mine", "b")).IgnoreError();
  ASSERT_TRUE(*store_->laws().DeleteLaw("laws/mine", 2, kAlice, false));
  EXPECT_EQ((*store_->laws().FindLaw("laws/mine"))->version, 1);
  EXPECT_EQ(VersionOf(Insert(LawRow("laws/mine", "c"))), 3);
  ASSERT_TRUE(*store_->laws().DeleteLaw("laws/mine", std::nullopt, kAlice, false));
  // The name is free again, its numbers are not.
  EXPECT_EQ(VersionOf(Insert(LawRow("laws/mine", "d"), kBob)), 4);
  EXPECT_THAT(Insert(LawRow("laws/mine", "e"), kAlice),
              StatusIs(Code::kPermissionDenied, "belongs to uid"));
}

TEST_F(LawStoreTest, CheckOnlyDeletesNothing) {
  Insert(LawRow("laws/mine", "a")).IgnoreError();
  EXPECT_TRUE(*store_->laws().DeleteLaw("laws/mine", std::nullopt, kAlice, true));
  EXPECT_TRUE(store_->laws().FindLaw("laws/mine")->has_value());
  EXPECT_FALSE(*store_->laws().DeleteLaw("laws/other", std::nullopt, kAlice, true));
}

TEST_F(LawStoreTest, RequestIdFindsTheVersionItMade) {
  const RequestKey key = {"id", "FitLaw", 1000, "content"};
  Insert(LawRow("laws/mine", "a"), kAlice, key).IgnoreError();
  Insert(LawRow("laws/mine", "b")).IgnoreError();
  EXPECT_EQ(**store_->FindByRequestId(key), "laws/mine@1");
  ASSERT_TRUE(*store_->laws().DeleteLaw("laws/mine", 1, kAlice, false));
  EXPECT_FALSE(store_->FindByRequestId(key)->has_value());
}

TEST_F(LawStoreTest, RequestIdWithOtherContentStoresNothing) {
  Insert(LawRow("laws/mine", "a"), kAlice, {"id", "FitLaw", 1000, "content"}).IgnoreError();
  EXPECT_THAT(Insert(LawRow("laws/mine", "b"), kAlice, {"id", "FitLaw", 1000, "other"}),
              StatusIs(Code::kAlreadyExists, ""));
  EXPECT_EQ((*store_->laws().FindLaw("laws/mine"))->version, 1);
}

TEST_F(LawStoreTest, ListShowsTheNewestOfEachNameInOrder) {
  Insert(LawRow("laws/b", "1")).IgnoreError();
  Insert(LawRow("laws/b", "2")).IgnoreError();
  Insert(LawRow("laws/a", "1")).IgnoreError();
  Insert(LawRow("laws/c", "1")).IgnoreError();
  const auto first = store_->laws().ListLaws("", 2);
  ASSERT_THAT(first, IsOk());
  ASSERT_EQ(first->size(), 2u);
  EXPECT_EQ((*first)[0].name, "laws/a");
  EXPECT_EQ((*first)[1].version, 2);
  const auto second = store_->laws().ListLaws((*first)[1].name, 2);
  ASSERT_EQ(second->size(), 1u);
  EXPECT_EQ((*second)[0].name, "laws/c");
}

TEST_F(LawStoreTest, ConcurrentInsertsGetDifferentVersions) {
  std::vector<std::thread> threads;
  std::vector<int64_t> versions(16, 0);
  for (size_t i = 0; i < versions.size(); ++i) {
    threads.emplace_back(
        [&, i] { versions[i] = VersionOf(Insert(LawRow("laws/mine", absl::StrCat(i)))); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<int64_t>(versions.begin(), versions.end()).size(), versions.size());
  EXPECT_EQ((*store_->laws().FindLaw("laws/mine"))->version, 16);
}

TEST_F(LawStoreTest, ALawOfObservationsThatAreGoneIsNotStored) {
  StoredLaw law = LawRow("laws/mine", "a");
  law.observations = "observations/gone";
  EXPECT_THAT(Insert(law), StatusIs(Code::kNotFound, "deleted meanwhile"));
}

TEST_F(LawStoreTest, ObservationsComeBackByChunksThatHoldTheRowsAskedFor) {
  ASSERT_THAT(
      store_->observations().InsertSet(SetRow("observations/s", "x"), Chunks(), kNoKey, kNow),
      IsOk());
  Reopen();
  const auto middle = store_->observations().ReadRows("observations/s", 3, 2);
  ASSERT_THAT(middle, IsOk());
  ASSERT_EQ(middle->size(), 2u);
  EXPECT_EQ((*middle)[0].rows, "rows 0 to 3");
  EXPECT_EQ((*middle)[1].first_row, 4);
  EXPECT_EQ(store_->observations().ReadRows("observations/s", 10, 5)->size(), 0u);
}

TEST_F(LawStoreTest, ANameHoldsOneContentOnly) {
  store_->observations()
      .InsertSet(SetRow("observations/s", "x"), Chunks(), kNoKey, kNow)
      .IgnoreError();
  const auto again =
      store_->observations().InsertSet(SetRow("observations/s", "x"), Chunks(), kNoKey, kNow + 5);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->create_time_ns, kNow);
  EXPECT_THAT(
      store_->observations().InsertSet(SetRow("observations/s", "y"), Chunks(), kNoKey, kNow),
      StatusIs(Code::kAlreadyExists, ""));
}

TEST_F(LawStoreTest, ObservationsBehindALawAreKeptUnlessForced) {
  store_->observations()
      .InsertSet(SetRow("observations/s", "x"), Chunks(), kNoKey, kNow)
      .IgnoreError();
  StoredLaw law = LawRow("laws/mine", "a");
  law.observations = "observations/s";
  ASSERT_THAT(Insert(law), IsOk());
  EXPECT_THAT(store_->observations().DeleteSet("observations/s", false, false),
              StatusIs(Code::kFailedPrecondition, "laws/mine"));
  EXPECT_TRUE(*store_->observations().DeleteSet("observations/s", true, false));
  EXPECT_EQ(store_->observations().ReadRows("observations/s", 0, 10)->size(), 0u);
  EXPECT_TRUE(store_->laws().FindLaw("laws/mine")->has_value());
}

// Sets imported for one piece of work.
class ExpiryTest : public LawStoreTest {
 protected:
  // Imports "observations/s" at `now`, to expire `lifetime` later (0: never).
  void Import(int64_t now, int64_t lifetime, const std::string& name = "observations/s") {
    StoredObservationSet set = SetRow(name, "x");
    set.expire_time_ns = lifetime == 0 ? 0 : now + lifetime;
    ASSERT_THAT(store_->observations().InsertSet(set, Chunks(), kNoKey, now), IsOk());
  }
  bool IsThere() { return store_->observations().FindSet("observations/s")->has_value(); }
  void StoreLaw() {
    StoredLaw law = LawRow("laws/mine", "a");
    law.observations = "observations/s";
    ASSERT_THAT(Insert(law), IsOk());
  }
};

TEST_F(ExpiryTest, ASetIsDroppedByTheNextImportAfterItsTime) {
  Import(kNow, 100);
  Import(kNow + 99, 0, "observations/other");
  EXPECT_TRUE(IsThere());
  Import(kNow + 100, 0, "observations/third");
  EXPECT_FALSE(IsThere());
  EXPECT_EQ(store_->observations().ReadRows("observations/s", 0, 10)->size(), 0u);
}

TEST_F(ExpiryTest, ASetIsDroppedOnRequestAfterItsTime) {
  Import(kNow, 100);
  ASSERT_THAT(store_->observations().DropExpiredSets(kNow + 99), IsOk());
  EXPECT_TRUE(IsThere());
  ASSERT_THAT(store_->observations().DropExpiredSets(kNow + 100), IsOk());
  EXPECT_FALSE(IsThere());
}

TEST_F(ExpiryTest, ASetThatLawsRestOnGoesOnlyAfterThem) {
  Import(kNow, 100);
  StoreLaw();
  ASSERT_THAT(store_->observations().DropExpiredSets(kNow + 1000), IsOk());
  EXPECT_TRUE(IsThere());
  ASSERT_TRUE(*store_->laws().DeleteLaw("laws/mine", std::nullopt, kAlice, false));
  ASSERT_THAT(store_->observations().DropExpiredSets(kNow + 1000), IsOk());
  EXPECT_FALSE(IsThere());
}

TEST_F(ExpiryTest, AnotherImportProlongsAndNeverShortens) {
  Import(kNow, 1000);
  Import(kNow + 10, 100);
  ASSERT_THAT(store_->observations().DropExpiredSets(kNow + 999), IsOk());
  EXPECT_TRUE(IsThere());
  EXPECT_EQ((*store_->observations().FindSet("observations/s"))->expire_time_ns, kNow + 1000);
}

TEST_F(ExpiryTest, AnImportToStayMakesItStay) {
  Import(kNow, 100);
  Import(kNow + 10, 0);
  Import(kNow + 20, 100);
  EXPECT_EQ((*store_->observations().FindSet("observations/s"))->expire_time_ns, 0);
  EXPECT_TRUE(*store_->observations().ReleaseSet("observations/s"));
  ASSERT_THAT(store_->observations().DropExpiredSets(kNow + 100000), IsOk());
  EXPECT_TRUE(IsThere());
}

TEST_F(ExpiryTest, TheLastOneToGiveASetBackDeletesIt) {
  Import(kNow, 100);
  Import(kNow + 1, 100);
  EXPECT_TRUE(*store_->observations().ReleaseSet("observations/s"));
  EXPECT_TRUE(IsThere());
  EXPECT_TRUE(*store_->observations().ReleaseSet("observations/s"));
  EXPECT_FALSE(IsThere());
  EXPECT_FALSE(*store_->observations().ReleaseSet("observations/s"));
}

TEST_F(ExpiryTest, ASetThatLawsRestOnIsNotDeletedByGivingItBack) {
  Import(kNow, 100);
  StoreLaw();
  EXPECT_TRUE(*store_->observations().ReleaseSet("observations/s"));
  EXPECT_TRUE(IsThere());
}

}  // namespace
}  // namespace rhumb::daemon
