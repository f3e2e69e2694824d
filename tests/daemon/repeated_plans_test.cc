// SPDX-License-Identifier: Apache-2.0
#include "daemon/repeated_plans.h"

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/plan_service.h"
#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {
namespace {

std::shared_ptr<const RepeatedPlan> Named(const std::string& name) {
  auto plan = std::make_shared<RepeatedPlan>();
  plan->name = name;
  return plan;
}

TEST(RepeatedPlansTest, AnotherOwnerOrRequestIsAnotherQuestion) {
  RepeatedPlans plans;
  plans.Insert(1, "a", Named("plans/p-a"), plans.generation());
  ASSERT_NE(plans.Find(1, "a"), nullptr);
  EXPECT_EQ(plans.Find(1, "a")->name, "plans/p-a");
  EXPECT_EQ(plans.Find(2, "a"), nullptr);
  EXPECT_EQ(plans.Find(1, "b"), nullptr);
}

TEST(RepeatedPlansTest, TheOneUsedLongestAgoMakesRoom) {
  RepeatedPlans plans;
  for (size_t i = 0; i < RepeatedPlans::kMaxEntries; ++i) {
    plans.Insert(1, absl::StrCat(i), Named("p"), plans.generation());
  }
  ASSERT_NE(plans.Find(1, "0"), nullptr);
  plans.Insert(1, "new", Named("p"), plans.generation());
  EXPECT_NE(plans.Find(1, "new"), nullptr);
  EXPECT_NE(plans.Find(1, "0"), nullptr);
  EXPECT_EQ(plans.Find(1, "1"), nullptr);
}

TEST(RepeatedPlansTest, WhatWasReadBeforeAClearIsNotKept) {
  RepeatedPlans plans;
  plans.Insert(1, "a", Named("p"), plans.generation());
  const int64_t generation = plans.generation();
  plans.Clear();
  EXPECT_EQ(plans.Find(1, "a"), nullptr);
  plans.Insert(1, "a", Named("p"), generation);
  EXPECT_EQ(plans.Find(1, "a"), nullptr);
}

TEST(RepeatedPlansTest, WhatIsTooLargeIsNotKept) {
  RepeatedPlans plans;
  plans.Insert(1, std::string(RepeatedPlans::kMaxEntryBytes, 'q'), Named("p"), plans.generation());
  EXPECT_EQ(plans.Find(1, std::string(RepeatedPlans::kMaxEntryBytes, 'q')), nullptr);
}

TEST(UnparsedTest, SerializesToTheSameBytes) {
  v1::Plan plan;
  plan.set_name("plans/p-0123");
  plan.mutable_model()->set_num_layers(32);
  plan.mutable_memory()->add_stages()->set_total_bytes(1e9);
  const std::string bytes = plan.SerializeAsString();
  const std::unique_ptr<v1::Plan> unparsed = Unparsed(bytes);
  ASSERT_NE(unparsed, nullptr);
  EXPECT_EQ(unparsed->SerializeAsString(), bytes);
}

TEST(UnparsedTest, WhatIsNoMessageIsRefused) { EXPECT_EQ(Unparsed("\xff\xff\xff"), nullptr); }

// A service whose clock stands until it is moved.
class RepeatedServiceTest : public ::testing::Test {
 protected:
  RepeatedServiceTest()
      : store_(OpenDatabase()),
        other_process_(OpenDatabase()),
        service_(
            store_, peers_, [this] { return now_ns_.load(); }, nullptr) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    plans_ = v1::PlanService::NewStub(server_->InProcessChannel({}));
  }

  std::unique_ptr<Database> OpenDatabase() {
    DatabaseOptions options;
    options.path = directory_.File("rhumb.db");
    auto database = Database::Open(options);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  v1::Plan Create() {
    v1::CreatePlanRequest request;
    request.set_compute_flops(1e21);
    const auto answer = Ask(*plans_, &v1::PlanService::Stub::CreatePlan, request);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    return answer.response;
  }

  testing_support::TempDirectory directory_;
  std::atomic<int64_t> now_ns_ = 1'000'000'000;
  PeerRegistry peers_{true};
  Store store_, other_process_;
  PlanService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::PlanService::Stub> plans_;
};

TEST_F(RepeatedServiceTest, ADeletionByAnotherProcessIsSeenAfterAMoment) {
  std::string name;
  for (int i = 0; i < 3; ++i) name = Create().name();
  const auto deleted = other_process_.DeletePlan(name);
  ASSERT_TRUE(deleted.ok() && *deleted);
  now_ns_ += 60'000'000;
  const v1::Plan again = Create();
  EXPECT_EQ(again.name(), name);
  EXPECT_EQ(again.create_time().seconds(), 1);
  EXPECT_EQ(again.create_time().nanos(), 60'000'000);
  const auto stored = store_.FindPlanBytes(name);
  EXPECT_TRUE(stored.ok() && stored->has_value());
}

TEST_F(RepeatedServiceTest, AClockThatGoesBackAsksTheStore) {
  std::string name;
  for (int i = 0; i < 3; ++i) name = Create().name();
  ASSERT_TRUE(other_process_.DeletePlan(name).ok());
  now_ns_ -= 1;
  Create();
  const auto stored = store_.FindPlanBytes(name);
  EXPECT_TRUE(stored.ok() && stored->has_value());
}

}  // namespace
}  // namespace rhumb::daemon
