// SPDX-License-Identifier: Apache-2.0
// Lists, laws, GPU types and clusters through the in-process channel.
#include <set>
#include <string>

#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {
namespace {

v1::Cluster TwoNodes(const std::string& name) {
  v1::Cluster cluster;
  cluster.set_name(name);
  auto* pool = cluster.add_pools();
  pool->set_gpu_type("h100-sxm");
  pool->set_node_count(2);
  pool->set_gpus_per_node(8);
  return cluster;
}

TEST_F(ServiceTest, PagesOfPlansCoverEachOnceNewestFirst) {
  for (int i = 1; i <= 7; ++i) ASSERT_TRUE(Create(ComputeQuestion(1e20 * i)).status.ok());
  std::set<std::string> seen;
  v1::ListPlansRequest request;
  request.set_page_size(3);
  int64_t last_ns = std::numeric_limits<int64_t>::max();
  int pages = 0;
  do {
    const auto page = List(request);
    ASSERT_TRUE(page.status.ok()) << page.status.error_message();
    for (const v1::Plan& plan : page.response.plans()) {
      const int64_t ns = plan.create_time().seconds() * 1'000'000'000 + plan.create_time().nanos();
      EXPECT_LE(ns, last_ns);
      last_ns = ns;
      EXPECT_TRUE(seen.insert(plan.name()).second) << plan.name();
    }
    request.set_page_token(page.response.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_EQ(pages, 3);
}

TEST_F(ServiceTest, APageTokenSurvivesThatItsRowIsDeleted) {
  for (int i = 1; i <= 3; ++i) ASSERT_TRUE(Create(ComputeQuestion(1e20 * i)).status.ok());
  v1::ListPlansRequest request;
  request.set_page_size(1);
  const auto first = List(request);
  v1::DeletePlanRequest remove;
  remove.set_name(first.response.plans(0).name());
  ASSERT_TRUE(Ask(*plans_, &v1::PlanService::Stub::DeletePlan, remove).status.ok());
  request.set_page_token(first.response.next_page_token());
  request.set_page_size(10);
  EXPECT_EQ(List(request).response.plans_size(), 2);
}

TEST_F(ServiceTest, BasicViewLeavesStagesAndBreakdownOut) {
  v1::CreatePlanRequest question;
  question.add_gpu_pools()->set_gpu_type("H100-SXM5-80GB");
  question.mutable_gpu_pools(0)->set_count(8);
  question.set_deadline_seconds(86400);
  ASSERT_TRUE(Create(question).status.ok());
  v1::ListPlansRequest request;
  const auto basic = List(request);
  request.set_view(v1::PLAN_VIEW_FULL);
  const auto full = List(request);
  ASSERT_EQ(basic.response.plans_size(), 1);
  ASSERT_EQ(full.response.plans_size(), 1);
  EXPECT_EQ(basic.response.plans(0).memory().stages_size(), 0);
  EXPECT_FALSE(basic.response.plans(0).time().has_step_breakdown());
  EXPECT_TRUE(basic.response.plans(0).best_layouts().empty());
  EXPECT_GT(basic.response.plans(0).memory().peak_bytes(), 0);
  EXPECT_GT(full.response.plans(0).memory().stages_size(), 0);
  EXPECT_TRUE(full.response.plans(0).time().has_step_breakdown());
  EXPECT_EQ(full.response.plans(0).best_layouts_size(), 5);
}

TEST_F(ServiceTest, NegativePageSizeIsAFieldViolation) {
  v1::ListPlansRequest request;
  request.set_page_size(-1);
  EXPECT_EQ(ViolationsOf(List(request).status).count("page_size"), 1u);
}

TEST_F(ServiceTest, ForeignPageTokenIsAFieldViolation) {
  v1::ListPlansRequest request;
  request.set_page_token("bm90IG91cnM");
  EXPECT_EQ(ViolationsOf(List(request).status).count("page_token"), 1u);
}

TEST_F(ServiceTest, LawsPageInOrderOfName) {
  v1::ListLawsRequest request;
  request.set_page_size(2);
  std::string last;
  int count = 0;
  do {
    const auto page = Ask(*laws_, &v1::LawService::Stub::ListLaws, request);
    ASSERT_TRUE(page.status.ok());
    for (const v1::Law& law : page.response.laws()) {
      EXPECT_LT(last, law.name());
      last = law.name();
      ++count;
    }
    request.set_page_token(page.response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_GE(count, 5);
}

TEST_F(ServiceTest, GetLawShowsConstantsAndCovariance) {
  v1::GetLawRequest request;
  request.set_name("besiroglu2024");
  const auto law = Ask(*laws_, &v1::LawService::Stub::GetLaw, request);
  ASSERT_TRUE(law.status.ok());
  EXPECT_EQ(law.response.name(), "laws/besiroglu2024");
  // Besiroglu et al. 2024, arXiv:2404.10102, eq. (5).
  EXPECT_EQ(law.response.constants().at("alpha"), 0.3478);
  EXPECT_EQ(law.response.covariance_size(), 25);
}

TEST_F(ServiceTest, MissingLawIsNotFoundAndNamesTheNearest) {
  v1::GetLawRequest request;
  request.set_name("besiroglu2042");
  const auto law = Ask(*laws_, &v1::LawService::Stub::GetLaw, request);
  EXPECT_EQ(law.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(law.status.error_message().find("besiroglu2024"), std::string::npos);
}

TEST_F(ServiceTest, GpuTypeIsFoundByAlias) {
  v1::GetGpuTypeRequest request;
  request.set_name("A100-80G");
  const auto gpu = Ask(*clusters_, &v1::ClusterService::Stub::GetGpuType, request);
  ASSERT_TRUE(gpu.status.ok()) << gpu.status.error_message();
  EXPECT_EQ(gpu.response.name().substr(0, 9), "gpuTypes/");
  // NVIDIA A100 data sheet: 312 TFLOP/s dense bf16.
  EXPECT_EQ(gpu.response.peak_bf16_flops_per_second(), 312e12);
}

TEST_F(ServiceTest, UnknownGpuTypeIsNotFound) {
  v1::GetGpuTypeRequest request;
  request.set_name("H1000");
  EXPECT_EQ(Ask(*clusters_, &v1::ClusterService::Stub::GetGpuType, request).status.error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(ServiceTest, GpuTypesPageThroughTheCatalogue) {
  v1::ListGpuTypesRequest request;
  request.set_page_size(5);
  std::set<std::string> names;
  do {
    const auto page = Ask(*clusters_, &v1::ClusterService::Stub::ListGpuTypes, request);
    ASSERT_TRUE(page.status.ok());
    for (const v1::GpuType& gpu : page.response.gpu_types())
      EXPECT_TRUE(names.insert(gpu.name()).second);
    request.set_page_token(page.response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(names.count("gpuTypes/H100-SXM5-80GB"), 1u);
  EXPECT_GE(names.size(), 10u);
}

TEST_F(ServiceTest, AppliedClusterKeepsItsVersionUntilItChanges) {
  const auto first = Apply(TwoNodes("alpha"));
  ASSERT_TRUE(first.status.ok()) << first.status.error_message();
  EXPECT_EQ(first.response.name(), "clusters/alpha");
  EXPECT_EQ(first.response.version(), 1);
  EXPECT_EQ(first.response.pools(0).gpu_type(), "H100-SXM5-80GB");
  EXPECT_EQ(Apply(TwoNodes("clusters/alpha")).response.version(), 1);
  v1::Cluster bigger = TwoNodes("alpha");
  bigger.mutable_pools(0)->set_node_count(3);
  EXPECT_EQ(Apply(bigger).response.version(), 2);
}

TEST_F(ServiceTest, ClusterIsListedShownAndDeleted) {
  ASSERT_TRUE(Apply(TwoNodes("alpha")).status.ok());
  ASSERT_TRUE(Apply(TwoNodes("beta")).status.ok());
  v1::ListClustersRequest list;
  list.set_page_size(1);
  const auto page = Ask(*clusters_, &v1::ClusterService::Stub::ListClusters, list);
  EXPECT_EQ(page.response.clusters(0).name(), "clusters/beta");
  EXPECT_FALSE(page.response.next_page_token().empty());
  v1::DeleteClusterRequest remove;
  remove.set_name("beta");
  ASSERT_TRUE(Ask(*clusters_, &v1::ClusterService::Stub::DeleteCluster, remove).status.ok());
  v1::GetClusterRequest get;
  get.set_name("beta");
  const auto gone = Ask(*clusters_, &v1::ClusterService::Stub::GetCluster, get);
  EXPECT_EQ(gone.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(gone.status), "CLUSTER_NOT_FOUND");
}

TEST_F(ServiceTest, BadClusterNamesEveryField) {
  v1::Cluster cluster = TwoNodes("Not A Name");
  cluster.mutable_pools(0)->set_node_count(0);
  cluster.mutable_pools(0)->set_price_usd_per_gpu_hour(-1);
  cluster.add_pools()->set_gpu_type("TPU");
  const auto violations = ViolationsOf(Apply(cluster).status);
  for (const char* field :
       {"cluster.name", "cluster.pools[0].node_count", "cluster.pools[0].price_usd_per_gpu_hour",
        "cluster.pools[1].gpu_type"}) {
    EXPECT_EQ(violations.count(field), 1u) << field;
  }
}

TEST_F(ServiceTest, ValidateOnlyOfAClusterStoresNothing) {
  v1::ApplyClusterRequest request;
  *request.mutable_cluster() = TwoNodes("alpha");
  request.set_validate_only(true);
  ASSERT_TRUE(Ask(*clusters_, &v1::ClusterService::Stub::ApplyCluster, request).status.ok());
  EXPECT_EQ(Ask(*clusters_, &v1::ClusterService::Stub::ListClusters, v1::ListClustersRequest())
                .response.clusters_size(),
            0);
}

}  // namespace
}  // namespace rhumb::daemon
