// SPDX-License-Identifier: Apache-2.0
#include "daemon/replan.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/convert.h"
#include "daemon/identity.h"
#include "daemon/plan_row.h"
#include "daemon/resolve.h"
#include "daemon/run_sunk.h"
#include "daemon/runs.h"
#include "daemon/sample_messages.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/make_plan.h"
#include "rhumb/v1/run.pb.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = int64_t{1'795'219'200} * kSecond;
constexpr int64_t kNow = kStart + 20'000 * kSecond;
constexpr Caller kAda = {.uid = 4242, .known = true};
constexpr Caller kBob = {.uid = 4343, .known = true};
constexpr char kUuid[] = "7c4a8d09-ca37-4c62-9c1b-6f1f6c5d2a11";

std::vector<std::string> CodesOf(const v1::ReplanRunResponse& response) {
  std::vector<std::string> codes;
  for (const v1::Advice& advice : response.advice()) codes.push_back(advice.code());
  return codes;
}

// A run of Ada's on 32 GPUs of a plan for a week, of which a quarter has been told.
class ReplanRunTest : public ::testing::Test {
 protected:
  ReplanRunTest() {
    auto database = Database::Open({});
    if (!database.ok()) std::abort();
    store_ = std::make_unique<Store>(*std::move(database));
    v1::CreatePlanRequest request;
    v1::GpuPool& pool = *request.add_gpu_pools();
    pool.set_gpu_type("H100-SXM5-80GB");
    pool.set_count(32);
    request.set_deadline_seconds(7 * 86400);
    plan_ = StorePlan(request);
    MakeRun("runs/r-1", plan_.name());
    const int64_t steps = plan_.batch().step_count() / 4;
    Tell("runs/r-1", steps, steps * plan_.batch().global_batch_tokens(), 1);
  }

  v1::Plan StorePlan(const v1::CreatePlanRequest& request) {
    FieldViolations violations;
    const auto resolved = ResolvePlanRequest(request, kStart, *store_, violations);
    if (!resolved.ok() || !violations.empty()) std::abort();
    v1::Plan plan = ToProto(MakePlan(resolved->question, {}).value(), resolved->question);
    const std::string bytes = DeterministicBytes(resolved->canonical);
    const std::string inputs =
        PlanInputsBytes(resolved->question, kAda.uid, resolved->cluster_content);
    plan.set_name(PlanName(bytes, inputs));
    plan.set_owner_uid(kAda.uid);
    EXPECT_THAT(
        store_->InsertPlan(PlanRow(plan, resolved->question.law.name, bytes, inputs), {}, kStart),
        IsOk());
    return plan;
  }

  void MakeRun(const std::string& name, const std::string& plan,
               const v1::RunSettings& settings = {}) {
    StoredRun run;
    run.settings = settings.SerializeAsString();
    run.name = name;
    run.owner_uid = kAda.uid;
    run.plan = run.given_plan = plan;
    run.create_time_ns = run.update_time_ns = run.start_time_ns = kStart;
    EXPECT_THAT(store_->runs().Create(
                    run, {}, false, [](int64_t) { return false; },
                    [](const StoredRun&) { return absl::OkStatus(); }),
                IsOk());
  }

  // Ten samples up to `steps` and `tokens`, whose steps take `pace` times the planned time.
  void Tell(const std::string& run, int64_t steps, int64_t tokens, double pace,
            const std::string& attempt = "a", int64_t from_ns = kStart) {
    AttemptSamples told;
    told.run = run;
    told.attempt_id = attempt;
    for (int64_t i = 1; i <= 10; ++i) {
      StoredSample stored;
      stored.sequence = i;
      stored.sample.time_seconds = static_cast<double>(from_ns / kSecond + 100 * i);
      stored.sample.step = steps * i / 10;
      stored.sample.token_count = tokens * i / 10;
      stored.sample.step_seconds = pace * plan_.time().step_seconds();
      told.samples.push_back(stored);
    }
    EXPECT_THAT(
        store_->samples().Append(told, kNow, [](const StoredRun&) { return absl::OkStatus(); }),
        IsOk());
  }

  absl::StatusOr<v1::ReplanRunResponse> Replan(const v1::ReplanRunRequest& request,
                                               const Caller& caller = kAda, int64_t now_ns = kNow) {
    return ReplanRun(request, caller, now_ns, *store_, nullptr);
  }

  static v1::ReplanRunRequest On(int64_t gpu_count) {
    v1::ReplanRunRequest request;
    request.set_name("r-1");
    v1::GpuPool& pool = *request.add_gpu_pools();
    pool.set_gpu_type("H100-SXM5-80GB");
    pool.set_count(gpu_count);
    return request;
  }

  std::string PlanOfRun() { return (*store_->runs().Find("runs/r-1"))->plan; }

  std::unique_ptr<Store> store_;
  v1::Plan plan_;
};

TEST_F(ReplanRunTest, LostNodesMakeAnotherPlanOfTheSameModel) {
  const auto answer = Replan(On(24));
  ASSERT_THAT(answer, IsOk());
  const v1::Plan& plan = answer->plan();
  ASSERT_EQ(plan.state(), v1::Plan::STATE_FEASIBLE);
  EXPECT_EQ(plan.model().param_count(), plan_.model().param_count());
  EXPECT_EQ(plan.model().num_layers(), plan_.model().num_layers());
  EXPECT_LE(plan.allocation().gpu_count(), 24);
  EXPECT_EQ(answer->run().plan(), plan.name());
  EXPECT_EQ(PlanOfRun(), plan.name());
  const double batch = static_cast<double>(plan_.batch().global_batch_tokens());
  EXPECT_LE(std::abs(static_cast<double>(plan.batch().global_batch_tokens()) / batch - 1), 0.1);
}

TEST_F(ReplanRunTest, TheNewPlanCanBeLookedUpWithItsQuestion) {
  const auto answer = Replan(On(24));
  ASSERT_THAT(answer, IsOk());
  const auto row = store_->FindPlan(answer->plan().name());
  ASSERT_THAT(row, IsOk());
  ASSERT_TRUE(row->has_value());
  v1::CreatePlanRequest question;
  ASSERT_TRUE(question.ParseFromString((*row)->request));
  EXPECT_GT(question.done_token_count(), 0);
  // Its question is answered by that plan.
  FieldViolations violations;
  const auto resolved = ResolvePlanRequest(question, kNow, *store_, violations);
  ASSERT_THAT(resolved, IsOk());
  ASSERT_TRUE(violations.empty()) << violations.ToStatus();
  v1::Plan again = ToProto(MakePlan(resolved->question, {}).value(), resolved->question);
  v1::Plan plan = answer->plan();
  for (v1::Plan* each : {&again, &plan}) {
    each->clear_name();
    each->clear_create_time();
    each->clear_owner_uid();
    each->clear_planner_version();
    each->clear_law();
    each->mutable_search()->clear_seconds();
  }
  EXPECT_EQ(again.DebugString(), plan.DebugString());
}

TEST_F(ReplanRunTest, TheTrailSaysFromWhatToWhatAndWhy) {
  v1::ReplanRunRequest request = On(24);
  request.set_reason("a rack lost power");
  const auto answer = Replan(request);
  ASSERT_THAT(answer, IsOk());
  const auto replans = store_->samples().Replans("runs/r-1");
  ASSERT_THAT(replans, IsOk());
  ASSERT_EQ(replans->size(), 1u);
  EXPECT_EQ((*replans)[0].from_plan, plan_.name());
  EXPECT_EQ((*replans)[0].to_plan, answer->plan().name());
  v1::RunReplan trail;
  ASSERT_TRUE(trail.ParseFromString((*replans)[0].content));
  EXPECT_EQ(trail.reason(), "a rack lost power");
  EXPECT_EQ(trail.owner_uid(), kAda.uid);
  EXPECT_GT(trail.done_token_count(), 0);
  EXPECT_THAT(trail.changes(), Contains(HasSubstr("gpu_count from 32 to ")));
  EXPECT_EQ(trail.advice_size(), answer->advice_size());
}

TEST_F(ReplanRunTest, ADryRunChangesNothing) {
  v1::ReplanRunRequest request = On(24);
  request.set_validate_only(true);
  const auto answer = Replan(request);
  ASSERT_THAT(answer, IsOk());
  EXPECT_THAT(CodesOf(*answer), Contains("CHANGE"));
  EXPECT_EQ(PlanOfRun(), plan_.name());
  EXPECT_TRUE(store_->samples().Replans("runs/r-1")->empty());
  EXPECT_FALSE(store_->FindPlan(answer->plan().name())->has_value());
}

TEST_F(ReplanRunTest, ARepetitionAnswersTheSameAndPlansOnce) {
  v1::ReplanRunRequest request = On(24);
  request.set_request_id(kUuid);
  const auto first = Replan(request);
  ASSERT_THAT(first, IsOk());
  const auto second = Replan(request);
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(first->DebugString(), second->DebugString());
  EXPECT_EQ(store_->samples().Replans("runs/r-1")->size(), 1u);
}

TEST_F(ReplanRunTest, OneRequestOfManyAtOnceIsAnsweredAlike) {
  v1::ReplanRunRequest request = On(24);
  request.set_request_id(kUuid);
  constexpr int kCallers = 8;
  std::vector<std::string> plans(kCallers);
  std::vector<std::thread> callers;
  for (std::string& plan : plans) {
    callers.emplace_back([&, request] {
      const auto answer = Replan(request);
      if (answer.ok()) plan = answer->plan().name();
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_THAT(plans, Each(PlanOfRun()));
  EXPECT_EQ(store_->samples().Replans("runs/r-1")->size(), 1u);
}

TEST_F(ReplanRunTest, ARequestIdWithOtherContentIsRefused) {
  v1::ReplanRunRequest request = On(24);
  request.set_request_id(kUuid);
  ASSERT_THAT(Replan(request), IsOk());
  v1::ReplanRunRequest other = On(16);
  other.set_request_id(kUuid);
  EXPECT_THAT(Replan(other), StatusIs(absl::StatusCode::kAlreadyExists, ""));
}

TEST_F(ReplanRunTest, SlowStepsStretchTheRest) {
  const auto planned = Replan(On(24));
  ASSERT_THAT(planned, IsOk());
  MakeRun("runs/r-2", plan_.name());
  const int64_t steps = plan_.batch().step_count() / 4;
  Tell("runs/r-2", steps, steps * plan_.batch().global_batch_tokens(), 1.5);
  v1::ReplanRunRequest request = On(24);
  request.set_name("r-2");
  const auto slow = Replan(request);
  ASSERT_THAT(slow, IsOk());
  EXPECT_NEAR(slow->plan().time().train_seconds() / planned->plan().time().train_seconds(), 1.5,
              1e-3);
  EXPECT_THAT(CodesOf(*slow), Contains("MEASURED_SLOWER"));
}

TEST_F(ReplanRunTest, SamplesFromBeforeAReplanDoNotCountAgain) {
  MakeRun("runs/r-2", plan_.name());
  const int64_t steps = plan_.batch().step_count() / 4;
  Tell("runs/r-2", steps, steps * plan_.batch().global_batch_tokens(), 1.5);
  v1::ReplanRunRequest request = On(24);
  request.set_name("r-2");
  const auto first = Replan(request);
  ASSERT_THAT(first, IsOk());
  v1::ReplanRunRequest again = On(16);
  again.set_name("r-2");
  const auto second = Replan(again, kAda, kNow + 60 * kSecond);
  ASSERT_THAT(second, IsOk());
  const auto factor = [](const v1::Plan& plan) {
    for (const auto& each : plan.assumptions()) {
      if (each.field() == "step_time_factor") return each.value();
    }
    return std::string("none");
  };
  EXPECT_EQ(factor(first->plan()), "1.5");
  EXPECT_EQ(factor(second->plan()), "1.5");
}

TEST_F(ReplanRunTest, AnInfeasibleRestLeavesThePlan) {
  v1::ReplanRunRequest request = On(8);
  request.set_deadline_seconds(3600);
  const auto answer = Replan(request);
  ASSERT_THAT(answer, IsOk());
  EXPECT_EQ(answer->plan().state(), v1::Plan::STATE_INFEASIBLE);
  EXPECT_EQ(answer->plan().name(), "");
  EXPECT_EQ(PlanOfRun(), plan_.name());
  EXPECT_THAT(CodesOf(*answer), Contains("NO_PLAN_FOR_THE_REST"));
}

TEST_F(ReplanRunTest, ShortenKeepsWhatIsLeftOfTheDeadline) {
  v1::ReplanRunRequest request = On(16);
  request.set_shorten(true);
  const auto answer = Replan(request);
  ASSERT_THAT(answer, IsOk());
  ASSERT_EQ(answer->plan().state(), v1::Plan::STATE_FEASIBLE);
  EXPECT_LT(answer->plan().token_count(), plan_.token_count());
  const double left = 7 * 86400 - 20'000;
  EXPECT_LE(answer->plan().time().wall_seconds(), left * (1 + 1e-9));
  EXPECT_GT(answer->plan().time().wall_seconds(), 0.95 * left);
}

TEST_F(ReplanRunTest, TokensThatAreSaidToBeDoneCount) {
  v1::ReplanRunRequest request = On(24);
  request.set_done_token_count(plan_.token_count() / 2);
  const auto half = Replan(request);
  ASSERT_THAT(half, IsOk());
  MakeRun("runs/r-2", plan_.name());
  request.set_name("r-2");
  const auto without_samples = Replan(request);
  ASSERT_THAT(without_samples, IsOk());
  EXPECT_EQ(without_samples->plan().token_count(), half->plan().token_count());
}

TEST_F(ReplanRunTest, TheRunsOwnEndHoldsUntilItIsPlannedAnew) {
  v1::RunSettings settings;
  settings.set_target_token_count(plan_.token_count() * 3 / 4);
  MakeRun("runs/r-2", plan_.name(), settings);
  v1::ReplanRunRequest request = On(24);
  request.set_name("r-2");
  request.set_done_token_count(plan_.token_count() / 4);
  const auto first = Replan(request);
  ASSERT_THAT(first, IsOk());
  const int64_t batch = first->plan().batch().global_batch_tokens();
  EXPECT_LE(first->plan().token_count(), settings.target_token_count());
  EXPECT_GT(first->plan().token_count(), settings.target_token_count() - batch);
  request.set_token_count(plan_.token_count() / 2);
  ASSERT_THAT(Replan(request), IsOk());
  request.clear_token_count();
  request.mutable_gpu_pools(0)->set_count(16);
  const auto third = Replan(request);
  ASSERT_THAT(third, IsOk());
  EXPECT_LE(third->plan().token_count(), plan_.token_count() / 2);
}

TEST_F(ReplanRunTest, ARunThatToldNothingMustSayWhatIsDone) {
  MakeRun("runs/r-2", plan_.name());
  v1::ReplanRunRequest request = On(24);
  request.set_name("r-2");
  EXPECT_THAT(Replan(request), StatusIs(absl::StatusCode::kFailedPrecondition, "done_token_count"));
}

TEST_F(ReplanRunTest, ARunWithoutAPlanCannotBeReplanned) {
  MakeRun("runs/r-2", "");
  v1::ReplanRunRequest request = On(24);
  request.set_name("r-2");
  EXPECT_THAT(Replan(request), StatusIs(absl::StatusCode::kFailedPrecondition, "names no plan"));
}

TEST_F(ReplanRunTest, SomebodyElseMayNot) {
  EXPECT_THAT(Replan(On(24), kBob), StatusIs(absl::StatusCode::kPermissionDenied, "belongs to"));
}

TEST_F(ReplanRunTest, AnUnknownRunIsNotFound) {
  v1::ReplanRunRequest request = On(24);
  request.set_name("r-none");
  EXPECT_THAT(Replan(request), StatusIs(absl::StatusCode::kNotFound, "runs/r-none"));
}

TEST_F(ReplanRunTest, AFinishedRunHasNoRest) {
  ASSERT_THAT(store_->runs().Update("runs/r-1",
                                    [](StoredRun& run) -> absl::StatusOr<bool> {
                                      run.state = JobState::kSucceeded;
                                      run.end_time_ns = kNow;
                                      return true;
                                    }),
              IsOk());
  EXPECT_THAT(Replan(On(24)), StatusIs(absl::StatusCode::kFailedPrecondition, "has ended"));
}

TEST_F(ReplanRunTest, AllBadFieldsAreNamedAtOnce) {
  v1::ReplanRunRequest request = On(24);
  request.set_cluster("mine");
  request.set_deadline_seconds(-1);
  request.set_batch_tolerance_fraction(2);
  const absl::Status status = Replan(request).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "cluster"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "deadline_seconds"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, "batch_tolerance_fraction"));
}

TEST_F(ReplanRunTest, AnUnknownGpuIsNamedWithItsField) {
  v1::ReplanRunRequest request = On(24);
  request.mutable_gpu_pools(0)->set_gpu_type("H100-SXM9");
  EXPECT_THAT(Replan(request), StatusIs(absl::StatusCode::kInvalidArgument, "gpu_pools[0]"));
}

TEST(InForceSinceTest, AProcessThatGoesOnBehindAReplanIsOfThePlanBefore) {
  StoredReplan replan;
  replan.time_ns = 100;
  StoredAttempt before, behind, later;
  before.first_time_ns = 10;
  before.last_time_ns = 150;
  EXPECT_EQ(InForceSince({replan}, {before}), 100);
  behind.first_time_ns = 160;
  later.first_time_ns = 300;
  EXPECT_EQ(InForceSince({replan}, {before, behind, later}), 160);
  EXPECT_EQ(InForceSince({}, {before}), 0);
}

TEST_F(ReplanRunTest, WhatHasBeenUsedStaysWhatItWas) {
  v1::RunSettings settings;
  settings.set_gpu_count(2);
  settings.set_price_usd_per_gpu_hour(10);
  MakeRun("runs/r-2", plan_.name(), settings);
  const int64_t steps = plan_.batch().step_count() / 4;
  Tell("runs/r-2", steps, steps * plan_.batch().global_batch_tokens(), 1);
  v1::ReplanRunRequest request = On(24);
  request.set_name("r-2");
  ASSERT_THAT(Replan(request), IsOk());
  const auto run = FindRunByName("runs/r-2", *store_);
  ASSERT_THAT(run, IsOk());
  const auto sunk = ReadSunk(*run, {}, *store_->samples().Replans("runs/r-2"), *store_);
  ASSERT_THAT(sunk, IsOk());
  // 20,000 s on the two GPUs that the run stated, not on the plan's 32.
  EXPECT_DOUBLE_EQ(sunk->wall_seconds, 20'000);
  EXPECT_DOUBLE_EQ(sunk->gpu_hours, 2 * 20'000 / 3600.0);
  ASSERT_TRUE(sunk->usd.has_value());
  EXPECT_DOUBLE_EQ(*sunk->usd, 10 * sunk->gpu_hours);
}

TEST_F(ReplanRunTest, AStoppedSearchChangesNothing) {
  EXPECT_THAT(ReplanRun(On(24), kAda, kNow, *store_, [] { return true; }),
              StatusIs(absl::StatusCode::kDeadlineExceeded, "allow more time"));
  EXPECT_EQ(PlanOfRun(), plan_.name());
}

}  // namespace
}  // namespace rhumb::daemon
