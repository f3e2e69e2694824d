// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/job_watch.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/slurm_agent/fakes.h"
#include "tests/matchers.h"

namespace rhumb::slurm_agent {
namespace {

using ::rhumb::testing_support::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

SourceJob Running(int64_t id) {
  return {.job_id = id,
          .states = {"RUNNING"},
          .comment = "rhumb:plans/p-01",
          .name = "train",
          .node_list = "gh1",
          .node_count = 1,
          .gres_detail = {"gpu:h100:8(IDX:0-7)"},
          .submit_seconds = 1000,
          .start_seconds = 1001};
}

class JobWatchTest : public ::testing::Test {
 protected:
  absl::Status Tell() { return watch_.Tell("lab", state_, {}, now_, now_); }
  // Of the last telling.
  v1::Job LastJob() const { return daemon_.jobs.back().jobs(0); }

  absl::Time now_ = absl::FromUnixSeconds(2000);
  ClusterState state_;
  FakeDaemon daemon_;
  FakeAccounting accounting_;
  JobWatch watch_{{}, daemon_, accounting_};
};

TEST_F(JobWatchTest, TimeThatPassesIsNoChange) {
  state_.jobs = {Running(101)};
  EXPECT_THAT(Tell(), IsOk());
  now_ += absl::Seconds(30);
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_THAT(daemon_.jobs, SizeIs(1));
  now_ += absl::Minutes(2);
  EXPECT_THAT(Tell(), IsOk());
  ASSERT_THAT(daemon_.jobs, SizeIs(2));
  EXPECT_EQ(LastJob().elapsed_seconds(), 1149);
}

TEST_F(JobWatchTest, EndIsToldWithTheMemoryThatAccountingKnows) {
  state_.jobs = {Running(101)};
  EXPECT_THAT(Tell(), IsOk());
  state_.jobs[0].states = {"COMPLETED"};
  state_.jobs[0].end_seconds = 1900;
  accounting_.answer.jobs["101"].set_max_rss_bytes(4096);
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_EQ(LastJob().state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(LastJob().max_rss_bytes(), 4096);
  now_ += absl::Minutes(3);
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_EQ(LastJob().max_rss_bytes(), 4096);
  EXPECT_THAT(accounting_.asked, SizeIs(1)) << "once a job";
}

TEST_F(JobWatchTest, EndIsToldWithoutAccounting) {
  accounting_.answer.outcome = AccountingAnswer::Outcome::kDisabled;
  state_.jobs = {Running(101)};
  state_.jobs[0].states = {"FAILED"};
  state_.jobs[0].exit_code = 3;
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_EQ(LastJob().exit_code(), 3);
  EXPECT_FALSE(LastJob().has_max_rss_bytes());
}

TEST_F(JobWatchTest, OfAForgottenJobAccountingSaysTheEnd) {
  state_.jobs = {Running(101)};
  EXPECT_THAT(Tell(), IsOk());
  state_.jobs.clear();
  daemon_.open = {"101"};
  v1::Job& accounted = accounting_.answer.jobs["101"];
  accounted.set_job_id("101");
  accounted.set_state(v1::RUN_STATE_FAILED);
  accounted.set_scheduler_state("FAILED");
  accounted.set_exit_code(7);
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_EQ(LastJob().state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(LastJob().exit_code(), 7);
  EXPECT_EQ(LastJob().job_name(), "train") << "what was seen while it lived stays";
  EXPECT_EQ(LastJob().plan(), "plans/p-01");
}

TEST_F(JobWatchTest, ForgottenJobIsLostAfterAWhileAndNotBefore) {
  accounting_.answer.outcome = AccountingAnswer::Outcome::kDisabled;
  daemon_.open = {"101"};
  for (int minute = 0; minute < 10; minute += 2) {
    EXPECT_THAT(Tell(), IsOk());
    EXPECT_THAT(daemon_.jobs.back().jobs(), IsEmpty()) << minute;
    now_ += absl::Minutes(2);
  }
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_EQ(LastJob().job_id(), "101");
  EXPECT_EQ(LastJob().state(), v1::RUN_STATE_LOST);
  EXPECT_FALSE(LastJob().has_exit_code());
}

TEST_F(JobWatchTest, AJobIsToldToNobodyWhoNamesAnothersJob) {
  state_.jobs = {Running(101)};
  state_.jobs[0].comment = "no plan";
  state_.jobs[0].user_id = 1000;
  daemon_.open = {"101"};
  daemon_.open_submit_seconds = 0;
  daemon_.open_owner_uid = 2000;
  for (int look = 0; look < 3; ++look) {
    EXPECT_THAT(Tell(), IsOk());
    EXPECT_THAT(daemon_.jobs.back().jobs(), IsEmpty());
    now_ += absl::Minutes(3);
  }
  daemon_.open_owner_uid = 1000;
  EXPECT_THAT(Tell(), IsOk());
  now_ += absl::Minutes(3);
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_EQ(LastJob().job_id(), "101");
}

TEST_F(JobWatchTest, AJobThatNobodyHasSeenYetIsNeverLost) {
  accounting_.answer.outcome = AccountingAnswer::Outcome::kDisabled;
  daemon_.open = {"101"};
  daemon_.open_submit_seconds = 0;
  for (int hour = 0; hour < 50; ++hour) {
    EXPECT_THAT(Tell(), IsOk());
    EXPECT_THAT(daemon_.jobs.back().jobs(), IsEmpty()) << hour;
    now_ += absl::Hours(1);
  }
}

TEST_F(JobWatchTest, WhatAccountingStillTakesForRunningIsNoEnd) {
  accounting_.answer.jobs["101"].set_state(v1::RUN_STATE_RUNNING);
  daemon_.open = {"101"};
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_THAT(daemon_.jobs.back().jobs(), IsEmpty());
}

TEST_F(JobWatchTest, WhileAccountingFailsNothingIsLost) {
  accounting_.answer.outcome = AccountingAnswer::Outcome::kFailed;
  daemon_.open = {"101"};
  for (int minute = 0; minute < 60; minute += 2) {
    EXPECT_THAT(Tell(), IsOk());
    now_ += absl::Minutes(2);
  }
  EXPECT_THAT(daemon_.jobs.back().jobs(), IsEmpty());
}

TEST_F(JobWatchTest, JobThatSlurmKnowsAgainIsNotMissing) {
  accounting_.answer.outcome = AccountingAnswer::Outcome::kDisabled;
  daemon_.open = {"101"};
  EXPECT_THAT(Tell(), IsOk());
  now_ += absl::Minutes(8);
  state_.jobs = {Running(101)};
  EXPECT_THAT(Tell(), IsOk());
  now_ += absl::Minutes(8);
  state_.jobs.clear();
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_THAT(daemon_.jobs.back().jobs(), IsEmpty());
}

TEST_F(JobWatchTest, OpenJobWithoutAPlanIsWatched) {
  state_.jobs = {Running(101)};
  state_.jobs[0].comment = "mine";
  daemon_.open = {"101"};
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_THAT(daemon_.jobs.back().jobs(), IsEmpty());
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_EQ(LastJob().job_id(), "101");
  EXPECT_THAT(accounting_.asked, IsEmpty()) << "Slurm knows it";
}

TEST_F(JobWatchTest, JobThatWasQueuedAgainWasInterrupted) {
  state_.jobs = {Running(101)};
  EXPECT_THAT(Tell(), IsOk());
  daemon_.open = {"101"};
  state_.jobs[0].states = {"PENDING"};
  state_.jobs[0].submit_seconds = 1500;
  EXPECT_THAT(Tell(), IsOk());
  ASSERT_THAT(daemon_.jobs, SizeIs(3));
  EXPECT_EQ(daemon_.jobs[1].jobs(0).state(), v1::RUN_STATE_PENDING);
  EXPECT_EQ(LastJob().state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_EQ(LastJob().submit_time().seconds(), 1000);
  EXPECT_EQ(LastJob().end_time().seconds(), 1500);
  EXPECT_EQ(LastJob().elapsed_seconds(), 499);
  EXPECT_THAT(accounting_.asked, IsEmpty());
}

// Of a job that ran before this agent did, the daemon knows the start.
TEST_F(JobWatchTest, JobThatWasQueuedAgainUnseenEndedThen) {
  daemon_.open = {"101"};
  state_.jobs = {Running(101)};
  state_.jobs[0].states = {"PENDING"};
  state_.jobs[0].submit_seconds = 1500;
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_EQ(LastJob().state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_EQ(LastJob().end_time().seconds(), 1500);
  EXPECT_FALSE(LastJob().has_elapsed_seconds());
}

TEST_F(JobWatchTest, ElementThatWaitsInItsArrayIsNotMissing) {
  state_.jobs = {Running(100)};
  state_.jobs[0].states = {"PENDING"};
  state_.jobs[0].array_job_id = 100;
  state_.jobs[0].array_tasks = "1-2000";
  daemon_.open = {"100_1999", "100_3000"};
  EXPECT_THAT(Tell(), IsOk());
  EXPECT_THAT(accounting_.asked, ElementsAre(ElementsAre("100_3000")));
}

TEST_F(JobWatchTest, RefusedJobDoesNotHoldUpTheOthers) {
  state_.jobs = {Running(101), Running(102), Running(103)};
  daemon_.refused = "102";
  EXPECT_THAT(Tell(), IsOk());
  ASSERT_THAT(daemon_.jobs, SizeIs(1));
  ASSERT_THAT(daemon_.jobs[0].jobs(), SizeIs(2));
  EXPECT_EQ(daemon_.jobs[0].jobs(1).job_id(), "103");
}

TEST_F(JobWatchTest, ManyJobsGoInSeveralCalls) {
  for (int id = 0; id < 1100; ++id) state_.jobs.push_back(Running(1000 + id));
  EXPECT_THAT(Tell(), IsOk());
  ASSERT_THAT(daemon_.jobs, SizeIs(3));
  EXPECT_THAT(daemon_.jobs[2].jobs(), SizeIs(100));
  EXPECT_THAT(accounting_.asked, IsEmpty());
}

}  // namespace
}  // namespace rhumb::slurm_agent
