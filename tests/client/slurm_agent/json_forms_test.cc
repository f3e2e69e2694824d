// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/json_forms.h"

#include <rapidcheck.h>

#include <optional>
#include <string>

#include "client/config/text_file.h"
#include "client/slurm_agent/command_forms.h"
#include "client/slurm_agent/slurm_commands.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/matchers.h"

namespace rhumb::slurm_agent {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Recorded(const std::string& name) {
  return *ReadTextFile(RHUMB_TEST_DATA_DIR "/slurm/" + name + ".json");
}

class NodesJsonTest : public ::testing::TestWithParam<const char*> {};

TEST_P(NodesJsonTest, OfEveryVersionSaysTheSame) {
  const auto forms = ParseNodesJson(Recorded(GetParam()));
  ASSERT_THAT(forms, IsOk());
  ASSERT_THAT(forms->nodes, SizeIs(2));
  EXPECT_EQ(forms->nodes[0].name, "ga2");
  EXPECT_THAT(forms->nodes[0].states, ElementsAre("IDLE", "DRAIN"));
  EXPECT_EQ(forms->nodes[0].reason, "bad fan");
  EXPECT_THAT(forms->nodes[1].states, ElementsAre("MIXED"));
  EXPECT_EQ(forms->nodes[1].gres, "gpu:h100:8");
  EXPECT_EQ(forms->nodes[1].gres_used, "gpu:h100:4(IDX:0-3)");
  EXPECT_THAT(forms->nodes_of_partition.at("short"), ElementsAre("ga2", "gh1"));
}

INSTANTIATE_TEST_SUITE_P(Versions, NodesJsonTest, ::testing::Values("nodes_22_05", "nodes_24_05"));

class JobsJsonTest : public ::testing::TestWithParam<const char*> {};

TEST_P(JobsJsonTest, OfEveryVersionSaysTheSame) {
  const auto jobs = ParseJobsJson(Recorded(GetParam()));
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(3));
  const SourceJob& running = (*jobs)[0];
  EXPECT_EQ(running.job_id, 1);
  EXPECT_EQ(running.array_job_id, 0);
  EXPECT_EQ(running.array_task_id, std::nullopt);
  EXPECT_THAT(running.states, ElementsAre("RUNNING"));
  EXPECT_EQ(running.comment, "rhumb:plans/p-0123 mine");
  EXPECT_EQ(running.user_id, 65534);
  EXPECT_THAT(running.gres_detail, ElementsAre("gpu:h100:4(IDX:0-3)"));
  EXPECT_EQ(running.submit_seconds, 1795892202);
  const SourceJob& waiting = (*jobs)[1];
  EXPECT_EQ(waiting.array_job_id, 2);
  EXPECT_EQ(waiting.array_task_id, std::nullopt);
  EXPECT_EQ(waiting.array_tasks, "2-3,7%1");
  EXPECT_EQ(waiting.time_limit_seconds, 600);
  const SourceJob& failed = (*jobs)[2];
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_EQ(failed.exit_signal, 0);
  EXPECT_EQ(failed.reason, "NonZeroExitCode");
}

INSTANTIATE_TEST_SUITE_P(Versions, JobsJsonTest, ::testing::Values("jobs_22_05", "jobs_24_05"));

TEST(JobsJsonTest, LimitThatIsInfiniteIsNone) {
  EXPECT_EQ(ParseJobsJson(Recorded("jobs_24_05"))->at(0).time_limit_seconds, std::nullopt);
  EXPECT_EQ(ParseJobsJson(Recorded("jobs_22_05"))->at(0).time_limit_seconds, 600);
}

TEST(JobsJsonTest, SignalOfNewerVersions) {
  const auto jobs = ParseJobsJson(
      R"({"jobs": [{"job_id": 1, "exit_code": {"return_code": {"set": true, "number": 0},
          "signal": {"id": {"set": true, "infinite": false, "number": 9}, "name": "Killed"}}}]})");
  EXPECT_EQ(jobs->at(0).exit_signal, 9);
}

TEST(JobsJsonTest, ValuesOfOtherKindsCountAsNotGiven) {
  const auto jobs = ParseJobsJson(
      R"({"jobs": [{"job_id": 1, "comment": 7, "job_state": {"a": 1}, "gres_detail": [1, null],
          "time_limit": {"set": true, "number": {"set": true}}, "start_time": 1e300,
          "exit_code": {"return_code": {}}}, 5, {"job_id": "x"}]})");
  ASSERT_THAT(jobs, IsOk());
  ASSERT_THAT(*jobs, SizeIs(1));
  EXPECT_THAT(jobs->at(0).states, IsEmpty());
  EXPECT_EQ(jobs->at(0).start_seconds, 0);
}

TEST(JobsJsonTest, WhatIsNoListOfJobsIsRefused) {
  EXPECT_THAT(ParseJobsJson(""), StatusIs(absl::StatusCode::kDataLoss, "jobs"));
  EXPECT_THAT(ParseJobsJson("{\"jobs\": 1}"), StatusIs(absl::StatusCode::kDataLoss, "jobs"));
  EXPECT_THAT(ParseJobsJson("{\"jobs\": ["), StatusIs(absl::StatusCode::kDataLoss, "jobs"));
  EXPECT_THAT(ParseNodesJson("{\"sinfo\": []}"), StatusIs(absl::StatusCode::kDataLoss, "nodes"));
}

TEST(JobsJsonTest, DamagedTextsNeverCrash) {
  const std::string text = Recorded("jobs_24_05");
  EXPECT_TRUE(rc::check("one byte changed", [&] {
    std::string damaged = text;
    damaged[*rc::gen::inRange<size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
    (void)ParseJobsJson(damaged);
  }));
}

TEST(CommandFormsTest, Partitions) {
  const auto partitions = ParsePartitions(
      "all|up|30-00:00:00\nall|up|30-00:00:00\nshort|down|30:00\nlong|up|infinite\n");
  ASSERT_THAT(partitions, IsOk());
  ASSERT_THAT(*partitions, SizeIs(3));
  EXPECT_EQ(partitions->at(0).max_wall_seconds, 2592000);
  EXPECT_FALSE(partitions->at(1).is_up);
  EXPECT_EQ(partitions->at(1).max_wall_seconds, 1800);
  EXPECT_EQ(partitions->at(2).max_wall_seconds, std::nullopt);
}

TEST(CommandFormsTest, WhatIsNoPartitionIsRefused) {
  EXPECT_THAT(ParsePartitions("all up"), StatusIs(absl::StatusCode::kDataLoss, "all up"));
  EXPECT_THAT(ParsePartitions("all|up|soon"), StatusIs(absl::StatusCode::kDataLoss, "soon"));
}

TEST(CommandFormsTest, Reservations) {
  const auto reservations = ParseReservations(
      "ReservationName=course StartTime=1795892202 EndTime=1795895802 Duration=01:00:00 "
      "Nodes=gh[1-2] NodeCnt=2 Flags=MAINT,SPEC_NODES Users=root State=ACTIVE\n"
      "ReservationName=cores StartTime=1 EndTime=2 Nodes=(null) Flags=IGNORE_JOBS\n");
  ASSERT_THAT(reservations, SizeIs(2));
  EXPECT_EQ(reservations[0].name, "course");
  EXPECT_THAT(reservations[0].nodes, ElementsAre("gh1", "gh2"));
  EXPECT_EQ(reservations[0].end_seconds, 1795895802);
  EXPECT_TRUE(reservations[0].is_maintenance);
  EXPECT_THAT(reservations[1].nodes, IsEmpty());
  EXPECT_FALSE(reservations[1].is_maintenance);
  EXPECT_THAT(ParseReservations("No reservations in the system\n"), IsEmpty());
}

TEST(CommandFormsTest, Configuration) {
  const auto identity = ParseConfiguration(
      "Configuration data as of 2026\nClusterName             = lab\nSLURM_VERSION = 22.05.8\n");
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->cluster, "lab");
  EXPECT_THAT(ParseConfiguration("nothing"), StatusIs(absl::StatusCode::kDataLoss, "cluster"));
}

TEST(SlurmCommandsTest, ProgramThatIsMissingIsSaid) {
  EXPECT_THAT(RunCommand("rhumb-no-such-program", {}, absl::Seconds(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "$PATH"));
  EXPECT_EQ(FindCommand("sh", "relative:/nowhere"), "");
}

TEST(SlurmCommandsTest, ProgramThatHangsIsEnded) {
  EXPECT_THAT(RunCommand("sleep", {"60"}, absl::Milliseconds(50)),
              StatusIs(absl::StatusCode::kUnavailable, "no answer within 50ms"));
}

TEST(SlurmCommandsTest, ProgramThatFailsSaysWhy) {
  EXPECT_THAT(RunCommand("ls", {"/nowhere/at/all"}, absl::Seconds(5)),
              StatusIs(absl::StatusCode::kUnavailable, "nowhere"));
  EXPECT_THAT(RunCommand("ls", {"--no-such-option"}, absl::Seconds(5)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "unrecognized option"));
}

}  // namespace
}  // namespace rhumb::slurm_agent
