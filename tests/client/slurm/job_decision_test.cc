// SPDX-License-Identifier: Apache-2.0
#include "client/slurm/job_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "client/slurm/answer.h"
#include "client/slurm/text.h"

namespace rhumb::slurm {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

// A plan for 16 GPUs on 2 nodes and a day.
Variables PlanVariables() {
  return {{"RHUMB_PLAN", "plans/p-1"},     {"RHUMB_GPU_TYPE", "H100-SXM5-80GB"},
          {"RHUMB_GPU_COUNT", "16"},       {"RHUMB_NODE_COUNT", "2"},
          {"RHUMB_WALL_SECONDS", "86400"}, {"RHUMB_WALL_HIGH_SECONDS", "101206"}};
}

std::string ProblemWith(const char* name, const std::string& value) {
  Variables variables = PlanVariables();
  variables[name] = value;
  return Decide(variables, GpuNames()).problem;
}

TEST(ReadVariablesTest, ReadsPlainAndQuotedValues) {
  const Outcome<Variables> variables = ReadVariables(
      "# a comment: $(x)\n\nexport RHUMB_PLAN=plans/p-1\nexport RHUMB_LAW='it'\\''s'\n");
  ASSERT_TRUE(variables.ok()) << variables.problem;
  EXPECT_THAT(*variables, ElementsAre(Pair("RHUMB_LAW", "it's"), Pair("RHUMB_PLAN", "plans/p-1")));
}

TEST(ReadVariablesTest, WhatAShellWouldExpandIsRefused) {
  for (const char* value : {"$(reboot)", "`x`", "a b", "\"x\"", "'open", "a;b", "~", "x\\"}) {
    EXPECT_FALSE(ReadVariables("export RHUMB_X=" + std::string(value) + "\n").ok()) << value;
  }
}

TEST(ReadVariablesTest, OtherLinesAndNamesAreRefused) {
  EXPECT_THAT(ReadVariables("# x\n<html>\n").problem, HasSubstr("line 2 is no"));
  EXPECT_FALSE(ReadVariables("export LD_PRELOAD=/tmp/x.so\n").ok());
  EXPECT_FALSE(ReadVariables("export RHUMB_=1\n").ok());
  EXPECT_FALSE(ReadVariables(std::string("export RHUMB_X=a\0b\n", 19)).ok());
}

TEST(ReadVariablesTest, AnAnswerThatWasCutShortIsRefused) {
  EXPECT_THAT(ReadVariables("export RHUMB_PLAN=plans/p-1").problem, HasSubstr("end is missing"));
}

TEST(JobDecisionTest, IsOneTaskAGpuAndTheUpperEndOfTheWallTime) {
  const Outcome<JobDecision> decision = Decide(PlanVariables(), GpuNames());
  ASSERT_TRUE(decision.ok()) << decision.problem;
  EXPECT_EQ(decision->planned_minutes, 1440);
  EXPECT_THAT(
      Options(*decision),
      ElementsAre(Pair("nodes", "2"), Pair("ntasks-per-node", "8"), Pair("gpus-per-node", "h100:8"),
                  Pair("time", "1-04:07:00"), Pair("comment", "rhumb:plans/p-1")));
}

TEST(JobDecisionTest, APartitionOfThePlanIsAskedFor) {
  Variables variables = PlanVariables();
  variables["RHUMB_PARTITION"] = "big";
  EXPECT_THAT(Options(*Decide(variables, GpuNames())), testing::Contains(Pair("partition", "big")));
}

TEST(JobDecisionTest, WithoutAnIntervalTheExpectedTimeIsTheLimit) {
  Variables variables = PlanVariables();
  variables.erase("RHUMB_WALL_HIGH_SECONDS");
  EXPECT_EQ(Decide(variables, GpuNames())->minutes, 1440);
}

TEST(JobDecisionTest, AChainIsOfJobsAsLongAsTheLimitInWholeMinutes) {
  Variables variables = PlanVariables();
  variables["RHUMB_JOB_COUNT"] = "3";
  variables["RHUMB_JOB_LIMIT_SECONDS"] = "36059.5";
  const Outcome<JobDecision> decision = Decide(variables, GpuNames());
  ASSERT_TRUE(decision.ok()) << decision.problem;
  EXPECT_EQ(decision->job_count, 3);
  EXPECT_EQ(decision->minutes, 600);
  EXPECT_EQ(decision->planned_minutes, 600);
}

TEST(JobDecisionTest, OneJobTakesTheUpperEndUpToTheLimit) {
  Variables variables = PlanVariables();
  variables["RHUMB_JOB_COUNT"] = "1";
  variables["RHUMB_JOB_LIMIT_SECONDS"] = "90000";
  EXPECT_EQ(Decide(variables, GpuNames())->minutes, 1500);
  EXPECT_EQ(Decide(variables, GpuNames())->planned_minutes, 1440);
  variables["RHUMB_JOB_LIMIT_SECONDS"] = "900000";
  EXPECT_EQ(Decide(variables, GpuNames())->minutes, 1687);
}

TEST(JobDecisionTest, ANumberOfJobsThatIsNoneIsRefused) {
  for (const char* count : {"0", "-1", "x", "10001"}) {
    EXPECT_THAT(ProblemWith("RHUMB_JOB_COUNT", count), HasSubstr("no number of jobs")) << count;
  }
}

TEST(JobDecisionTest, AnswersThatAreNoJobAreRefused) {
  EXPECT_THAT(ProblemWith("RHUMB_PLAN", ""), HasSubstr("has no name"));
  EXPECT_THAT(ProblemWith("RHUMB_PLAN", "a b"), HasSubstr("has no name"));
  EXPECT_THAT(ProblemWith("RHUMB_GPU_TYPE", ""), HasSubstr("names no GPUs"));
  for (const char* count : {"0", "-7", "1e9", "99999999999999999999", ""}) {
    EXPECT_THAT(ProblemWith("RHUMB_GPU_COUNT", count), HasSubstr("names no GPUs")) << count;
    EXPECT_THAT(ProblemWith("RHUMB_NODE_COUNT", count), HasSubstr("names no GPUs")) << count;
  }
  EXPECT_THAT(ProblemWith("RHUMB_GPU_COUNT", "15"), HasSubstr("15 GPUs on 2 nodes"));
  EXPECT_THAT(ProblemWith("RHUMB_WALL_SECONDS", "nan"), HasSubstr("no wall time"));
  EXPECT_THAT(ProblemWith("RHUMB_PARTITION", "a b"), HasSubstr("is no partition"));
}

TEST(SlurmTimeTest, IsDaysHoursMinutes) {
  EXPECT_EQ(SlurmTime(1687), "1-04:07:00");
  EXPECT_EQ(SlurmTime(0), "0-00:00:00");
}

TEST(TextTest, FirstParagraphIsOneLine) {
  EXPECT_EQ(FirstParagraph("  No plan\nmeets\tthis.\n\nWould do"), "No plan meets this.");
  EXPECT_EQ(FirstParagraph("\xc3\xa9\xc3\xa9\xc3\xa9", 3), "\xc3\xa9...");
  EXPECT_EQ(FirstParagraph(""), "");
}

}  // namespace
}  // namespace rhumb::slurm
