// SPDX-License-Identifier: Apache-2.0
#include "client/cli/plan_by_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing_support::IsOk;
using testing_support::StatusIs;

constexpr double kNow = 1'800'000'000;
constexpr double kHour = 3600;

// A cluster of `all` GPUs of which `free` are, where a plan takes all it may for the whole
// deadline, and its loss falls with GPU time. Jobs of more GPUs than are free wait `wait_seconds`.
struct Site {
  int free = 8, all = 16;
  double wait_seconds = 10 * kHour;
  std::vector<v1::CreatePlanRequest> asked = {};

  absl::StatusOr<v1::Plan> Plan(const v1::CreatePlanRequest& question) {
    asked.push_back(question);
    if (question.free_only() && free == 0) return absl::FailedPreconditionError("no GPU is free");
    const int gpus = question.free_only() ? free : all;
    v1::Plan plan;
    plan.set_name(absl::StrCat("plans/p-", gpus, "-", question.deadline_seconds()));
    plan.set_state(v1::Plan::STATE_FEASIBLE);
    plan.set_objective(v1::OBJECTIVE_LOSS);
    plan.mutable_allocation()->set_gpu_type("H100-SXM5-80GB");
    plan.mutable_allocation()->set_gpu_count(gpus);
    plan.mutable_time()->set_wall_seconds(question.deadline_seconds());
    plan.mutable_loss()->set_mean_nats(3 - 1e-7 * gpus * question.deadline_seconds());
    return plan;
  }

  absl::StatusOr<StartForecast> Forecast(const v1::Plan& plan) const {
    const double wait = plan.allocation().gpu_count() <= free ? 0 : wait_seconds;
    return StartForecast{static_cast<int64_t>(kNow + wait), "n[1-2]", "all"};
  }

  absl::StatusOr<PlansByStart> Ask(const v1::CreatePlanRequest& question) {
    return PlanByStart(
        question, kNow, [this](const v1::CreatePlanRequest& each) { return Plan(each); },
        [this](const v1::Plan& plan) { return Forecast(plan); });
  }
};

v1::CreatePlanRequest Within(double deadline_seconds) {
  v1::CreatePlanRequest question;
  question.set_cluster("mine");
  question.set_deadline_seconds(deadline_seconds);
  return question;
}

TEST(PlanByStart, WaitsWhereMoreGpusMakeUpForTheWait) {
  Site site;
  const absl::StatusOr<PlansByStart> starts = site.Ask(Within(100 * kHour));
  ASSERT_THAT(starts, IsOk());
  ASSERT_THAT(starts->options, SizeIs(2));
  // 16 GPUs for 90 h are more than 8 for 100 h.
  EXPECT_EQ(starts->options[0].plan.allocation().gpu_count(), 16);
  EXPECT_EQ(starts->options[0].wait_seconds, 10 * kHour);
  EXPECT_LE(starts->options[0].FinishSeconds(), 100 * kHour);
  EXPECT_EQ(starts->options[1].plan.allocation().gpu_count(), 8);
}

TEST(PlanByStart, StartsNowWhereTheWaitCostsMore) {
  Site site = {.wait_seconds = 60 * kHour};
  const absl::StatusOr<PlansByStart> starts = site.Ask(Within(100 * kHour));
  ASSERT_THAT(starts, IsOk());
  ASSERT_THAT(starts->options, SizeIs(2));
  EXPECT_EQ(starts->options[0].plan.allocation().gpu_count(), 8);
  EXPECT_EQ(starts->options[0].wait_seconds, 0);
}

TEST(PlanByStart, PlansForTheTimeThatTheWaitLeaves) {
  Site site = {.wait_seconds = 10 * kHour + 7};
  const absl::StatusOr<PlansByStart> starts = site.Ask(Within(100 * kHour));
  ASSERT_THAT(starts, IsOk());
  // Whole minutes, so that a question of the next second is the same one.
  EXPECT_EQ(starts->options[0].question.deadline_seconds(), 90 * kHour - 60);
}

TEST(PlanByStart, LeavesOutWhatWouldStartAfterTheDeadline) {
  Site site = {.wait_seconds = 200 * kHour};
  const absl::StatusOr<PlansByStart> starts = site.Ask(Within(100 * kHour));
  ASSERT_THAT(starts, IsOk());
  EXPECT_THAT(starts->options, SizeIs(1));
  EXPECT_THAT(starts->remarks, Contains(HasSubstr("too late for the deadline")));
}

TEST(PlanByStart, SaysWhyNothingCanStartInTime) {
  Site site = {.free = 0, .wait_seconds = 200 * kHour};
  EXPECT_THAT(site.Ask(Within(100 * kHour)).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "no GPU is free"));
}

TEST(PlanByStart, HasOneOptionWhereEverythingIsFree) {
  Site site = {.free = 16};
  const absl::StatusOr<PlansByStart> starts = site.Ask(Within(100 * kHour));
  ASSERT_THAT(starts, IsOk());
  EXPECT_THAT(starts->options, SizeIs(1));
  EXPECT_THAT(starts->remarks, IsEmpty());
}

TEST(PlanByStart, AsksForFreeGpusAloneWhereTheQuestionDoes) {
  Site site;
  v1::CreatePlanRequest question = Within(100 * kHour);
  question.set_free_only(true);
  const absl::StatusOr<PlansByStart> starts = site.Ask(question);
  ASSERT_THAT(starts, IsOk());
  EXPECT_THAT(starts->options, SizeIs(1));
  EXPECT_THAT(site.asked, SizeIs(1));
}

TEST(PlanByStart, EndsWhereEachShorterPlanStartsLater) {
  Site site;
  double wait = kHour;
  const absl::StatusOr<PlansByStart> starts = PlanByStart(
      Within(1000 * kHour), kNow,
      [&](const v1::CreatePlanRequest& each) { return site.Plan(each); },
      [&](const v1::Plan& plan) -> absl::StatusOr<StartForecast> {
        if (plan.allocation().gpu_count() <= site.free) return site.Forecast(plan);
        wait *= 2;
        return StartForecast{static_cast<int64_t>(kNow + wait), "n1", "all"};
      });
  ASSERT_THAT(starts, IsOk());
  EXPECT_THAT(starts->options, SizeIs(1));
  EXPECT_THAT(starts->remarks, Contains(HasSubstr("each shorter plan would start later")));
}

TEST(PlanByStart, AnswersTheInfeasiblePlanWhereNoStartIsToBlame) {
  const auto ask = [](const v1::CreatePlanRequest&) -> absl::StatusOr<v1::Plan> {
    v1::Plan plan;
    plan.set_name("plans/p-none");
    plan.set_state(v1::Plan::STATE_INFEASIBLE);
    return plan;
  };
  const auto forecast = [](const v1::Plan&) -> absl::StatusOr<StartForecast> {
    ADD_FAILURE() << "there is no job to forecast";
    return absl::InternalError("");
  };
  const absl::StatusOr<PlansByStart> starts = PlanByStart(Within(kHour), kNow, ask, forecast);
  ASSERT_THAT(starts, IsOk());
  EXPECT_THAT(starts->options, IsEmpty());
  ASSERT_TRUE(starts->infeasible.has_value());
  EXPECT_EQ(starts->infeasible->name(), "plans/p-none");
}

TEST(PlanByStart, AnswersADaemonsErrorAsItIs) {
  const auto ask = [](const v1::CreatePlanRequest&) -> absl::StatusOr<v1::Plan> {
    return absl::InvalidArgumentError("law: no such law");
  };
  EXPECT_THAT(PlanByStart(Within(kHour), kNow, ask, nullptr).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "no such law"));
}

}  // namespace
}  // namespace rhumb::cli
