// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/route_table.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rhumb/v1/cluster_service.grpc.pb.h"
#include "rhumb/v1/law_service.grpc.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "rhumb/v1/run_service.grpc.pb.h"

namespace rhumb::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const RouteTable& Table() {
  // Named, so that the linker keeps what describes them.
  v1::GetPlanRequest::descriptor();
  v1::GetLawRequest::descriptor();
  v1::GetClusterRequest::descriptor();
  v1::GetRunRequest::descriptor();
  static const RouteTable* const table = new RouteTable(
      {v1::PlanService::service_full_name(), v1::LawService::service_full_name(),
       v1::ClusterService::service_full_name(), v1::RunService::service_full_name()});
  return *table;
}

// "GetPlan p-1" of GET /v1/plans/p-1; "" without a route.
std::string RpcOf(const std::string& method, const std::string& path) {
  const RouteMatch match = Table().Find(method, path);
  if (match.route == nullptr) return "";
  return absl::StrCat(match.route->rpc->name(), match.path_value.empty() ? "" : " ",
                      match.path_value);
}

TEST(RouteTableTest, StandardMethodsHaveThePathsOfTheirResource) {
  EXPECT_EQ(RpcOf("POST", "/v1/plans"), "CreatePlan");
  EXPECT_EQ(RpcOf("GET", "/v1/plans"), "ListPlans");
  EXPECT_EQ(RpcOf("GET", "/v1/plans/p-1"), "GetPlan p-1");
  EXPECT_EQ(RpcOf("DELETE", "/v1/plans/p-1"), "DeletePlan p-1");
}

TEST(RouteTableTest, NounsOfSeveralWordsAreInCamelCase) {
  EXPECT_EQ(RpcOf("GET", "/v1/gpuTypes/H100-SXM5-80GB"), "GetGpuType H100-SXM5-80GB");
  EXPECT_EQ(RpcOf("GET", "/v1/observationSets"), "ListObservationSets");
}

TEST(RouteTableTest, OtherVerbsFollowAColon) {
  EXPECT_EQ(RpcOf("POST", "/v1/runs/r-1:finish"), "FinishRun r-1");
  EXPECT_EQ(RpcOf("POST", "/v1/clusters:apply"), "ApplyCluster");
  EXPECT_EQ(RpcOf("POST", "/v1/laws:fit"), "FitLaw");
}

TEST(RouteTableTest, VersionStaysPartOfAName) {
  EXPECT_EQ(RpcOf("GET", "/v1/laws/mine@2"), "GetLaw mine@2");
}

TEST(RouteTableTest, RequestThatIsAboutNothingNamedHasNoNameInItsPath) {
  EXPECT_EQ(RpcOf("GET", "/v1/nodes"), "GetNodes");
}

TEST(RouteTableTest, HeadIsGet) { EXPECT_EQ(RpcOf("HEAD", "/v1/plans"), "ListPlans"); }

TEST(RouteTableTest, WhatChangesAnythingIsNeverAnsweredToGet) {
  for (const Route& route : Table().routes()) {
    if (route.http_method != "GET") continue;
    EXPECT_THAT(route.rpc->name(), ::testing::ContainsRegex("^(Get|List|Watch|Compare|Stream)"))
        << route.pattern;
  }
}

TEST(RouteTableTest, WrongMethodIsToldWhichThereAre) {
  const RouteMatch match = Table().Find("PUT", "/v1/plans/p-1");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_THAT(match.allowed_methods, ElementsAre("DELETE", "GET"));
}

TEST(RouteTableTest, UnknownPathAllowsNothing) {
  for (const char* path : {"/", "", "/v1/", "/v1/nonsense", "/v1/plans/", "/v1/plans/a/b",
                           "/v1/runs/:finish", "/v1/runs/r-1:nonsense", "/v2/plans", "v1/plans"}) {
    EXPECT_THAT(Table().Find("GET", path).allowed_methods, IsEmpty()) << path;
  }
}

// What a service gains is offered without a line in the table.
TEST(RouteTableTest, EveryMethodOfEveryServiceIsOfferedByItsNameAndOnce) {
  std::set<std::pair<std::string, std::string>> seen;
  std::set<std::string> rpcs;
  for (const Route& route : Table().routes()) {
    EXPECT_TRUE(seen.emplace(route.http_method, route.pattern).second) << route.pattern;
    rpcs.insert(route.rpc->full_name());
  }
  for (const char* name : {"PlanService", "LawService", "ClusterService", "RunService"}) {
    const auto* service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
        absl::StrCat("rhumb.v1.", name));
    for (int i = 0; i < service->method_count(); ++i) {
      const std::string& method = service->method(i)->name();
      EXPECT_EQ(RpcOf("POST", absl::StrCat("/v1/", name, "/", method)), method);
      EXPECT_EQ(rpcs.count(service->method(i)->full_name()), 1u);
    }
  }
}

}  // namespace
}  // namespace rhumb::daemon
