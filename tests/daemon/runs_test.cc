// SPDX-License-Identifier: Apache-2.0
// Who may do what with runs: owners, the operator, everybody else.
#include "daemon/runs.h"

#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "daemon/run_answer.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;

constexpr int64_t kNow = 1'795'219'200'000'000'000;
constexpr Caller kAda = {.uid = 4242, .known = true};
constexpr Caller kBob = {.uid = 4343, .known = true};
constexpr Caller kRoot = {.uid = 0, .known = true};
constexpr Caller kSomebodyOverTcp = {};

class RunOwnerTest : public ::testing::Test {
 protected:
  RunOwnerTest() {
    auto database = Database::Open({});
    if (!database.ok()) std::abort();
    store_ = std::make_unique<Store>(*std::move(database));
  }
  absl::StatusOr<StoredRun> Create(const Caller& caller, const std::string& job_id = "",
                                   const std::string& title = "") {
    v1::CreateRunRequest request;
    request.mutable_run()->set_title(title);
    if (!job_id.empty()) {
      request.mutable_run()->add_jobs()->set_cluster("mine");
      request.mutable_run()->mutable_jobs(0)->set_job_id(job_id);
    }
    return CreateRun(request, caller, kNow, *store_);
  }
  absl::Status Finish(const std::string& name, const Caller& caller) {
    v1::FinishRunRequest request;
    request.set_name(name);
    request.set_state(v1::RUN_STATE_SUCCEEDED);
    return FinishRun(request, caller, kNow, *store_).status();
  }
  // Of a job of Ada's.
  absl::Status Sync(const std::string& job_id, const Caller& caller) {
    v1::SyncJobsRequest request;
    request.set_cluster("mine");
    request.mutable_observe_time()->set_seconds(kNow / 1'000'000'000);
    v1::Job& job = *request.add_jobs();
    job.set_job_id(job_id);
    job.set_state(v1::RUN_STATE_PENDING);
    job.set_owner_uid(kAda.uid);
    job.mutable_submit_time()->set_seconds(kNow / 1'000'000'000 - 100);
    return SyncJobs(request, caller, kNow, *store_).status();
  }
  absl::StatusOr<StoredRun> FindByJob(const std::string& job_id) {
    v1::GetRunRequest request;
    request.set_job_id(job_id);
    return FindRun(request, *store_);
  }

  std::unique_ptr<Store> store_;
};

TEST_F(RunOwnerTest, OnlyTheOwnerAndTheOperatorFinishARun) {
  const std::string name = Create(kAda)->name;
  EXPECT_THAT(Finish(name, kBob), StatusIs(absl::StatusCode::kPermissionDenied, "uid 4242"));
  EXPECT_THAT(Finish(name, kSomebodyOverTcp),
              StatusIs(absl::StatusCode::kPermissionDenied, "uid 4242"));
  EXPECT_THAT(Finish(name, kAda), IsOk());
  EXPECT_THAT(Finish(Create(kAda)->name, kRoot), IsOk());
}

// He could neither report to it nor finish it.
TEST_F(RunOwnerTest, WhoIsUnknownCreatesNoRun) {
  EXPECT_THAT(Create(kSomebodyOverTcp),
              StatusIs(absl::StatusCode::kPermissionDenied, "unix socket"));
}

TEST_F(RunOwnerTest, OnlyTheOperatorTellsOfJobs) {
  EXPECT_THAT(Sync("1", kAda),
              StatusIs(absl::StatusCode::kPermissionDenied, "the jobs of clusters"));
  EXPECT_THAT(Sync("1", kSomebodyOverTcp),
              StatusIs(absl::StatusCode::kPermissionDenied, "the jobs of clusters"));
  EXPECT_THAT(FindByJob("1"), StatusIs(absl::StatusCode::kNotFound, "no run of job 1"));
  EXPECT_THAT(Sync("1", kRoot), IsOk());
  EXPECT_EQ(FindByJob("1")->owner_uid, kAda.uid);
}

TEST_F(RunOwnerTest, ARunForTheJobOfSomebodyElseDoesNotGetIt) {
  const std::string bobs = Create(kBob, "1", "bob's")->name;
  ASSERT_THAT(Sync("1", kRoot), IsOk());
  EXPECT_NE(FindByJob("1")->name, bobs);
  EXPECT_EQ(FindByJob("1")->title, "");
}

TEST_F(RunOwnerTest, ARunForAJobThatRootStartsBecomesThatOfTheJobsOwner) {
  const std::string prepared = Create(kRoot, "1", "prepared")->name;
  ASSERT_THAT(Sync("1", kRoot), IsOk());
  EXPECT_EQ(FindByJob("1")->name, prepared);
  EXPECT_EQ(FindByJob("1")->owner_uid, kAda.uid);
}

TEST_F(RunOwnerTest, NobodyElseNamesAKnownRun) {
  ASSERT_THAT(Sync("1", kRoot), IsOk());
  EXPECT_THAT(Create(kBob, "1"), IsOk());  // looks
  EXPECT_THAT(Create(kBob, "1", "bob's"),
              StatusIs(absl::StatusCode::kPermissionDenied, "uid 4242"));
  EXPECT_EQ(Create(kAda, "1", "ada's")->title, "ada's");
  EXPECT_EQ(FindByJob("1")->title, "ada's");
}

TEST_F(RunOwnerTest, ARepeatedRequestOfAnotherCallerIsAnotherRun) {
  v1::CreateRunRequest request;
  request.set_request_id("7c4a8d09-ca37-4c62-9c1b-6f1f6c5d2a11");
  const auto adas = CreateRun(request, kAda, kNow, *store_);
  const auto bobs = CreateRun(request, kBob, kNow, *store_);
  EXPECT_NE(adas->name, bobs->name);
  EXPECT_EQ(CreateRun(request, kAda, kNow, *store_)->name, adas->name);
}

}  // namespace
}  // namespace rhumb::daemon
