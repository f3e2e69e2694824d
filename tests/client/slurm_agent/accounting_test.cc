// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/accounting.h"

#include <rapidcheck.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::slurm_agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kFailed[] =
    "798|FAILED|2:0|1795892202|1795892203|1795892211|8|"
    "billing=64,cpu=64,gres/gpu:h100=16,gres/gpu=16,mem=1T,node=2|2|gh[1-2]||1000|ada|all|60\n";

TEST(SacctTest, RowOfAJob) {
  const AccountingAnswer answer = ParseSacct(kFailed);
  const v1::Job& job = answer.jobs.at("798");
  EXPECT_EQ(job.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(job.exit_code(), 2);
  EXPECT_EQ(job.exit_signal(), 0);
  EXPECT_EQ(job.submit_time().seconds(), 1795892202);
  EXPECT_EQ(job.end_time().seconds(), 1795892211);
  EXPECT_EQ(job.elapsed_seconds(), 8);
  EXPECT_EQ(job.gpu_type(), "h100");
  EXPECT_EQ(job.gpu_count(), 16);
  EXPECT_EQ(job.node_list(), "gh[1-2]");
  EXPECT_EQ(job.time_limit_seconds(), 3600);
  EXPECT_FALSE(job.has_max_rss_bytes());
}

TEST(SacctTest, LargestStepIsTheMemory) {
  const AccountingAnswer answer =
      ParseSacct(std::string(kFailed) +
                 "798.batch|FAILED|2:0|1|1|1|8|cpu=64|1|gh1|1200K||||\n"
                 "798.0|FAILED|2:0|1|1|1|8|cpu=64|2|gh[1-2]|65.5M||||\n"
                 "798.extern|COMPLETED|0:0|1|1|1|8|cpu=64|2|gh[1-2]|0||||\n");
  EXPECT_EQ(answer.jobs.at("798").max_rss_bytes(), 68681728);
  EXPECT_THAT(answer.unread_lines, IsEmpty());
}

TEST(SacctTest, CancelledBeforeItStarted) {
  const AccountingAnswer answer = ParseSacct(
      "12|CANCELLED by 1000|0:0|1795892202|None|1795892211|0||2|None "
      "assigned||1000|ada|all|UNLIMITED\n");
  const v1::Job& job = answer.jobs.at("12");
  EXPECT_EQ(job.state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(job.scheduler_state(), "CANCELLED");
  EXPECT_FALSE(job.has_start_time());
  EXPECT_FALSE(job.has_exit_code());
  EXPECT_FALSE(job.has_time_limit_seconds());
}

TEST(SacctTest, ElementsAndHeterogeneousJobsKeepTheirNames) {
  const AccountingAnswer answer = ParseSacct(
      "120_3|COMPLETED|0:0|1|2|3|1||1|gh1||0|root|all|1\n"
      "130+0|COMPLETED|0:0|1|2|3|1||1|gh1||0|root|all|1\n"
      "130+1|COMPLETED|0:0|1|2|3|1||1|gh2||0|root|all|1\n");
  EXPECT_THAT(answer.jobs, SizeIs(3));
  EXPECT_TRUE(answer.jobs.contains("120_3"));
  EXPECT_TRUE(answer.jobs.contains("130"));
  EXPECT_TRUE(answer.jobs.contains("130+1"));
}

TEST(SacctTest, LinesThatDoNotReadAreSkipped) {
  const AccountingAnswer answer = ParseSacct(
      "sacct: error: something\n"
      "1|COMPLETED|0:0\n"
      "2|SOMETHING_NEW|0:0|1|2|3|1||1|gh1||0|root|all|1\n"
      "3|COMPLETED|zero|1|2|3|1||1|gh1||0|root|all|1\n"
      "4|COMPLETED|0:0|yesterday|2|3|1||1|gh1||0|root|all|1\n"
      "5|COMPLETED|0:0|1|2|3|-1||1|gh1||0|root|all|1\n"
      "-S|COMPLETED|0:0|1|2|3|1||1|gh1||0|root|all|1\n"
      "7|COMPLETED|0:0|1|99999999999999|3|1||1|gh1||0|root|all|1\n" +
      std::string(kFailed));
  EXPECT_THAT(answer.jobs, SizeIs(1));
  EXPECT_THAT(answer.unread_lines, SizeIs(8));
}

TEST(SacctTest, AnyTextIsReadOrSkipped) {
  EXPECT_TRUE(rc::check("any text", [](const std::string& text) { ParseSacct(text); }));
  EXPECT_TRUE(rc::check("rows of any fields", [] {
    const auto fields = *rc::gen::container<std::vector<std::string>>(
        15,
        rc::gen::element<std::string>("", "1", "1.0", "COMPLETED", "0:0", "99999999999999999999",
                                      "67420K", "1e400G", "nanK", "None", "gres/gpu=1|"));
    std::string row;
    for (const std::string& field : fields) row += field + "|";
    ParseSacct(row);
  }));
}

TEST(SacctTest, SiteWithoutSacctKeepsNoAccounts) {
  EXPECT_EQ(SacctAccounting("", absl::Seconds(1)).Ask({"1"}).outcome,
            AccountingAnswer::Outcome::kDisabled);
}

TEST(SacctTest, ProgramThatFailsIsAFailure) {
  EXPECT_EQ(SacctAccounting("/bin/false", absl::Seconds(1)).Ask({"1"}).outcome,
            AccountingAnswer::Outcome::kFailed);
}

TEST(SacctTest, WhatIsNoJobIdIsNotAsked) {
  const AccountingAnswer answer = SacctAccounting("/bin/false", absl::Seconds(1)).Ask({"-S", "x"});
  EXPECT_EQ(answer.outcome, AccountingAnswer::Outcome::kAnswered);
  EXPECT_THAT(answer.jobs, IsEmpty());
}

}  // namespace
}  // namespace rhumb::slurm_agent
