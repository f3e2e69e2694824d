// SPDX-License-Identifier: Apache-2.0
// A server on a temporary database, asked through the in-process channel.
#ifndef RHUMB_TESTS_DAEMON_SERVICE_FIXTURE_H_
#define RHUMB_TESTS_DAEMON_SERVICE_FIXTURE_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/server.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "rhumb/v1/cluster_service.grpc.pb.h"
#include "rhumb/v1/law_service.grpc.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "tests/daemon/temp_directory.h"

namespace rhumb::daemon {

// Since 1970.
inline int64_t NowSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Violations by field of a status' google.rpc.BadRequest.
inline std::map<std::string, std::string> ViolationsOf(const grpc::Status& status) {
  std::map<std::string, std::string> violations;
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  for (const auto& any : details.details()) {
    google::rpc::BadRequest bad;
    if (!any.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations())
      violations[violation.field()] = violation.description();
  }
  return violations;
}

// Reason of a status' google.rpc.ErrorInfo, empty without one of domain "rhumb".
inline std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  for (const auto& any : details.details()) {
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&info) && info.domain() == "rhumb") return info.reason();
  }
  return "";
}

// Calls a stub's method and gives back response and status.
template <typename Response>
struct Answer {
  Response response;
  grpc::Status status;
};

template <typename Stub, typename Request, typename Response>
Answer<Response> Ask(Stub& stub,
                     grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                     const Request& request) {
  grpc::ClientContext context;
  Answer<Response> answer;
  answer.status = (stub.*method)(&context, request, &answer.response);
  return answer;
}

class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() { Restart(); }

  void Restart() {
    server_.reset();
    ServerOptions options;
    options.database_path = directory_.File("rhumb.db");
    options.in_process_only = true;
    auto server = Server::Start(options);
    if (!server.ok()) {
      ADD_FAILURE() << server.status();
      std::abort();
    }
    server_ = *std::move(server);
    const auto channel = server_->InProcessChannel();
    plans_ = v1::PlanService::NewStub(channel);
    laws_ = v1::LawService::NewStub(channel);
    clusters_ = v1::ClusterService::NewStub(channel);
  }

  Answer<v1::Plan> Create(const v1::CreatePlanRequest& request) {
    return Ask(*plans_, &v1::PlanService::Stub::CreatePlan, request);
  }
  Answer<v1::ListPlansResponse> List(const v1::ListPlansRequest& request) {
    return Ask(*plans_, &v1::PlanService::Stub::ListPlans, request);
  }
  int StoredPlanCount() {
    v1::ListPlansRequest request;
    request.set_page_size(1000);
    return List(request).response.plans_size();
  }
  Answer<v1::Cluster> Apply(const v1::Cluster& cluster) {
    v1::ApplyClusterRequest request;
    *request.mutable_cluster() = cluster;
    return Ask(*clusters_, &v1::ClusterService::Stub::ApplyCluster, request);
  }

  static v1::CreatePlanRequest ComputeQuestion(double compute_flops) {
    v1::CreatePlanRequest request;
    request.set_compute_flops(compute_flops);
    return request;
  }

  testing_support::TempDirectory directory_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::PlanService::Stub> plans_;
  std::unique_ptr<v1::LawService::Stub> laws_;
  std::unique_ptr<v1::ClusterService::Stub> clusters_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_TESTS_DAEMON_SERVICE_FIXTURE_H_
