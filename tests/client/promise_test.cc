// SPDX-License-Identifier: Apache-2.0
// --reserve against a scripted daemon: who is asked for what, and what becomes of a lost race.
#include "client/cli/promise.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/error_details.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cpp/rpc_error.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "rhumb/v1/cluster_service.grpc.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// What is free, told as it is when asked.
class ScriptedPlans final : public v1::PlanService::Service {
 public:
  grpc::Status CreatePlan(grpc::ServerContext*, const v1::CreatePlanRequest*,
                          v1::Plan* response) override {
    response->set_name(absl::StrCat("plans/p-", ++count));
    response->set_state(state);
    v1::Plan::Allocation& allocation = *response->mutable_allocation();
    allocation.set_cluster("clusters/mine");
    allocation.set_partition("short");
    allocation.set_gpu_type("H100-SXM5-80GB");
    allocation.set_gpu_count(8);
    return grpc::Status::OK;
  }

  int count = 0;
  v1::Plan::State state = v1::Plan::STATE_FEASIBLE;
};

// The first `lost` races are lost.
class ScriptedClusters final : public v1::ClusterService::Service {
 public:
  grpc::Status ReserveAllocation(grpc::ServerContext*, const v1::ReserveAllocationRequest* request,
                                 v1::Reservation* response) override {
    requests.push_back(*request);
    if (static_cast<int>(requests.size()) <= lost) return TooFew();
    response->set_name("reservations/r-1");
    response->set_gpu_type(request->gpu_type());
    response->set_gpu_count(request->gpu_count());
    return grpc::Status::OK;
  }

  int lost = 0;
  std::string reason = "NOT_ENOUGH_FREE_GPUS";
  std::vector<v1::ReserveAllocationRequest> requests;

 private:
  grpc::Status TooFew() const {
    google::rpc::ErrorInfo info;
    info.set_reason(reason);
    google::rpc::Status details;
    details.set_code(static_cast<int>(grpc::StatusCode::FAILED_PRECONDITION));
    details.set_message("8 asked for: 0 can be had now");
    details.add_details()->PackFrom(info);
    grpc::Status status;
    EXPECT_TRUE(grpc::SetErrorDetails(details, &status).ok());
    return status;
  }
};

class PromiseTest : public testing::Test {
 protected:
  PromiseTest() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&plans_);
    builder.RegisterService(&clusters_);
    server_ = builder.BuildAndStart();
    client_ = std::make_unique<client::Client>(server_->InProcessChannel(grpc::ChannelArguments()));
    context_.err = &err_;
    reserving_.flags["reserve"] = {""};
  }
  absl::StatusOr<v1::Plan> Ask(const Invocation& invocation) {
    return PlanAndPromise(v1::CreatePlanRequest(), *client_, invocation, context_);
  }

  ScriptedPlans plans_;
  ScriptedClusters clusters_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<client::Client> client_;
  std::ostringstream err_;
  Context context_;
  Invocation reserving_;
};

TEST_F(PromiseTest, WithoutTheFlagNothingIsPromised) {
  EXPECT_THAT(Ask(Invocation()), IsOk());
  EXPECT_THAT(clusters_.requests, IsEmpty());
}

TEST_F(PromiseTest, ThePlansGpusArePromisedToIt) {
  EXPECT_THAT(Ask(reserving_), IsOk());
  ASSERT_THAT(clusters_.requests, SizeIs(1));
  const v1::ReserveAllocationRequest& request = clusters_.requests[0];
  EXPECT_EQ(request.cluster(), "clusters/mine");
  EXPECT_EQ(request.partition(), "short");
  EXPECT_EQ(request.gpu_type(), "H100-SXM5-80GB");
  EXPECT_EQ(request.gpu_count(), 8);
  EXPECT_EQ(request.plan(), "plans/p-1");
  EXPECT_EQ(request.duration_seconds(), 600);
  EXPECT_THAT(err_.str(), HasSubstr("8 x H100-SXM5-80GB are promised to plans/p-1 until"));
}

TEST_F(PromiseTest, TwoSubmissionsOfOnePlanArePromisedGpusEach) {
  const absl::StatusOr<v1::Plan> plan = Ask(reserving_);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(Promise(*plan, *client_, reserving_, context_), IsOk());
  ASSERT_THAT(clusters_.requests, SizeIs(2));
  EXPECT_NE(clusters_.requests[0].request_id(), clusters_.requests[1].request_id());
}

TEST_F(PromiseTest, WhatIsSaidToBeARepetitionIsTheSameRequest) {
  reserving_.flags["request-id"] = {"00000000-0000-4000-8000-000000000001"};
  const absl::StatusOr<v1::Plan> plan = Ask(reserving_);
  ASSERT_THAT(plan, IsOk());
  EXPECT_THAT(Promise(*plan, *client_, reserving_, context_), IsOk());
  ASSERT_THAT(clusters_.requests, SizeIs(2));
  EXPECT_EQ(clusters_.requests[0].SerializeAsString(), clusters_.requests[1].SerializeAsString());
  EXPECT_THAT(clusters_.requests[0].request_id(), SizeIs(36));
}

TEST_F(PromiseTest, ALostRaceIsPlannedOnceMore) {
  clusters_.lost = 1;
  const absl::StatusOr<v1::Plan> plan = Ask(reserving_);
  ASSERT_THAT(plan, IsOk());
  EXPECT_EQ(plan->name(), "plans/p-2");
  EXPECT_EQ(clusters_.requests.back().plan(), "plans/p-2");
}

TEST_F(PromiseTest, ASecondLostRaceIsTheAnswer) {
  clusters_.lost = 2;
  EXPECT_THAT(Ask(reserving_), StatusIs(absl::StatusCode::kFailedPrecondition, "0 can be had now"));
  EXPECT_EQ(plans_.count, 2);
}

TEST_F(PromiseTest, AnotherRefusalIsNotPlannedAgain) {
  clusters_.lost = 1;
  clusters_.reason = "STALE_INVENTORY";
  EXPECT_THAT(Ask(reserving_), StatusIs(absl::StatusCode::kFailedPrecondition, ""));
  EXPECT_EQ(plans_.count, 1);
}

TEST_F(PromiseTest, APlanThatIsNotFeasibleHasNothingToPromise) {
  plans_.state = v1::Plan::STATE_INFEASIBLE;
  EXPECT_THAT(Ask(reserving_), IsOk());
  EXPECT_THAT(clusters_.requests, IsEmpty());
}

TEST_F(PromiseTest, AQuestionAboutNoClustersFreeGpusIsRefused) {
  v1::CreatePlanRequest question;
  EXPECT_THAT(CheckReserve(question, reserving_),
              StatusIs(absl::StatusCode::kInvalidArgument, "--cluster NAME --free"));
  question.set_cluster("mine");
  question.set_free_only(true);
  EXPECT_THAT(CheckReserve(question, reserving_), IsOk());
  question.set_validate_only(true);
  EXPECT_THAT(CheckReserve(question, reserving_),
              StatusIs(absl::StatusCode::kInvalidArgument, "--validate-only"));
}

}  // namespace
}  // namespace rhumb::cli
