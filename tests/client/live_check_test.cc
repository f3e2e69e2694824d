// SPDX-License-Identifier: Apache-2.0
#include "client/cli/live_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kNow = 1'800'000'000;

// Two nodes of 8 H100 in partitions `all` and `short`, of 30 minutes, one of them free.
LiveCluster Cluster(double wait_seconds = 0) {
  v1::NodeInventory nodes;
  for (const char* name : {"n1", "n2"}) {
    v1::Node& node = *nodes.add_nodes();
    node.set_name(name);
    node.set_gpu_type("H100-SXM5-80GB");
    node.set_gpu_count(8);
    node.add_partitions("all");
    node.add_partitions("short");
    node.set_state(v1::NODE_STATE_ALLOCATED);
  }
  nodes.mutable_nodes(1)->set_state(v1::NODE_STATE_IDLE);
  nodes.mutable_nodes(1)->set_free_gpu_count(8);
  nodes.add_partitions()->set_name("all");
  nodes.add_partitions()->set_name("short");
  nodes.mutable_partitions(1)->set_max_wall_seconds(1800);
  return {.name = "mine",
          .start = StartForecast{static_cast<int64_t>(kNow + wait_seconds), "n2", "all"},
          .nodes = nodes,
          .now_unix_seconds = kNow};
}

v1::CheckConfigurationResponse On(int64_t nodes, int64_t gpus_per_node) {
  v1::CheckConfigurationResponse answer;
  answer.mutable_allocation()->set_gpu_type("H100-SXM5-80GB");
  answer.mutable_allocation()->set_node_count(nodes);
  answer.mutable_allocation()->set_gpus_per_node(gpus_per_node);
  answer.mutable_allocation()->set_gpu_count(nodes * gpus_per_node);
  return answer;
}

launch::JobFacts For(double limit_seconds) {
  launch::JobFacts facts;
  facts.time_limit_seconds = launch::Fact<double>{limit_seconds, 5, "#SBATCH --time"};
  facts.gpu_type = launch::Fact<std::string>{"H100-SXM5-80GB", 3, "#SBATCH --gpus-per-node=h100:4"};
  return facts;
}

slurm::GpuNames Names() { return *slurm::GpuNames::Read("hopper = H100-SXM5-80GB\n").value; }

std::vector<std::string> Codes(const v1::CheckConfigurationResponse& answer) {
  std::vector<std::string> codes;
  for (const v1::Advice& advice : answer.advice()) codes.push_back(advice.code());
  return codes;
}

TEST(LiveCheck, SaysNothingOfAJobThatIsAsItShouldBe) {
  v1::CheckConfigurationResponse answer = On(1, 8);
  AdviseOnLiveCluster(Cluster(), For(3600), Names(), answer);
  EXPECT_THAT(Codes(answer), IsEmpty());
}

TEST(LiveCheck, NamesThePartitionThatAllowsTheTime) {
  LiveCluster live = Cluster();
  live.start->partition = "short";
  v1::CheckConfigurationResponse answer = On(1, 8);
  AdviseOnLiveCluster(live, For(3600), Names(), answer);
  ASSERT_THAT(Codes(answer), ElementsAre("PARTITION_LIMIT"));
  EXPECT_EQ(answer.advice(0).directive(), "#SBATCH --partition=all");
  EXPECT_THAT(answer.advice(0).text(), HasSubstr("30 min, and this one asks for 1 h [line 5]"));
}

TEST(LiveCheck, ShortensTheTimeWhereNoPartitionAllowsIt) {
  LiveCluster live = Cluster();
  live.start->partition = "short";
  live.nodes->mutable_partitions(0)->set_max_wall_seconds(2400);
  v1::CheckConfigurationResponse answer = On(1, 8);
  AdviseOnLiveCluster(live, For(3600), Names(), answer);
  ASSERT_THAT(Codes(answer), ElementsAre("PARTITION_LIMIT"));
  EXPECT_EQ(answer.advice(0).directive(), "#SBATCH --time=0-00:30:00");
}

TEST(LiveCheck, PutsPartsOfSeveralNodesOnWholeOnes) {
  v1::CheckConfigurationResponse answer = On(2, 4);
  AdviseOnLiveCluster(Cluster(), For(3600), Names(), answer);
  ASSERT_THAT(Codes(answer), ElementsAre("FEWER_NODES"));
  EXPECT_EQ(answer.advice(0).directive(), "#SBATCH --nodes=1 --gpus-per-node=h100:8");
}

TEST(LiveCheck, NamesWhatIsFreeWhereTheJobWaitsLong) {
  v1::CheckConfigurationResponse answer = On(2, 8);
  AdviseOnLiveCluster(Cluster(/*wait_seconds=*/7200), For(3600), Names(), answer);
  ASSERT_THAT(Codes(answer), ElementsAre("OTHERS_FREE"));
  EXPECT_THAT(answer.advice(0).text(), HasSubstr("2 h; on whole nodes are free now: 8 x H100"));
}

TEST(LiveCheck, SaysThatAJobNeverStarts) {
  LiveCluster live = Cluster();
  live.start = absl::FailedPreconditionError("Slurm would never start this job: no");
  v1::CheckConfigurationResponse answer = On(2, 4);
  AdviseOnLiveCluster(live, For(3600), Names(), answer);
  ASSERT_THAT(Codes(answer), ElementsAre("NEVER_STARTS"));
  EXPECT_TRUE(RunsOtherwise(answer));
  EXPECT_THAT(JsonOfLiveCluster(live), HasSubstr("\"start_problem\": \"Slurm would never"));
}

TEST(LiveCheck, CallsNoJobHopelessWhereSlurmSaysNoStart) {
  LiveCluster live = Cluster();
  live.start = absl::InternalError("sbatch --test-only forecast no start");
  v1::CheckConfigurationResponse answer = On(2, 4);
  AdviseOnLiveCluster(live, For(3600), Names(), answer);
  EXPECT_THAT(Codes(answer), IsEmpty());
  EXPECT_FALSE(RunsOtherwise(answer));
}

TEST(LiveCheck, NamesGpusOfAnotherTypeThatTheJobWouldStartOn) {
  LiveCluster live = Cluster(/*wait_seconds=*/7200);
  live.nodes->mutable_nodes(0)->set_gpu_type("A100-SXM4-80GB");
  live.start_nodes = {"n1", "n2"};
  v1::CheckConfigurationResponse answer = On(2, 8);
  AdviseOnLiveCluster(live, For(3600), Names(), answer);
  ASSERT_THAT(Codes(answer), ElementsAre("WRONG_GPUS"));
  EXPECT_THAT(answer.advice(0).text(), HasSubstr("of type A100-SXM4-80GB (n1), and"));
  EXPECT_EQ(answer.advice(0).directive(), "#SBATCH --gpus-per-node=hopper:8");
  EXPECT_TRUE(RunsOtherwise(answer));
}

TEST(LiveCheck, AdvisesNoLongerTimeThanThePartitionGives) {
  LiveCluster live = Cluster();
  live.start->partition = "short";
  v1::CheckConfigurationResponse answer = On(1, 8);
  answer.add_advice()->set_directive("#SBATCH --time=0-02:00:00; #SBATCH --nodes=2");
  answer.add_advice()->set_directive("#SBATCH --time=0-00:20:00");
  AdviseOnLiveCluster(live, For(1200), Names(), answer);
  EXPECT_EQ(answer.advice(0).directive(), "#SBATCH --time=0-00:30:00; #SBATCH --nodes=2");
  EXPECT_THAT(answer.advice(0).text(), HasSubstr("partition short ends jobs after 30 min"));
  EXPECT_EQ(answer.advice(1).directive(), "#SBATCH --time=0-00:20:00");
}

TEST(LiveCheck, GoesWithoutNodesThatNobodyTellsOf) {
  LiveCluster live = Cluster();
  live.nodes = absl::NotFoundError("no nodes of mine");
  v1::CheckConfigurationResponse answer = On(2, 4);
  AdviseOnLiveCluster(live, For(3600), Names(), answer);
  EXPECT_THAT(Codes(answer), IsEmpty());
  EXPECT_THAT(RenderLiveCluster(live, {}), HasSubstr("no nodes of mine"));
}

}  // namespace
}  // namespace rhumb::cli
