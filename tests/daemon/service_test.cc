// SPDX-License-Identifier: Apache-2.0
#include <google/protobuf/util/message_differencer.h>

#include <chrono>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {
namespace {

using ::google::protobuf::util::MessageDifferencer;

constexpr char kIdA[] = "123e4567-e89b-42d3-a456-426614174000";

v1::CreatePlanRequest HardwareQuestion() {
  v1::CreatePlanRequest request;
  auto* pool = request.add_gpu_pools();
  pool->set_gpu_type("H100-SXM5-80GB");
  pool->set_count(16);
  request.set_deadline_seconds(3 * 86400);
  return request;
}

// What may differ between two answers to the same question.
v1::Plan WithoutClock(v1::Plan plan) {
  plan.clear_create_time();
  plan.mutable_search()->clear_seconds();
  return plan;
}

TEST_F(ServiceTest, PureLawQuestionIsAnswered) {
  const auto answer = Create(ComputeQuestion(1e21));
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.state(), v1::Plan::STATE_FEASIBLE);
  EXPECT_GT(answer.response.model().param_count(), 1e8);
  EXPECT_LE(answer.response.training_flops(), 1e21 * (1 + 1e-9));
  EXPECT_FALSE(answer.response.has_allocation());
  EXPECT_EQ(answer.response.law().name(), "besiroglu2024");
  EXPECT_TRUE(answer.response.has_create_time());
  EXPECT_EQ(answer.response.owner_uid(), static_cast<int64_t>(geteuid()));
}

TEST_F(ServiceTest, HardwareQuestionIsAnswered) {
  const auto answer = Create(HardwareQuestion());
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.state(), v1::Plan::STATE_FEASIBLE);
  EXPECT_EQ(answer.response.allocation().gpu_type(), "H100-SXM5-80GB");
  EXPECT_LE(answer.response.time().wall_seconds(), 3 * 86400 * (1 + 1e-9));
  EXPECT_LE(answer.response.memory().peak_bytes(), answer.response.memory().capacity_bytes());
}

TEST_F(ServiceTest, IdenticalQuestionIsTheSamePlanAndNoSecondRow) {
  const auto first = Create(ComputeQuestion(1e21));
  const auto second = Create(ComputeQuestion(1e21));
  EXPECT_TRUE(MessageDifferencer::Equals(first.response, second.response));
  EXPECT_EQ(StoredPlanCount(), 1);
}

TEST_F(ServiceTest, WritingADefaultDownIsTheSameQuestion) {
  const auto implicit = Create(ComputeQuestion(1e21));
  v1::CreatePlanRequest request = ComputeQuestion(1e21);
  request.set_law("laws/besiroglu2024");
  request.set_sequence_length(8192);
  request.set_precision(v1::PRECISION_BF16);
  request.set_level(0.9);
  request.set_objective(v1::OBJECTIVE_LOSS);
  request.set_framework("megatron");
  request.set_max_epoch_count(40);
  EXPECT_EQ(Create(request).response.name(), implicit.response.name());
}

TEST_F(ServiceTest, AnAliasIsTheSameQuestionAsTheId) {
  const auto by_id = Create(HardwareQuestion());
  v1::CreatePlanRequest request = HardwareQuestion();
  request.mutable_gpu_pools(0)->set_gpu_type("h100-sxm");
  EXPECT_EQ(Create(request).response.name(), by_id.response.name());
}

TEST_F(ServiceTest, AnotherQuestionIsAnotherPlan) {
  EXPECT_NE(Create(ComputeQuestion(1e21)).response.name(),
            Create(ComputeQuestion(1.1e21)).response.name());
  EXPECT_EQ(StoredPlanCount(), 2);
}

TEST_F(ServiceTest, ThePlanIsAFunctionOfTheQuestion) {
  v1::CreatePlanRequest request = HardwareQuestion();
  request.set_validate_only(true);  // so that nothing is answered from the store
  EXPECT_TRUE(MessageDifferencer::Equals(WithoutClock(Create(request).response),
                                         WithoutClock(Create(request).response)));
}

TEST_F(ServiceTest, ValidateOnlyAnswersInFullAndStoresNothing) {
  v1::CreatePlanRequest request = ComputeQuestion(1e21);
  request.set_validate_only(true);
  const auto dry = Create(request);
  ASSERT_TRUE(dry.status.ok());
  EXPECT_TRUE(dry.response.has_model());
  EXPECT_EQ(StoredPlanCount(), 0);
  EXPECT_EQ(Create(ComputeQuestion(1e21)).response.name(), dry.response.name());
}

TEST_F(ServiceTest, InfeasibleIsAnAnswer) {
  v1::CreatePlanRequest request = ComputeQuestion(1e21);
  request.set_target_loss_nats(0.5);  // below the irreducible 1.8172 of besiroglu2024
  const auto answer = Create(request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.state(), v1::Plan::STATE_INFEASIBLE);
  EXPECT_FALSE(answer.response.has_model());
  EXPECT_GT(answer.response.infeasibility().conflict_size(), 0);
}

TEST_F(ServiceTest, NothingThatBoundsTheTrainingIsRefused) {
  const auto answer = Create(v1::CreatePlanRequest());
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(answer.status.error_message().find("nothing bounds the training"), std::string::npos)
      << answer.status.error_message();
  EXPECT_EQ(StoredPlanCount(), 0);
}

TEST_F(ServiceTest, AllViolationsComeAtOnce) {
  v1::CreatePlanRequest request;
  request.set_compute_flops(std::numeric_limits<double>::quiet_NaN());
  request.set_law("besirogl2024");
  request.set_level(1.5);
  request.set_batch_rule("kaplan");
  auto* pool = request.add_gpu_pools();
  pool->set_gpu_type("H1000");
  pool->set_count(0);
  const auto answer = Create(request);
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto violations = ViolationsOf(answer.status);
  for (const char* field : {"compute_flops", "law", "level", "batch_rule", "gpu_pools[0].gpu_type",
                            "gpu_pools[0].count"}) {
    EXPECT_EQ(violations.count(field), 1u) << field << " in " << answer.status.error_message();
  }
  EXPECT_NE(violations.at("law").find("besiroglu2024"), std::string::npos) << violations.at("law");
  EXPECT_EQ(StoredPlanCount(), 0);
}

TEST_F(ServiceTest, UnknownClusterInAQuestionIsAFieldViolationWithTheNearest) {
  v1::Cluster cluster;
  cluster.set_name("alpha");
  auto* pool = cluster.add_pools();
  pool->set_gpu_type("H100-SXM5-80GB");
  pool->set_node_count(2);
  pool->set_gpus_per_node(8);
  ASSERT_TRUE(Apply(cluster).status.ok());
  v1::CreatePlanRequest request;
  request.set_deadline_seconds(86400);
  request.set_cluster("alpa");
  const auto violations = ViolationsOf(Create(request).status);
  ASSERT_EQ(violations.count("cluster"), 1u);
  EXPECT_NE(violations.at("cluster").find("clusters/alpha"), std::string::npos);
}

TEST_F(ServiceTest, ChangedInventoryIsAnotherPlanAndTheSameContentTheSame) {
  v1::Cluster cluster;
  cluster.set_name("alpha");
  auto* pool = cluster.add_pools();
  pool->set_gpu_type("H100-SXM5-80GB");
  pool->set_node_count(2);
  pool->set_gpus_per_node(8);
  ASSERT_TRUE(Apply(cluster).status.ok());
  v1::CreatePlanRequest request;
  request.set_deadline_seconds(86400);
  request.set_cluster("alpha");
  const auto before = Create(request);
  ASSERT_TRUE(before.status.ok()) << before.status.error_message();
  EXPECT_EQ(before.response.allocation().cluster(), "clusters/alpha");
  cluster.mutable_pools(0)->set_node_count(1);
  ASSERT_TRUE(Apply(cluster).status.ok());
  const auto smaller = Create(request);
  EXPECT_NE(smaller.response.name(), before.response.name());
  EXPECT_LE(smaller.response.allocation().gpu_count(), 8);
  cluster.mutable_pools(0)->set_node_count(2);
  ASSERT_TRUE(Apply(cluster).status.ok());
  EXPECT_EQ(Create(request).response.name(), before.response.name());
}

TEST_F(ServiceTest, RepeatedRequestIdGivesTheSameAnswer) {
  v1::CreatePlanRequest request = ComputeQuestion(1e21);
  request.set_request_id(kIdA);
  const auto first = Create(request);
  const auto second = Create(request);
  ASSERT_TRUE(second.status.ok());
  EXPECT_TRUE(MessageDifferencer::Equals(first.response, second.response));
}

TEST_F(ServiceTest, RequestIdWithOtherContentAlreadyExistsAndStoresNothing) {
  v1::CreatePlanRequest request = ComputeQuestion(1e21);
  request.set_request_id(kIdA);
  ASSERT_TRUE(Create(request).status.ok());
  request.set_compute_flops(2e21);
  const auto other = Create(request);
  EXPECT_EQ(other.status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(StoredPlanCount(), 1);
}

TEST_F(ServiceTest, RequestIdIsRememberedAcrossARestart) {
  v1::CreatePlanRequest request = ComputeQuestion(1e21);
  request.set_request_id(kIdA);
  const auto first = Create(request);
  Restart();
  EXPECT_EQ(Create(request).response.create_time().nanos(), first.response.create_time().nanos());
  request.set_compute_flops(2e21);
  EXPECT_EQ(Create(request).status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

v1::Cluster Alpha(int64_t node_count) {
  v1::Cluster cluster;
  cluster.set_name("alpha");
  auto* pool = cluster.add_pools();
  pool->set_gpu_type("H100-SXM5-80GB");
  pool->set_node_count(node_count);
  pool->set_gpus_per_node(8);
  return cluster;
}

v1::CreatePlanRequest QuestionAboutAlpha() {
  v1::CreatePlanRequest request;
  request.set_deadline_seconds(86400);
  request.set_cluster("alpha");
  return request;
}

v1::DeleteClusterRequest DeletionOfAlpha() {
  v1::DeleteClusterRequest request;
  request.set_name("clusters/alpha");
  return request;
}

TEST_F(ServiceTest, RepeatedRequestIdIsAnsweredThoughItsClusterIsGone) {
  ASSERT_TRUE(Apply(Alpha(2)).status.ok());
  v1::CreatePlanRequest request = QuestionAboutAlpha();
  request.set_request_id(kIdA);
  const auto first = Create(request);
  ASSERT_TRUE(first.status.ok()) << first.status.error_message();
  ASSERT_TRUE(
      Ask(*clusters_, &v1::ClusterService::Stub::DeleteCluster, DeletionOfAlpha()).status.ok());
  const auto second = Create(request);
  ASSERT_TRUE(second.status.ok()) << second.status.error_message();
  EXPECT_TRUE(MessageDifferencer::Equals(first.response, second.response));
  request.clear_request_id();
  EXPECT_EQ(Create(request).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServiceTest, RequestIdWithOtherContentAlreadyExistsEvenIfThatCannotBeResolved) {
  v1::CreatePlanRequest request = ComputeQuestion(1e21);
  request.set_request_id(kIdA);
  ASSERT_TRUE(Create(request).status.ok());
  request.set_cluster("no-such-cluster");
  EXPECT_EQ(Create(request).status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(ServiceTest, RequestIdOfAKnownPlanIsRememberedToo) {
  ASSERT_TRUE(Create(ComputeQuestion(1e21)).status.ok());
  v1::CreatePlanRequest request = ComputeQuestion(1e21);
  request.set_request_id(kIdA);
  ASSERT_TRUE(Create(request).status.ok());
  request.set_compute_flops(2e21);
  EXPECT_EQ(Create(request).status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(ServiceTest, ConcurrentIdenticalQuestionsAreOnePlan) {
  std::vector<Answer<v1::Plan>> answers(8);
  std::vector<std::thread> threads;
  for (auto& answer : answers) {
    threads.emplace_back([&answer, this] { answer = Create(ComputeQuestion(3e21)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& answer : answers) {
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_TRUE(MessageDifferencer::Equals(answer.response, answers[0].response));
  }
  EXPECT_EQ(StoredPlanCount(), 1);
}

TEST_F(ServiceTest, ADeadlineGivesTheBestSoFarOrNothingAndStoresNeither) {
  v1::CreatePlanRequest request;
  for (const char* type : {"H100-SXM5-80GB", "A100-SXM4-80GB"}) {
    auto* pool = request.add_gpu_pools();
    pool->set_gpu_type(type);
    pool->set_count(16384);
    pool->set_gpus_per_node(8);
  }
  request.set_deadline_seconds(30 * 86400);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(50));
  v1::Plan plan;
  const grpc::Status status = plans_->CreatePlan(&context, request, &plan);
  if (status.ok()) {
    EXPECT_FALSE(plan.search().complete());
    EXPECT_EQ(plan.name(), "");
  } else {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED) << status.error_message();
  }
  server_->Drain();  // the server's side of the call has ended too
  Restart();
  EXPECT_EQ(StoredPlanCount(), 0);
}

TEST_F(ServiceTest, GetPlanAnswersWhatCreatePlanDid) {
  const auto created = Create(HardwareQuestion());
  v1::GetPlanRequest request;
  request.set_name(created.response.name());
  const auto got = Ask(*plans_, &v1::PlanService::Stub::GetPlan, request);
  ASSERT_TRUE(got.status.ok());
  EXPECT_TRUE(MessageDifferencer::Equals(got.response, created.response));
  EXPECT_GT(got.response.memory().stages_size(), 0);
}

TEST_F(ServiceTest, MissingPlanIsNotFoundWithAReason) {
  v1::GetPlanRequest request;
  request.set_name("plans/p-0123456789");
  const auto got = Ask(*plans_, &v1::PlanService::Stub::GetPlan, request);
  EXPECT_EQ(got.status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(got.status), "PLAN_NOT_FOUND");
}

TEST_F(ServiceTest, DeletedPlanIsGoneAndCanBeMadeAgain) {
  const auto created = Create(ComputeQuestion(1e21));
  v1::DeletePlanRequest request;
  request.set_name(created.response.name());
  request.set_validate_only(true);
  ASSERT_TRUE(Ask(*plans_, &v1::PlanService::Stub::DeletePlan, request).status.ok());
  EXPECT_EQ(StoredPlanCount(), 1);
  request.set_validate_only(false);
  ASSERT_TRUE(Ask(*plans_, &v1::PlanService::Stub::DeletePlan, request).status.ok());
  EXPECT_EQ(StoredPlanCount(), 0);
  EXPECT_EQ(Ask(*plans_, &v1::PlanService::Stub::DeletePlan, request).status.error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Create(ComputeQuestion(1e21)).response.name(), created.response.name());
}

// From the third time on a question is answered without being resolved; that must not show.
TEST_F(ServiceTest, AQuestionAskedOftenIsAnsweredTheSame) {
  const auto first = Create(HardwareQuestion());
  for (int i = 0; i < 4; ++i) {
    const auto again = Create(HardwareQuestion());
    ASSERT_TRUE(again.status.ok()) << again.status.error_message();
    EXPECT_TRUE(MessageDifferencer::Equals(again.response, first.response)) << i;
  }
  EXPECT_EQ(StoredPlanCount(), 1);
}

TEST_F(ServiceTest, AQuestionAskedOftenIsStoredAgainAfterItsPlanIsDeleted) {
  v1::DeletePlanRequest deletion;
  for (int i = 0; i < 3; ++i) deletion.set_name(Create(ComputeQuestion(1e21)).response.name());
  ASSERT_TRUE(Ask(*plans_, &v1::PlanService::Stub::DeletePlan, deletion).status.ok());
  EXPECT_EQ(StoredPlanCount(), 0);
  EXPECT_EQ(Create(ComputeQuestion(1e21)).response.name(), deletion.name());
  EXPECT_EQ(StoredPlanCount(), 1);
}

TEST_F(ServiceTest, AQuestionAskedOftenFollowsItsCluster) {
  ASSERT_TRUE(Apply(Alpha(2)).status.ok());
  std::string before;
  for (int i = 0; i < 3; ++i) before = Create(QuestionAboutAlpha()).response.name();
  ASSERT_TRUE(Apply(Alpha(1)).status.ok());
  const auto smaller = Create(QuestionAboutAlpha());
  ASSERT_TRUE(smaller.status.ok()) << smaller.status.error_message();
  EXPECT_NE(smaller.response.name(), before);
  EXPECT_LE(smaller.response.allocation().gpu_count(), 8);
  ASSERT_TRUE(
      Ask(*clusters_, &v1::ClusterService::Stub::DeleteCluster, DeletionOfAlpha()).status.ok());
  EXPECT_EQ(Create(QuestionAboutAlpha()).status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ServiceTest, PredictLossIsTheLawAtThePoint) {
  v1::PredictLossRequest request;
  request.set_law("besiroglu2024");
  request.set_param_count(7e9);
  request.set_token_count(1.4e12);
  const auto answer = Ask(*plans_, &v1::PlanService::Stub::PredictLoss, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  // Besiroglu et al. 2024, arXiv:2404.10102, eq. (5); by
  // python: 1.8172+482.01*7e9**-.3478+2085.43*1.4e12**-.3658.
  EXPECT_NEAR(answer.response.loss().mean_nats(), 2.0739095688753872, 1e-12);
  EXPECT_LT(answer.response.loss().low_nats(), answer.response.loss().mean_nats());
  EXPECT_GT(answer.response.loss().high_nats(), answer.response.loss().mean_nats());
  EXPECT_DOUBLE_EQ(answer.response.training_flops(), 6 * 7e9 * 1.4e12);
}

TEST_F(ServiceTest, PredictLossNeedsBothCounts) {
  const auto answer = Ask(*plans_, &v1::PlanService::Stub::PredictLoss, v1::PredictLossRequest());
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ViolationsOf(answer.status).size(), 2u);
}

TEST_F(ServiceTest, CheckConfigurationSaysWhatFits) {
  v1::CheckConfigurationRequest request;
  request.set_param_count(8000000000);
  request.mutable_gpu_pool()->set_gpu_type("H100-SXM5-80GB");
  request.mutable_gpu_pool()->set_count(8);
  request.mutable_layout()->set_zero_stage(3);
  const auto sharded = Ask(*plans_, &v1::PlanService::Stub::CheckConfiguration, request);
  ASSERT_TRUE(sharded.status.ok()) << sharded.status.error_message();
  request.mutable_gpu_pool()->set_count(1);
  request.mutable_layout()->set_zero_stage(0);
  const auto alone = Ask(*plans_, &v1::PlanService::Stub::CheckConfiguration, request);
  ASSERT_TRUE(alone.status.ok()) << alone.status.error_message();
  // 8e9 parameters at 18 bytes are 144 GB before any activation.
  EXPECT_FALSE(alone.response.fits());
  EXPECT_GT(alone.response.memory().peak_bytes(), 144e9);
  EXPECT_LT(sharded.response.memory().peak_bytes(), alone.response.memory().peak_bytes());
}

TEST_F(ServiceTest, ReplyCarriesTheCallersRequestIdOrAFreshOne) {
  grpc::ClientContext with_id, without_id;
  with_id.AddMetadata("x-request-id", "job-17");
  v1::Plan plan;
  ASSERT_TRUE(plans_->CreatePlan(&with_id, ComputeQuestion(1e21), &plan).ok());
  ASSERT_FALSE(plans_->CreatePlan(&without_id, v1::CreatePlanRequest(), &plan).ok());
  const auto echoed = with_id.GetServerInitialMetadata().find("x-request-id");
  ASSERT_NE(echoed, with_id.GetServerInitialMetadata().end());
  EXPECT_EQ(std::string(echoed->second.data(), echoed->second.size()), "job-17");
  const auto fresh = without_id.GetServerInitialMetadata().find("x-request-id");
  ASSERT_NE(fresh, without_id.GetServerInitialMetadata().end());
  EXPECT_EQ(fresh->second.size(), 16u);
  EXPECT_EQ(without_id.GetServerInitialMetadata().count("x-rhumb-version"), 1u);
}

}  // namespace
}  // namespace rhumb::daemon
