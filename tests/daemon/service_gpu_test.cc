// SPDX-License-Identifier: Apache-2.0
// Applied GPU types through the in-process channel: what they change, and who may change them when.
#include <string>

#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {
namespace {

// A complete type, of figures that none in the catalogue has.
v1::GpuType Custom(const std::string& name) {
  v1::GpuType type;
  type.set_name(name);
  type.add_aliases("custom");
  type.set_family("hopper");
  type.set_memory_bytes(90'000'000'000);
  type.set_memory_bytes_per_second(4e12);
  type.set_peak_bf16_flops_per_second(500e12);
  type.set_scale_up_link("link");
  type.set_scale_up_bytes_per_second(450e9);
  type.set_gpus_per_scale_up_domain(8);
  type.set_network_bytes_per_second(50e9);
  type.set_board_watts(600);
  return type;
}

v1::CreatePlanRequest EightOf(const std::string& gpu_type) {
  v1::CreatePlanRequest request;
  request.add_gpu_pools()->set_gpu_type(gpu_type);
  request.mutable_gpu_pools(0)->set_count(8);
  request.set_deadline_seconds(86400);
  return request;
}

class GpuTypeTest : public ServiceTest {
 protected:
  Answer<v1::GpuType> ApplyType(const v1::GpuType& type, bool validate_only = false) {
    v1::ApplyGpuTypeRequest request;
    *request.mutable_gpu_type() = type;
    request.set_validate_only(validate_only);
    return Ask(*clusters_, &v1::ClusterService::Stub::ApplyGpuType, request);
  }
  Answer<v1::GpuType> GetType(const std::string& name) {
    v1::GetGpuTypeRequest request;
    request.set_name(name);
    return Ask(*clusters_, &v1::ClusterService::Stub::GetGpuType, request);
  }
  grpc::Status DeleteType(const std::string& name) {
    v1::DeleteGpuTypeRequest request;
    request.set_name(name);
    return Ask(*clusters_, &v1::ClusterService::Stub::DeleteGpuType, request).status;
  }
};

TEST_F(GpuTypeTest, AnAppliedTypeIsPlannedWithByNameAndAlias) {
  ASSERT_TRUE(ApplyType(Custom("X1-90GB")).status.ok());
  const auto by_name = Create(EightOf("X1-90GB"));
  ASSERT_TRUE(by_name.status.ok()) << by_name.status.error_message();
  EXPECT_EQ(by_name.response.allocation().gpu_type(), "X1-90GB");
  EXPECT_EQ(Create(EightOf("CUSTOM")).response.allocation().gpu_type(), "X1-90GB");
}

TEST_F(GpuTypeTest, AnAppliedTypeIsListedAfterTheCatalogue) {
  ASSERT_TRUE(ApplyType(Custom("A0-90GB")).status.ok());
  v1::ListGpuTypesRequest request;
  const auto list = Ask(*clusters_, &v1::ClusterService::Stub::ListGpuTypes, request);
  const v1::GpuType& last = *list.response.gpu_types().rbegin();
  EXPECT_EQ(last.name(), "gpuTypes/A0-90GB");
  EXPECT_EQ(last.version(), 1);
  EXPECT_FALSE(list.response.gpu_types(0).has_version());
}

TEST_F(GpuTypeTest, VersionGrowsWithTheContentOnly) {
  EXPECT_EQ(ApplyType(Custom("X1-90GB")).response.version(), 1);
  EXPECT_EQ(ApplyType(Custom("gpuTypes/x1-90gb")).response.version(), 1);
  v1::GpuType other = Custom("X1-90GB");
  other.set_board_watts(700);
  EXPECT_EQ(ApplyType(other).response.version(), 2);
}

TEST_F(GpuTypeTest, AnAnswerCanBeAppliedAgain) {
  const v1::GpuType catalogued = GetType("H100-SXM5-80GB").response;
  const auto applied = ApplyType(catalogued);
  ASSERT_TRUE(applied.status.ok()) << applied.status.error_message();
  EXPECT_EQ(ApplyType(applied.response).response.version(), 1);
}

TEST_F(GpuTypeTest, AnAppliedTypeStandsInThePlaceOfTheCatalogues) {
  const auto before = Create(EightOf("H100-SXM5-80GB"));
  v1::GpuType slower = GetType("H100-SXM5-80GB").response;
  slower.set_peak_bf16_flops_per_second(slower.peak_bf16_flops_per_second() / 2);
  ASSERT_TRUE(ApplyType(slower).status.ok());
  const auto after = Create(EightOf("H100-SXM5-80GB"));
  EXPECT_NE(after.response.name(), before.response.name());
  EXPECT_GT(after.response.loss().mean_nats(), before.response.loss().mean_nats());
}

// The shortcut for repeated questions must not outlive what it rests on.
TEST_F(GpuTypeTest, ARepeatedQuestionSeesAChangedType) {
  Create(EightOf("H100-SXM5-80GB"));
  const std::string before = Create(EightOf("H100-SXM5-80GB")).response.name();
  v1::GpuType cheaper = GetType("H100-SXM5-80GB").response;
  cheaper.set_price_usd_per_gpu_hour(1);
  ASSERT_TRUE(ApplyType(cheaper).status.ok());
  EXPECT_NE(Create(EightOf("H100-SXM5-80GB")).response.name(), before);
  ASSERT_TRUE(DeleteType("H100-SXM5-80GB").ok());
  EXPECT_EQ(Create(EightOf("H100-SXM5-80GB")).response.name(), before);
}

TEST_F(GpuTypeTest, AppliedTypesSurviveARestart) {
  ASSERT_TRUE(ApplyType(Custom("X1-90GB")).status.ok());
  Restart();
  EXPECT_EQ(GetType("X1-90GB").response.board_watts(), 600);
}

TEST_F(GpuTypeTest, ValidateOnlyStoresNothing) {
  ASSERT_TRUE(ApplyType(Custom("X1-90GB"), /*validate_only=*/true).status.ok());
  EXPECT_EQ(GetType("X1-90GB").status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GpuTypeTest, ATypeOfTheCatalogueCannotBeDeleted) {
  EXPECT_EQ(ReasonOf(DeleteType("H100-SXM5-80GB")), "GPU_TYPE_BUILT_IN");
}

TEST_F(GpuTypeTest, ATypeThatAClusterNamesCannotBeDeleted) {
  ASSERT_TRUE(ApplyType(Custom("X1-90GB")).status.ok());
  v1::Cluster cluster;
  cluster.set_name("alpha");
  auto& pool = *cluster.add_pools();
  pool.set_gpu_type("custom");
  pool.set_node_count(2);
  pool.set_gpus_per_node(8);
  ASSERT_TRUE(Apply(cluster).status.ok());
  const grpc::Status refused = DeleteType("X1-90GB");
  EXPECT_EQ(ReasonOf(refused), "GPU_TYPE_IN_USE");
  EXPECT_NE(refused.error_message().find("clusters/alpha"), std::string::npos);
}

TEST_F(GpuTypeTest, ATypeIsNotDeletedByItsAlias) {
  ASSERT_TRUE(ApplyType(Custom("X1-90GB")).status.ok());
  EXPECT_EQ(ViolationsOf(DeleteType("custom")).count("name"), 1u);
}

TEST_F(GpuTypeTest, BadFiguresNameEveryField) {
  v1::GpuType type = Custom("not a name");
  type.add_aliases("A100-SXM4-40GB");  // another type's id
  type.add_aliases("Custom");          // given already
  type.set_family("hoper");
  type.set_memory_bytes(0);
  type.clear_peak_bf16_flops_per_second();
  type.set_board_watts(-1);
  type.set_price_usd_per_gpu_hour(std::numeric_limits<double>::quiet_NaN());
  const auto violations = ViolationsOf(ApplyType(type).status);
  for (const char* field :
       {"name", "aliases[1]", "aliases[2]", "family", "memory_bytes", "peak_bf16_flops_per_second",
        "board_watts", "price_usd_per_gpu_hour"}) {
    EXPECT_EQ(violations.count(std::string("gpu_type.") + field), 1u) << field;
  }
}

TEST_F(GpuTypeTest, ARequestIdIsOfOneContent) {
  v1::ApplyGpuTypeRequest request;
  *request.mutable_gpu_type() = Custom("X1-90GB");
  request.set_request_id("123e4567-e89b-42d3-a456-426614174000");
  ASSERT_TRUE(Ask(*clusters_, &v1::ClusterService::Stub::ApplyGpuType, request).status.ok());
  EXPECT_TRUE(Ask(*clusters_, &v1::ClusterService::Stub::ApplyGpuType, request).status.ok());
  request.mutable_gpu_type()->set_board_watts(1);
  EXPECT_EQ(Ask(*clusters_, &v1::ClusterService::Stub::ApplyGpuType, request).status.error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
}

}  // namespace
}  // namespace rhumb::daemon
