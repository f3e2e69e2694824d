// SPDX-License-Identifier: Apache-2.0
// Runs and jobs on real SQLite files: what news of jobs make of them, in whatever order they come.
#include "daemon/store/run_store.h"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "daemon/store/store.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/daemon/temp_directory.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::rhumb::testing_support::TempDirectory;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kMine[] = "clusters/mine";
constexpr int64_t kDay = int64_t{86400} * 1'000'000'000;
constexpr int64_t kRoot = 0;
const RequestKey kNoKey;

// Content here is the state and a fact that later news may not know.
StoredJob WithContent(StoredJob job, const std::string& fact) {
  job.content = absl::StrCat(NameOf(job.state), "|", fact);
  return job;
}

std::string FactOf(const StoredJob& job) {
  return std::vector<std::string>(absl::StrSplit(job.content, '|')).at(1);
}

StoredJob MakeJob(const std::string& id, JobState state, int64_t observe_ns,
                  const std::string& chain = "", int64_t submit_ns = kDay) {
  StoredJob job;
  job.cluster = kMine;
  job.job_id = id;
  job.submit_time_ns = submit_ns;
  job.chain_job_id = chain;
  job.plan = "plans/p-1";
  job.owner_uid = 1000;
  job.state = state;
  if (state != JobState::kPending) job.start_time_ns = submit_ns + 10;
  if (!IsOpen(state)) job.end_time_ns = submit_ns + 100;
  job.observe_time_ns = observe_ns;
  return WithContent(job, "");
}

StoredJob FillGaps(const StoredJob& news, const StoredJob& older) {
  StoredJob filled = news;
  if (filled.start_time_ns == 0) filled.start_time_ns = older.start_time_ns;
  return WithContent(filled, FactOf(news).empty() ? FactOf(older) : FactOf(news));
}

JobNews News(std::vector<StoredJob> jobs, int64_t now_ns = 10 * kDay) {
  return {.cluster = kMine,
          .jobs = std::move(jobs),
          .now_ns = now_ns,
          .fill_gaps = FillGaps,
          .is_operator = [](int64_t uid) { return uid == kRoot; }};
}

std::vector<std::string> IdsOf(const std::vector<StoredJob>& jobs) {
  std::vector<std::string> ids;
  for (const StoredJob& job : jobs) ids.push_back(job.job_id);
  return ids;
}

class RunStoreTest : public ::testing::Test {
 protected:
  RunStoreTest() { Reopen(); }
  void Reopen() {
    store_.reset();
    auto database = Database::Open({.path = directory_.File("runs.db")});
    if (!database.ok()) {
      ADD_FAILURE() << database.status();
      std::abort();
    }
    store_ = std::make_unique<Store>(*std::move(database));
  }
  RunStore& runs() { return store_->runs(); }
  JobNewsAnswer Tell(std::vector<StoredJob> jobs, int64_t now_ns = 10 * kDay) {
    const auto answer = runs().Sync(News(std::move(jobs), now_ns));
    EXPECT_THAT(answer, IsOk());
    return answer.ok() ? *answer : JobNewsAnswer();
  }
  std::vector<StoredRun> All(const RunFilter& filter = {}) {
    const auto all = runs().List(filter, std::nullopt, 1000);
    EXPECT_THAT(all, IsOk());
    return all.ok() ? *all : std::vector<StoredRun>();
  }
  StoredRun Only() {
    const std::vector<StoredRun> all = All();
    EXPECT_THAT(all, SizeIs(1));
    return all.empty() ? StoredRun() : all.front();
  }
  absl::StatusOr<StoredRun> Create(const StoredRun& run, const RequestKey& key = kNoKey) {
    return runs().Create(
        run, key, false, [](int64_t uid) { return uid == kRoot; },
        [](const StoredRun&) { return absl::OkStatus(); });
  }
  static StoredRun Expecting(const std::string& job_id, int64_t owner_uid) {
    StoredRun run;
    run.name = absl::StrCat("runs/r-claim", job_id, owner_uid);
    run.owner_uid = owner_uid;
    run.cluster = kMine;
    run.chain_job_id = job_id;
    run.create_time_ns = run.update_time_ns = kDay;
    return run;
  }

  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_F(RunStoreTest, AFirstJobMakesARunThatFollowsIt) {
  EXPECT_EQ(Tell({MakeJob("1", JobState::kPending, 1)}).changed_job_count, 1);
  EXPECT_EQ(Only().state, JobState::kPending);
  EXPECT_EQ(Only().plan, "plans/p-1");
  Tell({MakeJob("1", JobState::kRunning, 2)});
  EXPECT_EQ(Only().state, JobState::kRunning);
  EXPECT_EQ(Only().start_time_ns, kDay + 10);
  EXPECT_EQ(Only().end_time_ns, 0);
  Tell({MakeJob("1", JobState::kFailed, 3)});
  Reopen();
  EXPECT_EQ(Only().state, JobState::kFailed);
  EXPECT_EQ(Only().end_time_ns, kDay + 100);
}

TEST_F(RunStoreTest, JobsOfAChainAreOneRun) {
  Tell({MakeJob("1", JobState::kTimedOut, 1)});
  Tell({MakeJob("2", JobState::kPending, 2, "1", 2 * kDay)});
  EXPECT_EQ(Only().state, JobState::kPending);
  EXPECT_THAT(IdsOf(Only().jobs), ElementsAre("1", "2"));
  Tell({MakeJob("2", JobState::kSucceeded, 3, "1", 2 * kDay)});
  EXPECT_EQ(Only().state, JobState::kSucceeded);
}

// Schedulers count submissions in whole seconds, and ids are numbers.
TEST_F(RunStoreTest, JobsOfOneMomentStandInTheOrderOfTheirIds) {
  Tell({MakeJob("9", JobState::kTimedOut, 1), MakeJob("10", JobState::kSucceeded, 1, "9")});
  EXPECT_THAT(IdsOf(Only().jobs), ElementsAre("9", "10"));
  EXPECT_EQ(Only().state, JobState::kSucceeded);
}

TEST_F(RunStoreTest, AChainWhoseFirstJobComesLateIsOneRunOfOneName) {
  Tell({MakeJob("3", JobState::kPending, 1, "1", 3 * kDay)});
  const std::string name = Only().name;
  Tell({MakeJob("2", JobState::kPending, 1, "1", 2 * kDay)});
  Tell({MakeJob("1", JobState::kRunning, 1)});
  EXPECT_THAT(IdsOf(Only().jobs), ElementsAre("1", "2", "3"));
  EXPECT_EQ(Only().name, name);
  EXPECT_EQ(Only().state, JobState::kRunning);
}

TEST_F(RunStoreTest, AnIdThatIsGivenAgainIsAnotherRun) {
  Tell({MakeJob("1", JobState::kSucceeded, 1)});
  Tell({MakeJob("1", JobState::kRunning, 2, "", 5 * kDay)});
  EXPECT_THAT(All(), SizeIs(2));
  const auto found = runs().FindByJob(kMine, "1");
  ASSERT_THAT(*found, SizeIs(1));
  EXPECT_EQ(found->front().state, JobState::kRunning);
}

TEST_F(RunStoreTest, AJobOfAnEarlierHolderOfTheIdMovesWhenTheLaterOneIsKnown) {
  Tell({MakeJob("1", JobState::kSucceeded, 1)});
  Tell({MakeJob("2", JobState::kRunning, 2, "1", 6 * kDay)});
  EXPECT_THAT(All(), SizeIs(1));
  Tell({MakeJob("1", JobState::kSucceeded, 3, "", 5 * kDay)});
  std::set<std::string> members;
  for (const StoredRun& run : All()) members.insert(absl::StrJoin(IdsOf(run.jobs), ","));
  EXPECT_THAT(members, ElementsAre("1", "1,2"));
}

TEST_F(RunStoreTest, ARequeuedJobGoesOnWithItsRun) {
  Tell({MakeJob("1", JobState::kInterrupted, 1)});
  Tell({MakeJob("1", JobState::kRunning, 2, "1", 2 * kDay)});
  EXPECT_THAT(Only().jobs, SizeIs(2));
  EXPECT_EQ(Only().state, JobState::kRunning);
}

TEST_F(RunStoreTest, NobodyJoinsAChainOfSomebodyElse) {
  Tell({MakeJob("1", JobState::kRunning, 1)});
  StoredJob stranger = MakeJob("2", JobState::kFailed, 1, "1", 2 * kDay);
  stranger.owner_uid = 2000;
  Tell({stranger});
  EXPECT_THAT(All(), SizeIs(2));
  EXPECT_EQ(runs().FindByJob(kMine, "1")->front().state, JobState::kRunning);
}

TEST_F(RunStoreTest, OlderNewsChangeNoState) {
  Tell({MakeJob("1", JobState::kRunning, 5)});
  EXPECT_EQ(Tell({MakeJob("1", JobState::kPending, 4)}).changed_job_count, 0);
  EXPECT_EQ(Only().state, JobState::kRunning);
}

TEST_F(RunStoreTest, AnEndIsNeverUndoneAndOlderNewsOfItCount) {
  Tell({MakeJob("1", JobState::kRunning, 5)});
  Tell({MakeJob("1", JobState::kFailed, 4)});
  EXPECT_EQ(Only().state, JobState::kFailed);
  Tell({MakeJob("1", JobState::kRunning, 6), MakeJob("9", JobState::kPending, 6)});
  Tell({MakeJob("1", JobState::kSucceeded, 7)});
  EXPECT_EQ(runs().FindByJob(kMine, "1")->front().state, JobState::kFailed);
}

TEST_F(RunStoreTest, ALostJobTakesAnEndThatSomebodySaw) {
  Tell({MakeJob("1", JobState::kLost, 5)});
  Tell({MakeJob("1", JobState::kRunning, 6)});
  EXPECT_EQ(Only().state, JobState::kLost);
  Tell({MakeJob("1", JobState::kFailed, 7)});
  EXPECT_EQ(Only().state, JobState::kFailed);
  Tell({MakeJob("1", JobState::kLost, 8)});
  EXPECT_EQ(Only().state, JobState::kFailed);
}

TEST_F(RunStoreTest, LaterNewsOfAnEndedJobFillItsGapsAlone) {
  Tell({MakeJob("1", JobState::kFailed, 5)});
  Tell({WithContent(MakeJob("1", JobState::kSucceeded, 6), "67 MB")});
  EXPECT_EQ(Only().state, JobState::kFailed);
  EXPECT_EQ(FactOf(Only().jobs.front()), "67 MB");
  EXPECT_EQ(Tell({WithContent(MakeJob("1", JobState::kFailed, 7), "99 MB")}).changed_job_count, 0);
}

TEST_F(RunStoreTest, AFactOutlivesNewsThatDoNotKnowIt) {
  Tell({WithContent(MakeJob("1", JobState::kPending, 1), "limit")});
  Tell({MakeJob("1", JobState::kRunning, 2)});
  EXPECT_EQ(FactOf(Only().jobs.front()), "limit");
  EXPECT_EQ(Tell({MakeJob("1", JobState::kRunning, 3)}).changed_job_count, 0);
}

TEST_F(RunStoreTest, OpenJobsOfTheClusterThatWereNotMentionedAreAnswered) {
  Tell({MakeJob("1", JobState::kRunning, 1), MakeJob("2", JobState::kPending, 1),
        MakeJob("3", JobState::kFailed, 1)});
  StoredJob elsewhere = MakeJob("4", JobState::kRunning, 1);
  elsewhere.cluster = "clusters/other";
  JobNews other = News({elsewhere});
  other.cluster = "clusters/other";
  ASSERT_THAT(runs().Sync(other), IsOk());
  EXPECT_THAT(IdsOf(Tell({MakeJob("2", JobState::kRunning, 2)}).open_jobs), ElementsAre("1"));
  EXPECT_THAT(IdsOf(Tell({MakeJob("1", JobState::kLost, 3)}).open_jobs), ElementsAre("2"));
}

// A second submission of an id does not hide that nobody knows what became of the first.
TEST_F(RunStoreTest, AnotherSubmissionOfAnOpenJobDoesNotMentionIt) {
  Tell({MakeJob("1", JobState::kRunning, 1)});
  const auto answer = Tell({MakeJob("1", JobState::kPending, 2, "1", 2 * kDay)});
  ASSERT_THAT(answer.open_jobs, SizeIs(1));
  EXPECT_EQ(answer.open_jobs.front().submit_time_ns, kDay);
}

TEST_F(RunStoreTest, ADryRunAnswersTheSameAndStoresNothing) {
  Tell({MakeJob("1", JobState::kRunning, 1)});
  JobNews news = News({MakeJob("1", JobState::kFailed, 2), MakeJob("2", JobState::kRunning, 2)});
  news.dry_run = true;
  const auto answer = runs().Sync(news);
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->changed_job_count, 2);
  EXPECT_THAT(answer->open_jobs, IsEmpty());
  EXPECT_EQ(Only().state, JobState::kRunning);
}

TEST_F(RunStoreTest, WhatChangesNothingDoesNotGrowTheLog) {
  std::vector<StoredJob> jobs;
  for (int i = 0; i < 500; ++i) jobs.push_back(MakeJob(absl::StrCat(i), JobState::kRunning, 1));
  Tell(jobs);
  const auto before = std::filesystem::file_size(directory_.File("runs.db-wal"));
  const int64_t changed_at = All().front().update_time_ns;
  for (int poll = 2; poll < 20; ++poll) {
    for (StoredJob& job : jobs) job.observe_time_ns = poll;
    EXPECT_EQ(Tell(jobs, 20 * kDay).changed_job_count, 0);
  }
  EXPECT_EQ(std::filesystem::file_size(directory_.File("runs.db-wal")), before);
  EXPECT_EQ(All().front().update_time_ns, changed_at);
}

TEST_F(RunStoreTest, AJobThatARunExpectsBecomesItsJob) {
  StoredRun claim = Expecting("7", 1000);
  claim.given_plan = claim.plan = "plans/p-given";
  claim.title = "mine";
  ASSERT_THAT(Create(claim), IsOk());
  ASSERT_THAT(*runs().FindByJob("", "7"), SizeIs(1));
  Tell({MakeJob("7", JobState::kRunning, 1), MakeJob("8", JobState::kPending, 1, "7", 2 * kDay)});
  EXPECT_EQ(Only().name, claim.name);
  EXPECT_EQ(Only().plan, "plans/p-given");
  EXPECT_THAT(IdsOf(Only().jobs), ElementsAre("7", "8"));
}

TEST_F(RunStoreTest, ARunThatExpectsTheJobOfSomebodyElseDoesNotGetIt) {
  ASSERT_THAT(Create(Expecting("7", 2000)), IsOk());
  Tell({MakeJob("7", JobState::kRunning, 1)});
  EXPECT_THAT(All(), SizeIs(2));
  EXPECT_EQ(runs().FindByJob(kMine, "7")->front().owner_uid, 1000);
}

TEST_F(RunStoreTest, WhatAnotherExpectsKeepsNobodyFromHisOwnJob) {
  ASSERT_THAT(Create(Expecting("7", 2000)), IsOk());
  StoredRun own = Expecting("7", 1000);
  own.name = "runs/r-own";
  EXPECT_EQ(Create(own)->name, "runs/r-own");
  own.name = "runs/r-again";
  EXPECT_EQ(Create(own)->name, "runs/r-own");
  Tell({MakeJob("7", JobState::kRunning, 1)});
  EXPECT_EQ(runs().FindByJob(kMine, "7")->front().name, "runs/r-own");
}

TEST_F(RunStoreTest, AUserExpectsSoManyJobsAndNoMore) {
  for (int64_t i = 0; i < kMaxExpectedRuns; ++i) {
    StoredRun run = Expecting(absl::StrCat(i), 1000);
    run.name = absl::StrCat("runs/r-", i);
    ASSERT_THAT(Create(run), IsOk());
  }
  EXPECT_THAT(Create(Expecting("one-more", 1000)),
              StatusIs(absl::StatusCode::kResourceExhausted, "allowed: 100"));
  EXPECT_THAT(Create(Expecting("another", 2000)), IsOk());
}

TEST_F(RunStoreTest, AJobThatNeverCameIsAskedForNoMore) {
  ASSERT_THAT(Create(Expecting("7", 1000)), IsOk());
  EXPECT_THAT(IdsOf(Tell({}, 2 * kDay).open_jobs), ElementsAre("7"));
  EXPECT_THAT(Tell({}, 20 * kDay).open_jobs, IsEmpty());
}

TEST_F(RunStoreTest, ARunThatTheOperatorExpectsBecomesThatOfTheJobsOwner) {
  ASSERT_THAT(Create(Expecting("7", kRoot)), IsOk());
  Tell({MakeJob("7", JobState::kRunning, 1)});
  EXPECT_EQ(Only().owner_uid, 1000);
}

TEST_F(RunStoreTest, ARunOfAKnownJobIsThatJobsAndLearnsWhatItLacks) {
  StoredJob job = MakeJob("7", JobState::kRunning, 1);
  job.plan = "";
  Tell({job});
  StoredRun asked = Expecting("7", 1000);
  asked.given_plan = asked.plan = "plans/p-late";
  const auto answered = Create(asked);
  ASSERT_THAT(answered, IsOk());
  EXPECT_EQ(answered->name, Only().name);
  EXPECT_EQ(Only().plan, "plans/p-late");
  Tell({MakeJob("7", JobState::kSucceeded, 2)});
  EXPECT_EQ(Only().plan, "plans/p-late");
}

TEST_F(RunStoreTest, ARepeatedRequestIsOneRun) {
  const RequestKey key = {"7c4a8d09-ca37-4c62-9c1b-6f1f6c5d2a11", "CreateRun", 1000, "hash"};
  StoredRun bare;
  bare.name = "runs/r-a";
  ASSERT_THAT(Create(bare, key), IsOk());
  bare.name = "runs/r-b";
  EXPECT_EQ(Create(bare, key)->name, "runs/r-a");
  EXPECT_THAT(All(), SizeIs(1));
  EXPECT_THAT(Create(bare, {key.id, key.method, 1000, "other"}),
              StatusIs(absl::StatusCode::kAlreadyExists, "request_id"));
}

TEST_F(RunStoreTest, ListsByWhatIsAskedForAndPagesWithoutGaps) {
  for (int i = 0; i < 10; ++i) {
    StoredJob job = MakeJob(absl::StrCat(i), i % 2 ? JobState::kRunning : JobState::kFailed, 1);
    job.plan = absl::StrCat("plans/p-", i % 3);
    Tell({job}, kDay + i / 2);  // pairs share an instant
  }
  EXPECT_THAT(All({.plan = "plans/p-0"}), SizeIs(4));
  EXPECT_THAT(All({.cluster = kMine}), SizeIs(10));
  EXPECT_THAT(All({.cluster = "clusters/other"}), IsEmpty());
  EXPECT_THAT(All({.open_only = true}), SizeIs(5));
  EXPECT_THAT(All({.plan = "plans/p-0", .cluster = kMine, .open_only = true}), SizeIs(2));
  std::set<std::string> seen;
  std::optional<ListPosition> after;
  for (int page = 0; page < 4; ++page) {
    const auto rows = runs().List({.cluster = kMine}, after, 3);
    for (const StoredRun& run : *rows) seen.insert(run.name);
    if (!rows->empty()) after = ListPosition{rows->back().update_time_ns, rows->back().name};
  }
  EXPECT_THAT(seen, SizeIs(10));
}

TEST_F(RunStoreTest, AChangeThatIsRefusedStoresNothing) {
  Tell({MakeJob("1", JobState::kRunning, 1)});
  const auto changed = runs().Update(Only().name, [](StoredRun& run) -> absl::StatusOr<bool> {
    run.title = "changed";
    return absl::FailedPreconditionError("no");
  });
  EXPECT_THAT(changed, StatusIs(absl::StatusCode::kFailedPrecondition, "no"));
  EXPECT_EQ(Only().title, "");
}

// How SQLite answers a query: which index.
std::string QueryPlanOf(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  std::string text;
  if (sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(db, absl::StrCat("EXPLAIN QUERY PLAN ", sql).c_str(), -1, &statement,
                       nullptr);
    while (statement != nullptr && sqlite3_step(statement) == SQLITE_ROW) {
      absl::StrAppend(&text, reinterpret_cast<const char*>(sqlite3_column_text(statement, 3)),
                      "\n");
    }
    sqlite3_finalize(statement);
  }
  sqlite3_close(db);
  return text;
}

TEST_F(RunStoreTest, OpenJobsAndPagesAreRangesOfAnIndex) {
  const std::string path = directory_.File("runs.db");
  EXPECT_THAT(QueryPlanOf(path, "SELECT job_id FROM jobs WHERE cluster = ? AND is_open = 1"),
              ::testing::HasSubstr("jobs_open"));
  const std::string order =
      "(update_time_ns, name) < (?, ?) ORDER BY update_time_ns DESC, "
      "name DESC LIMIT 50";
  for (const auto& [where, index] : std::map<std::string, std::string>{
           {"", "runs_by_time"},
           {"plan = ? AND ", "runs_by_plan"},
           {"cluster = ? AND ", "runs_by_cluster"},
           {"is_open = 1 AND ", "runs_open_by_time"},
           {"cluster = ? AND is_open = 1 AND ", "runs_open_by_cluster"}}) {
    const std::string plan = QueryPlanOf(path, "SELECT title FROM runs WHERE " + where + order);
    EXPECT_THAT(plan, ::testing::HasSubstr(index + " ")) << where;
    EXPECT_THAT(plan, ::testing::Not(::testing::HasSubstr("TEMP B-TREE"))) << where;
  }
}

// What a scheduler could have told of its jobs, by the time it was seen: chains, ids that are given
// again, jobs that go straight to their end, facts that only some of the news know.
std::vector<StoredJob> MakeHistory(std::mt19937& random) {
  const auto draw = [&](int count) {
    return std::uniform_int_distribution<int>(0, count - 1)(random);
  };
  constexpr JobState kEnds[] = {JobState::kSucceeded, JobState::kFailed, JobState::kTimedOut,
                                JobState::kLost};
  std::vector<StoredJob> history;
  int64_t now = 0;
  for (int submission = 1; submission <= 12; ++submission) {
    const int64_t submit_ns = submission * 1000;
    // Of four ids, some again and again; a chain goes on with one of them, known or not.
    const std::string id = absl::StrCat(draw(4));
    const std::string chain = draw(2) == 0 ? "" : absl::StrCat(draw(4));
    const int64_t owner = 1000 + (draw(8) == 0 ? 1 : 0);
    const std::string plan = draw(3) == 0 ? "" : absl::StrCat("plans/p-", draw(3));
    const std::string fact = absl::StrCat("fact", submission);
    std::vector<JobState> states;
    if (draw(3) > 0) states.push_back(JobState::kPending);
    if (draw(3) > 0) states.push_back(JobState::kRunning);
    if (states.empty() || draw(4) > 0) states.push_back(kEnds[draw(4)]);
    if (states.back() == JobState::kLost && draw(2) == 0) states.push_back(JobState::kFailed);
    for (const JobState state : states) {
      StoredJob job = MakeJob(id, state, ++now, chain, submit_ns);
      job.owner_uid = owner;
      job.plan = plan;
      history.push_back(WithContent(job, draw(2) == 0 ? fact : ""));
    }
  }
  return history;
}

// Runs without their names and times of change, which tell when news came.
std::multiset<std::string> Picture(const std::vector<StoredRun>& runs) {
  std::multiset<std::string> picture;
  for (const StoredRun& run : runs) {
    std::string text = absl::StrCat(run.owner_uid, " ", run.plan, " ", NameOf(run.state), " ",
                                    run.start_time_ns, " ", run.end_time_ns, " ", run.job_count);
    for (const StoredJob& job : run.jobs) {
      absl::StrAppend(&text, "; ", job.job_id, "@", job.submit_time_ns, " ", job.content, " ",
                      job.start_time_ns);
    }
    picture.insert(text);
  }
  return picture;
}

std::multiset<std::string> PictureAfter(const std::vector<std::vector<StoredJob>>& batches) {
  auto database = Database::Open({});
  EXPECT_THAT(database, IsOk());
  Store store(*std::move(database));
  int64_t now = kDay;
  for (const std::vector<StoredJob>& batch : batches) {
    EXPECT_THAT(store.runs().Sync(News(batch, ++now)), IsOk());
  }
  const auto runs = store.runs().List({}, std::nullopt, 1000);
  EXPECT_THAT(runs, IsOk());
  return Picture(*runs);
}

TEST(RunStorePropertyTest, NewsInAnyOrderAndTwiceEndAsNewsInOrder) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const std::vector<StoredJob> history = MakeHistory(random);
    std::vector<std::vector<StoredJob>> in_order;
    for (const StoredJob& news : history) in_order.push_back({news});
    const std::multiset<std::string> expected = PictureAfter(in_order);

    std::vector<StoredJob> shuffled = history;
    shuffled.insert(shuffled.end(), history.begin(), history.begin() + history.size() / 2);
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::vector<std::vector<StoredJob>> batches(1);
    for (const StoredJob& news : shuffled) {
      const bool repeated =
          std::any_of(batches.back().begin(), batches.back().end(), [&](const StoredJob& other) {
            return other.job_id == news.job_id && other.submit_time_ns == news.submit_time_ns;
          });
      if (repeated || random() % 3 == 0) batches.emplace_back();
      batches.back().push_back(news);
    }
    ASSERT_EQ(PictureAfter(batches), expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rhumb::daemon
