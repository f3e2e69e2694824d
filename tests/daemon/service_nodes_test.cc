// SPDX-License-Identifier: Apache-2.0
// What agents tell of nodes, plans on what of them is free, and promises of GPUs.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

constexpr char kH100[] = "H100-SXM5-80GB";

v1::Node* AddNode(v1::NodeInventory& inventory, const std::string& name, int64_t free_gpu_count,
                  v1::NodeState state = v1::NODE_STATE_MIXED) {
  v1::Node* node = inventory.add_nodes();
  node->set_name(name);
  node->set_gpu_type(kH100);
  node->set_gpu_count(8);
  node->set_free_gpu_count(free_gpu_count);
  node->set_state(state);
  node->add_partitions("gpu");
  return node;
}

// Partition "gpu", at most two days a job.
v1::NodeInventory Inventory(const std::vector<int64_t>& free_gpu_counts) {
  v1::NodeInventory inventory;
  inventory.set_name("mine");
  inventory.add_partitions()->set_name("gpu");
  inventory.mutable_partitions(0)->set_max_wall_seconds(172800);
  for (const int64_t free : free_gpu_counts) {
    AddNode(inventory, "n" + std::to_string(inventory.nodes_size() + 1), free);
  }
  return inventory;
}

class NodesTest : public ServiceTest {
 protected:
  Answer<v1::NodeInventory> Sync(const v1::NodeInventory& inventory) {
    v1::SyncNodesRequest request;
    *request.mutable_inventory() = inventory;
    return Ask(*clusters_, &v1::ClusterService::Stub::SyncNodes, request);
  }
  Answer<v1::NodeInventory> Nodes() {
    v1::GetNodesRequest request;
    request.set_cluster("mine");
    return Ask(*clusters_, &v1::ClusterService::Stub::GetNodes, request);
  }
  Answer<v1::Reservation> Reserve(int64_t gpu_count, const std::string& plan = "",
                                  const std::string& request_id = "") {
    v1::ReserveAllocationRequest request;
    request.set_cluster("mine");
    request.set_gpu_type(kH100);
    request.set_gpu_count(gpu_count);
    request.set_plan(plan);
    request.set_request_id(request_id);
    return Ask(*clusters_, &v1::ClusterService::Stub::ReserveAllocation, request);
  }
  grpc::Status Release(const std::string& name) {
    v1::ReleaseAllocationRequest request;
    request.set_name(name);
    return Ask(*clusters_, &v1::ClusterService::Stub::ReleaseAllocation, request).status;
  }
  int ReservationCount() {
    return Ask(*clusters_, &v1::ClusterService::Stub::ListReservations,
               v1::ListReservationsRequest())
        .response.reservations_size();
  }
  Answer<v1::Plan> PlanOnFree() { return PlanOnCluster(/*free_only=*/true); }
  Answer<v1::Plan> PlanOnCluster(bool free_only, const std::string& partition = "") {
    v1::CreatePlanRequest request;
    request.set_cluster("mine");
    request.set_free_only(free_only);
    request.set_partition(partition);
    request.set_deadline_seconds(86400);
    return Create(request);
  }
};

TEST_F(NodesTest, OldNewsThatComesLateIsOld) {
  v1::NodeInventory late = Inventory({8, 8});
  late.mutable_observe_time()->set_seconds(std::time(nullptr) - 1200);
  ASSERT_TRUE(Sync(late).status.ok());
  const auto refused = Reserve(8);
  EXPECT_EQ(ReasonOf(refused.status), "STALE_INVENTORY");
  EXPECT_THAT(refused.status.error_message(), HasSubstr("20 minutes ago"));
  late.mutable_observe_time()->set_seconds(std::time(nullptr));
  ASSERT_TRUE(Sync(late).status.ok());
  EXPECT_TRUE(Reserve(8).status.ok());
}

TEST_F(NodesTest, AreCountedAndKept) {
  const auto synced = Sync(Inventory({8, 4, 0}));
  ASSERT_TRUE(synced.status.ok()) << synced.status.error_message();
  EXPECT_EQ(synced.response.name(), "clusters/mine");
  EXPECT_EQ(synced.response.node_count(), 3);
  EXPECT_EQ(synced.response.gpu_count(), 24);
  EXPECT_EQ(synced.response.free_gpu_count(), 12);
  EXPECT_THAT(synced.response.nodes(), IsEmpty());
  Restart();
  const auto kept = Nodes();
  ASSERT_EQ(kept.response.nodes_size(), 3);
  EXPECT_EQ(kept.response.nodes(0).gpu_type(), kH100);
}

TEST_F(NodesTest, ThatTakeNoJobsHaveNothingFree) {
  v1::NodeInventory inventory = Inventory({8});
  AddNode(inventory, "drained", 8, v1::NODE_STATE_DRAINED);
  AddNode(inventory, "down", 8, v1::NODE_STATE_DOWN);
  AddNode(inventory, "reserved", 8, v1::NODE_STATE_RESERVED);
  EXPECT_EQ(Sync(inventory).response.free_gpu_count(), 8);
}

TEST_F(NodesTest, UnknownGpuTypesAreReportedAndCountNowhere) {
  v1::NodeInventory inventory = Inventory({8});
  AddNode(inventory, "odd", 8)->set_gpu_type("gizmo");
  const auto synced = Sync(inventory);
  EXPECT_THAT(synced.response.unknown_gpu_types(), ElementsAre("gizmo"));
  EXPECT_EQ(synced.response.free_gpu_count(), 8);
}

TEST_F(NodesTest, ThatMakeNoSenseAreRefusedByField) {
  v1::NodeInventory inventory = Inventory({8, 8});
  inventory.mutable_nodes(1)->set_name("n1");
  inventory.mutable_nodes(0)->set_free_gpu_count(9);
  const auto violations = ViolationsOf(Sync(inventory).status);
  EXPECT_THAT(violations, Contains(Key("inventory.nodes[1].name")));
  EXPECT_THAT(violations, Contains(Key("inventory.nodes[0].free_gpu_count")));
  EXPECT_EQ(ReasonOf(Nodes().status), "INVENTORY_NOT_FOUND");
}

TEST_F(NodesTest, APlanOnFreeGpusTakesWholeFreeNodesOfAClusterNobodyApplied) {
  Sync(Inventory({8, 8, 4, 0}));
  const auto plan = PlanOnFree();
  ASSERT_TRUE(plan.status.ok()) << plan.status.error_message();
  EXPECT_EQ(plan.response.allocation().gpu_count(), 16);
  EXPECT_EQ(plan.response.allocation().partition(), "gpu");
}

TEST_F(NodesTest, APlanOnFreeGpusFollowsThem) {
  Sync(Inventory({8, 8}));
  EXPECT_EQ(PlanOnFree().response.allocation().gpu_count(), 16);
  Sync(Inventory({8, 0}));
  EXPECT_EQ(PlanOnFree().response.allocation().gpu_count(), 8);
  Sync(Inventory({3, 0}));
  EXPECT_EQ(PlanOnFree().response.allocation().gpu_count(), 3);
}

TEST_F(NodesTest, ThatAreInNoPartitionFormAPoolOfTheirOwn) {
  v1::NodeInventory inventory = Inventory({8, 8});
  inventory.clear_partitions();
  for (v1::Node& node : *inventory.mutable_nodes()) node.clear_partitions();
  Sync(inventory);
  const auto plan = PlanOnFree();
  ASSERT_TRUE(plan.status.ok()) << plan.status.error_message();
  EXPECT_EQ(plan.response.allocation().gpu_count(), 16);
  EXPECT_EQ(plan.response.allocation().partition(), "");
}

TEST_F(NodesTest, InNoPartitionAreNotTakenTogetherWithThoseThatAreInOne) {
  v1::NodeInventory inventory = Inventory({8, 8, 8});
  inventory.mutable_nodes(2)->clear_partitions();
  Sync(inventory);
  EXPECT_EQ(PlanOnFree().response.allocation().gpu_count(), 16);
}

TEST_F(NodesTest, InAPartitionThatOnlyTheyNameFormAPoolToo) {
  v1::NodeInventory inventory = Inventory({8, 8});
  inventory.clear_partitions();
  Sync(inventory);
  EXPECT_EQ(PlanOnFree().response.allocation().partition(), "gpu");
}

TEST_F(NodesTest, OfAClusterThatNobodyAppliedAreAllPlannedWithUnlessTheyAreDown) {
  v1::NodeInventory inventory = Inventory({8, 4, 0});
  AddNode(inventory, "drained", 8, v1::NODE_STATE_DRAINED);
  AddNode(inventory, "down", 8, v1::NODE_STATE_DOWN);
  Sync(inventory);
  const auto plan = PlanOnCluster(/*free_only=*/false);
  ASSERT_TRUE(plan.status.ok()) << plan.status.error_message();
  EXPECT_EQ(plan.response.allocation().gpu_count(), 24);
  EXPECT_EQ(plan.response.allocation().partition(), "gpu");
  EXPECT_TRUE(std::any_of(plan.response.assumptions().begin(), plan.response.assumptions().end(),
                          [](const v1::Plan::Assumption& each) {
                            return each.field() == "clusters/mine.gpu.H100-SXM5-80GB.gpu_count" &&
                                   each.value() == "24";
                          }));
}

// What is free changes by the minute, what is there does not: the same nodes are the same plan.
TEST_F(NodesTest, ThatAreBusierMakeNoOtherPlanOfTheWholeCluster) {
  Sync(Inventory({8, 8}));
  const std::string name = PlanOnCluster(/*free_only=*/false).response.name();
  Sync(Inventory({0, 0}));
  EXPECT_EQ(PlanOnCluster(/*free_only=*/false).response.name(), name);
  Sync(Inventory({0, 0, 0}));
  EXPECT_NE(PlanOnCluster(/*free_only=*/false).response.name(), name);
}

TEST_F(NodesTest, InSeveralPartitionsAreCountedInEach) {
  v1::NodeInventory inventory = Inventory({8, 8});
  inventory.add_partitions()->set_name("large");
  AddNode(inventory, "n3", 8);
  for (v1::Node& node : *inventory.mutable_nodes()) node.add_partitions("large");
  inventory.mutable_nodes(2)->mutable_partitions()->DeleteSubrange(0, 1);
  Sync(inventory);
  EXPECT_EQ(PlanOnCluster(false, "gpu").response.allocation().gpu_count(), 16);
  EXPECT_EQ(PlanOnCluster(false, "large").response.allocation().gpu_count(), 24);
  EXPECT_EQ(PlanOnCluster(false).response.allocation().partition(), "large");
}

TEST_F(NodesTest, OfWhichNoneIsInServiceAreSaidToBe) {
  v1::NodeInventory inventory = Inventory({});
  AddNode(inventory, "down", 8, v1::NODE_STATE_DOWN);
  Sync(inventory);
  EXPECT_EQ(ReasonOf(PlanOnCluster(false).status), "NO_USABLE_NODES");
}

TEST_F(NodesTest, WhatIsPromisedIsNotFree) {
  Sync(Inventory({8, 8}));
  ASSERT_TRUE(Reserve(8).status.ok());
  EXPECT_EQ(PlanOnFree().response.allocation().gpu_count(), 8);
  EXPECT_EQ(Nodes().response.reserved_gpu_count(), 8);
}

TEST_F(NodesTest, OfAClusterThatNobodyAppliedAreSaidToBeKnown) {
  v1::GetClusterRequest request;
  request.set_name("clusters/mine");
  const auto ask = [&] { return Ask(*clusters_, &v1::ClusterService::Stub::GetCluster, request); };
  EXPECT_THAT(ask().status.error_message(), HasSubstr("unknown cluster"));
  Sync(Inventory({8}));
  EXPECT_EQ(ReasonOf(ask().status), "CLUSTER_NOT_FOUND");
  EXPECT_THAT(ask().status.error_message(), HasSubstr("`rhumb cluster nodes mine`"));
}

TEST_F(NodesTest, NothingFreeIsSaid) {
  Sync(Inventory({0, 0}));
  const auto plan = PlanOnFree();
  EXPECT_EQ(ReasonOf(plan.status), "NOTHING_FREE");
  EXPECT_THAT(plan.status.error_message(), HasSubstr("leave --free out"));
  EXPECT_THAT(plan.status.error_message(), Not(HasSubstr("promised")));
}

TEST_F(NodesTest, FreeGpusThatArePromisedAreSaidToBe) {
  Sync(Inventory({8}));
  ASSERT_TRUE(Reserve(8).status.ok());
  const auto plan = PlanOnFree();
  EXPECT_EQ(ReasonOf(plan.status), "NOTHING_FREE");
  EXPECT_THAT(plan.status.error_message(),
              HasSubstr("of its 8 that no job holds, 8 are promised to others"));
}

TEST_F(NodesTest, AClusterWithoutAnAgentSaysSo) {
  v1::Cluster cluster;
  cluster.set_name("mine");
  v1::Pool& pool = *cluster.add_pools();
  pool.set_gpu_type(kH100);
  pool.set_node_count(2);
  pool.set_gpus_per_node(8);
  ASSERT_TRUE(Apply(cluster).status.ok());
  EXPECT_EQ(ReasonOf(PlanOnFree().status), "NO_INVENTORY");
}

TEST_F(NodesTest, AnAppliedClusterKeepsItsPricesAndGetsThePartitionsLimit) {
  v1::Cluster cluster;
  cluster.set_name("mine");
  v1::Pool& pool = *cluster.add_pools();
  pool.set_gpu_type(kH100);
  pool.set_node_count(4);
  pool.set_gpus_per_node(8);
  pool.set_partition("gpu");
  pool.set_price_usd_per_gpu_hour(7);
  ASSERT_TRUE(Apply(cluster).status.ok());
  Sync(Inventory({8, 8, 0, 0}));
  v1::CreatePlanRequest request;
  request.set_cluster("mine");
  request.set_free_only(true);
  request.set_deadline_seconds(30 * 86400);
  const auto plan = Create(request);
  ASSERT_TRUE(plan.status.ok()) << plan.status.error_message();
  EXPECT_EQ(plan.response.allocation().gpu_count(), 16);
  EXPECT_EQ(plan.response.time().job_limit_seconds(), 172800);
  EXPECT_EQ(plan.response.time().job_count(), 15);
  EXPECT_NEAR(plan.response.cost().total_usd(), 7 * plan.response.cost().gpu_hours(), 1);
}

TEST_F(NodesTest, InAPartitionWithALimitRunInAsManyJobsAsTheQuestionAllows) {
  Sync(Inventory({8, 8}));
  v1::CreatePlanRequest request;
  request.set_cluster("mine");
  request.set_deadline_seconds(30 * 86400);
  const auto chain = Create(request);
  EXPECT_EQ(chain.response.time().job_count(), 15);
  request.set_max_job_count(1);
  const auto one = Create(request);
  EXPECT_EQ(one.response.time().job_count(), 1);
  EXPECT_LE(one.response.time().wall_seconds(), 172800 * (1 + 1e-9));
  EXPECT_NE(one.response.name(), chain.response.name());
}

TEST_F(NodesTest, MoreThanIsFreeIsNotPromised) {
  Sync(Inventory({8, 8}));
  EXPECT_TRUE(Reserve(8).status.ok());
  EXPECT_EQ(ReasonOf(Reserve(16).status), "NOT_ENOUGH_FREE_GPUS");
  EXPECT_TRUE(Reserve(8).status.ok());
  EXPECT_EQ(ReasonOf(Reserve(1).status), "NOT_ENOUGH_FREE_GPUS");
}

TEST_F(NodesTest, WhatIsGivenBackCanBePromisedAgain) {
  Sync(Inventory({8}));
  const auto first = Reserve(8);
  EXPECT_FALSE(Reserve(8).status.ok());
  EXPECT_TRUE(Release(first.response.name()).ok());
  EXPECT_TRUE(Reserve(8).status.ok());
  EXPECT_EQ(ReasonOf(Release(first.response.name())), "RESERVATION_NOT_FOUND");
}

// A job of plans/p-1 of the caller of these tests, unless `owner_uid` says otherwise.
void AddRunningJob(v1::NodeInventory& inventory, const std::string& id, int64_t gpu_count,
                   int64_t owner_uid = getuid()) {
  v1::RunningJob& job = *inventory.add_running_jobs();
  job.set_job_id(id);
  job.set_plan("plans/p-1");
  job.set_owner_uid(owner_uid);
  job.set_gpu_count(gpu_count);
}

TEST_F(NodesTest, APromiseEndsWhenAJobOfItsPlanHoldsTheGpus) {
  Sync(Inventory({8, 8}));
  ASSERT_TRUE(Reserve(8, "plans/p-1").status.ok());
  v1::NodeInventory later = Inventory({8, 0});
  AddRunningJob(later, "1", 8);
  Sync(later);
  EXPECT_EQ(ReservationCount(), 0);
  EXPECT_TRUE(Reserve(8).status.ok());
}

TEST_F(NodesTest, AJobEndsOnePromiseOfItsPlanAndOnce) {
  Sync(Inventory({8, 8, 8}));
  ASSERT_TRUE(Reserve(8, "plans/p-1").status.ok());
  ASSERT_TRUE(Reserve(8, "plans/p-1").status.ok());
  v1::NodeInventory later = Inventory({8, 8, 0});
  AddRunningJob(later, "1", 8);
  Sync(later);
  Sync(later);
  EXPECT_EQ(ReservationCount(), 1);
  AddRunningJob(later, "2", 8);
  Sync(later);
  EXPECT_EQ(ReservationCount(), 0);
}

TEST_F(NodesTest, AJobOfAnotherUserOrOfFewerGpusEndsNoPromise) {
  Sync(Inventory({8, 8}));
  ASSERT_TRUE(Reserve(8, "plans/p-1").status.ok());
  v1::NodeInventory later = Inventory({8, 8});
  AddRunningJob(later, "1", 1);
  AddRunningJob(later, "2", 8, getuid() + 1);
  Sync(later);
  EXPECT_EQ(ReservationCount(), 1);
}

TEST_F(NodesTest, ARepeatedRequestIsOnePromise) {
  Sync(Inventory({8, 8}));
  constexpr char kId[] = "7c4a8d09-ca37-4c62-9c1b-6f1f6c5d2a11";
  const auto first = Reserve(8, "", kId);
  const auto second = Reserve(8, "", kId);
  ASSERT_TRUE(second.status.ok()) << second.status.error_message();
  EXPECT_EQ(first.response.name(), second.response.name());
  EXPECT_EQ(ReservationCount(), 1);
}

TEST_F(NodesTest, SurviveARestart) {
  Sync(Inventory({8}));
  Reserve(8);
  Restart();
  EXPECT_EQ(ReservationCount(), 1);
  EXPECT_FALSE(Reserve(8).status.ok());
}

// Eight launchers at once, each asking, holding and giving back, 125 times.
TEST_F(NodesTest, NoGpuIsEverPromisedTwiceInAThousandInterleavings) {
  constexpr int kNodes = 4;
  Sync(Inventory(std::vector<int64_t>(kNodes, 8)));
  std::atomic<int64_t> held = 0;
  std::atomic<int> granted = 0, refused = 0;
  std::atomic<bool> twice = false;
  std::vector<std::thread> launchers;
  for (int launcher = 0; launcher < 8; ++launcher) {
    launchers.emplace_back([&, launcher] {
      for (int i = 0; i < 125; ++i) {
        const int64_t count = 8 * (1 + (launcher + i) % 3);
        const auto mine = Reserve(count);
        if (!mine.status.ok()) {
          ++refused;
          continue;
        }
        ++granted;
        // Counted while it is held for certain: after the grant, before it is given back.
        if (held.fetch_add(count) + count > kNodes * 8) twice = true;
        held.fetch_sub(count);
        Release(mine.response.name());
      }
    });
  }
  for (std::thread& launcher : launchers) launcher.join();
  EXPECT_FALSE(twice);
  EXPECT_GT(granted, 100);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(ReservationCount(), 0);
}

}  // namespace
}  // namespace rhumb::daemon
