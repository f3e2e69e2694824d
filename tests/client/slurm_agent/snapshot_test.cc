// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/snapshot.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::slurm_agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kNow = 1'795'892'000;

slurm::GpuNames Names(const std::string& table = "h100 = H100-SXM5-80GB\n") {
  return *slurm::GpuNames::Read(table);
}

ClusterState OneNode(const std::string& gres, const std::string& used,
                     std::vector<std::string> states = {"MIXED"}) {
  ClusterState state;
  state.nodes = {{.name = "gh1", .states = std::move(states), .gres = gres, .gres_used = used}};
  state.partitions = {{.name = "all", .is_up = true, .nodes = {"gh1"}}};
  return state;
}

v1::Node FirstNode(const ClusterState& state, const slurm::GpuNames& names = Names()) {
  return MakeInventory(state, "lab", names, kNow).nodes(0);
}

TEST(InventoryTest, FreeGpusAreThoseThatNoJobHolds) {
  const v1::Node node = FirstNode(OneNode("gpu:h100:8(S:0-1)", "gpu:h100:3(IDX:0-2)"));
  EXPECT_EQ(node.gpu_type(), "H100-SXM5-80GB");
  EXPECT_EQ(node.gpu_count(), 8);
  EXPECT_EQ(node.free_gpu_count(), 5);
  EXPECT_EQ(node.state(), v1::NODE_STATE_MIXED);
  EXPECT_THAT(node.partitions(), ElementsAre("all"));
}

TEST(InventoryTest, NothingIsFreeOnANodeThatTakesNoJobs) {
  const v1::Node node = FirstNode(OneNode("gpu:h100:8", "gpu:h100:0(IDX:N/A)", {"IDLE", "DRAIN"}));
  EXPECT_EQ(node.state(), v1::NODE_STATE_DRAINED);
  EXPECT_EQ(node.gpu_count(), 8);
  EXPECT_EQ(node.free_gpu_count(), 0);
  EXPECT_EQ(node.reason(), "DRAIN");
}

TEST(InventoryTest, ReasonOfTheAdministratorStands) {
  ClusterState state = OneNode("gpu:h100:8", "", {"IDLE", "DRAIN"});
  state.nodes[0].reason = "bad fan";
  EXPECT_EQ(FirstNode(state).reason(), "bad fan");
}

TEST(InventoryTest, GpusWithoutATypeHaveTheTablesName) {
  EXPECT_EQ(FirstNode(OneNode("gpu:8", "gpu:2"), Names("untyped = L40S\n")).gpu_type(), "L40S");
}

TEST(InventoryTest, TypesThatNobodyKnowsStay) {
  EXPECT_EQ(FirstNode(OneNode("gpu:tpu9:8", "")).gpu_type(), "tpu9");
  EXPECT_EQ(FirstNode(OneNode("gpu:8", "")).gpu_type(), "untyped");
}

TEST(InventoryTest, NodeOfSeveralTypesCountsWithTheOneItHasMostOf) {
  const ClusterState state =
      OneNode("gpu:a100:2,gpu:h100:6", "gpu:a100:2(IDX:0-1),gpu:h100:1(IDX:2)");
  EXPECT_EQ(FirstNode(state).gpu_count(), 6);
  EXPECT_EQ(FirstNode(state).free_gpu_count(), 5);
  EXPECT_THAT(MixedTypeNodes(state), ElementsAre("gh1"));
}

TEST(InventoryTest, NodeWithoutGpusHasNone) {
  const v1::Node node = FirstNode(OneNode("(null)", "(null)", {"IDLE"}));
  EXPECT_EQ(node.gpu_type(), "");
  EXPECT_EQ(node.gpu_count(), 0);
}

TEST(InventoryTest, ActiveReservationKeepsANode) {
  ClusterState state = OneNode("gpu:h100:8", "", {"IDLE"});
  state.reservations = {
      {.name = "course", .nodes = {"gh1"}, .start_seconds = kNow - 1, .end_seconds = kNow + 60}};
  EXPECT_EQ(FirstNode(state).state(), v1::NODE_STATE_RESERVED);
  EXPECT_EQ(FirstNode(state).reason(), "reservation course");
  EXPECT_EQ(FirstNode(state).free_gpu_count(), 0);
}

TEST(InventoryTest, ReservationsToComeAndGoneKeepNothing) {
  ClusterState state = OneNode("gpu:h100:8", "", {"IDLE"});
  state.reservations = {
      {.name = "later", .nodes = {"gh1"}, .start_seconds = kNow + 1, .end_seconds = kNow + 60},
      {.name = "gone", .nodes = {"gh1"}, .start_seconds = kNow - 60, .end_seconds = kNow}};
  EXPECT_EQ(FirstNode(state).state(), v1::NODE_STATE_IDLE);
}

TEST(InventoryTest, MaintenanceDrains) {
  ClusterState state = OneNode("gpu:h100:8", "", {"IDLE"});
  state.reservations = {
      {.name = "course", .nodes = {"gh1"}, .start_seconds = 1, .end_seconds = kNow + 9},
      {.name = "firmware",
       .nodes = {"gh1"},
       .start_seconds = 1,
       .end_seconds = kNow + 9,
       .is_maintenance = true}};
  EXPECT_EQ(FirstNode(state).state(), v1::NODE_STATE_DRAINED);
  EXPECT_EQ(FirstNode(state).reason(), "reservation firmware");
}

TEST(InventoryTest, DownNodeInAReservationStaysDown) {
  ClusterState state = OneNode("gpu:h100:8", "", {"DOWN"});
  state.reservations = {
      {.name = "course", .nodes = {"gh1"}, .start_seconds = 1, .end_seconds = kNow + 9}};
  EXPECT_EQ(FirstNode(state).state(), v1::NODE_STATE_DOWN);
}

TEST(InventoryTest, PartitionsThatAreDownAreLeftOut) {
  ClusterState state = OneNode("gpu:h100:8", "", {"IDLE"});
  state.partitions.push_back({.name = "old", .is_up = false, .nodes = {"gh1"}});
  const v1::NodeInventory inventory = MakeInventory(state, "lab", Names(), kNow);
  EXPECT_THAT(inventory.partitions(), SizeIs(1));
  EXPECT_THAT(inventory.nodes(0).partitions(), ElementsAre("all"));
}

TEST(InventoryTest, NodeWithoutAnyPartitionThatIsUpTakesNoJobs) {
  ClusterState state = OneNode("gpu:h100:8", "", {"IDLE"});
  state.partitions[0].is_up = false;
  EXPECT_EQ(FirstNode(state).state(), v1::NODE_STATE_DRAINED);
  EXPECT_EQ(FirstNode(state).free_gpu_count(), 0);
}

TEST(InventoryTest, LimitOfAPartitionIsAbsentWhereThereIsNone) {
  ClusterState state = OneNode("gpu:h100:8", "");
  state.partitions.push_back(
      {.name = "short", .is_up = true, .max_wall_seconds = 1800, .nodes = {}});
  const v1::NodeInventory inventory = MakeInventory(state, "lab", Names(), kNow);
  EXPECT_FALSE(inventory.partitions(0).has_max_wall_seconds());
  EXPECT_EQ(inventory.partitions(1).max_wall_seconds(), 1800);
}

TEST(InventoryTest, NodesOfTheFutureAreNone) {
  EXPECT_THAT(MakeInventory(OneNode("gpu:h100:8", "", {"FUTURE"}), "lab", Names(), kNow).nodes(),
              IsEmpty());
}

SourceJob RunningJob() {
  return {.job_id = 101,
          .states = {"RUNNING"},
          .reason = "None",
          .comment = "rhumb:plans/p-01",
          .user_name = "ada",
          .name = "train",
          .partition = "all",
          .user_id = 1000,
          .node_list = "gh[1-2]",
          .node_count = 2,
          .task_count = 16,
          .gres_detail = {"gpu:h100:8(IDX:0-7)", "gpu:h100:8(IDX:0-7)"},
          .tres_per_node = "gres:gpu:h100:8",
          .submit_seconds = kNow - 200,
          .start_seconds = kNow - 100,
          .end_seconds = kNow + 500,
          .time_limit_seconds = 600};
}

ClusterState WithJob(SourceJob job) {
  ClusterState state;
  state.jobs.push_back(std::move(job));
  return state;
}

v1::Job FirstJob(const SourceJob& job) { return MakeJobs(WithJob(job), {}, Names(), kNow).at(0); }

TEST(InventoryTest, JobsOfPlansThatHoldGpusAreRunningOnes) {
  ClusterState state = WithJob(RunningJob());
  state.jobs.push_back(RunningJob());
  state.jobs.back().states = {"PENDING"};
  state.jobs.push_back(RunningJob());
  state.jobs.back().gres_detail.clear();
  state.jobs.back().tres_per_node.clear();
  state.jobs.push_back(RunningJob());
  state.jobs.back().comment = "mine";
  const v1::NodeInventory inventory = MakeInventory(state, "lab", Names(), kNow);
  ASSERT_THAT(inventory.running_jobs(), SizeIs(1));
  const v1::RunningJob& job = inventory.running_jobs(0);
  EXPECT_EQ(job.job_id(), "101");
  EXPECT_EQ(job.plan(), "plans/p-01");
  EXPECT_EQ(job.owner_uid(), RunningJob().user_id);
  EXPECT_EQ(job.gpu_count(), GpusOfJob(RunningJob()).count);
}

TEST(JobsTest, RunningJobHasWhatItHolds) {
  const v1::Job job = FirstJob(RunningJob());
  EXPECT_EQ(job.job_id(), "101");
  EXPECT_EQ(job.state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(job.reason(), "");
  EXPECT_EQ(job.plan(), "plans/p-01");
  EXPECT_EQ(job.user_name(), "ada");
  EXPECT_EQ(job.owner_uid(), 1000);
  EXPECT_EQ(job.gpu_type(), "H100-SXM5-80GB");
  EXPECT_EQ(job.gpu_count(), 16);
  EXPECT_EQ(job.elapsed_seconds(), 100);
  EXPECT_EQ(job.time_limit_seconds(), 600);
  EXPECT_FALSE(job.has_end_time()) << "the end is a forecast";
  EXPECT_FALSE(job.has_exit_code());
}

TEST(JobsTest, WaitingJobHasNoStart) {
  SourceJob source = RunningJob();
  source.states = {"PENDING"};
  source.reason = "Resources";
  source.node_list = "";
  source.gres_detail = {};
  source.start_seconds = kNow + 60;
  const v1::Job job = FirstJob(source);
  EXPECT_FALSE(job.has_start_time());
  EXPECT_FALSE(job.has_elapsed_seconds());
  EXPECT_EQ(job.reason(), "Resources");
  EXPECT_EQ(job.gpu_count(), 16) << "what it asks for";
}

TEST(JobsTest, FailedJobHasItsExitCode) {
  SourceJob source = RunningJob();
  source.states = {"FAILED"};
  source.end_seconds = kNow - 10;
  source.exit_code = 3;
  const v1::Job job = FirstJob(source);
  EXPECT_EQ(job.exit_code(), 3);
  EXPECT_EQ(job.exit_signal(), 0);
  EXPECT_EQ(job.end_time().seconds(), kNow - 10);
  EXPECT_EQ(job.elapsed_seconds(), 90);
}

TEST(JobsTest, CancelledBeforeItStartedHasNeitherStartNorExitCode) {
  SourceJob source = RunningJob();
  source.states = {"CANCELLED"};
  source.node_list = "";
  source.start_seconds = source.end_seconds = kNow - 5;
  const v1::Job job = FirstJob(source);
  EXPECT_FALSE(job.has_start_time());
  EXPECT_FALSE(job.has_exit_code());
  EXPECT_EQ(job.end_time().seconds(), kNow - 5);
}

TEST(JobsTest, SuspensionDoesNotCountAsElapsed) {
  SourceJob source = RunningJob();
  source.suspend_seconds = kNow - 20;  // resumed then
  source.run_before_suspend_seconds = 30;
  EXPECT_EQ(FirstJob(source).elapsed_seconds(), 50);
  source.states = {"SUSPENDED"};
  EXPECT_EQ(FirstJob(source).elapsed_seconds(), 30);
}

TEST(JobsTest, NamesOfJobs) {
  SourceJob job = RunningJob();
  EXPECT_EQ(JobIdText(job), "101");
  job.array_job_id = 100;
  job.array_task_id = 3;
  EXPECT_EQ(JobIdText(job), "100_3");
  job = RunningJob();
  job.het_job_id = 100;
  job.het_job_offset = 1;
  EXPECT_EQ(JobIdText(job), "100+1");
  job.job_id = 100;
  job.het_job_offset = 0;
  EXPECT_EQ(JobIdText(job), "100");
}

TEST(JobsTest, WaitingElementsOfAnArrayAreTold) {
  SourceJob source = RunningJob();
  source.states = {"PENDING"};
  source.array_job_id = 101;
  source.array_tasks = "2-3,7%1";
  std::vector<std::string> ids;
  for (const v1::Job& job : MakeJobs(WithJob(source), {}, Names(), kNow))
    ids.push_back(job.job_id());
  EXPECT_THAT(ids, ElementsAre("101_2", "101_3", "101_7"));
}

TEST(JobsTest, OfAnEndlessArrayTheFirstElementsAreTold) {
  SourceJob source = RunningJob();
  source.states = {"PENDING"};
  source.array_job_id = 101;
  source.array_tasks = "0-4000000";
  EXPECT_THAT(MakeJobs(WithJob(source), {}, Names(), kNow), SizeIs(kMaxWaitingElements));
}

TEST(JobsTest, JobsOfNoPlanAreToldWhereTheyAreWatched) {
  SourceJob source = RunningJob();
  source.comment = "mine";
  EXPECT_THAT(MakeJobs(WithJob(source), {}, Names(), kNow), IsEmpty());
  EXPECT_THAT(MakeJobs(WithJob(source), {"101"}, Names(), kNow), SizeIs(1));
}

TEST(JobsTest, FirstOfAChainThatNamesItselfIsTheFirst) {
  SourceJob source = RunningJob();
  source.comment = "rhumb:plans/p-01#101";
  EXPECT_EQ(FirstJob(source).chain_job_id(), "");
  source.comment = "rhumb:plans/p-01#99";
  EXPECT_EQ(FirstJob(source).chain_job_id(), "99");
}

TEST(JobsTest, AJobThatWasQueuedAgainGoesOnWithItselfOrItsChain) {
  SourceJob source = RunningJob();
  source.restart_count = 1;
  EXPECT_EQ(FirstJob(source).chain_job_id(), "101");
  source.comment = "rhumb:plans/p-01#99";
  EXPECT_EQ(FirstJob(source).chain_job_id(), "99");
}

TEST(JobsTest, TextsOfUsersBecomeMessages) {
  SourceJob source = RunningJob();
  source.name = "\xff\n\x1b" + std::string(1000, 'x');
  const v1::Job job = FirstJob(source);
  EXPECT_EQ(job.job_name().substr(0, 4), "?  x");
  EXPECT_EQ(job.job_name().size(), 256);
}

TEST(JobsTest, GpusOfWaitingJobsAreWhatTheyAskFor) {
  SourceJob source = {.node_count = 2, .task_count = 6};
  source.tres_per_job = "gres:gpu:h100:5";
  EXPECT_EQ(GpusOfJob(source).count, 5);
  source = {.node_count = 2, .task_count = 6, .tres_per_task = "gres/gpu:1"};
  EXPECT_EQ(GpusOfJob(source).count, 6);
  source = {.node_count = 2, .tres_allocated = "cpu=2,gres/gpu:a100=4,gres/gpu=4"};
  EXPECT_EQ(GpusOfJob(source).count, 4);
  EXPECT_EQ(GpusOfJob(source).type, "a100");
}

}  // namespace
}  // namespace rhumb::slurm_agent
