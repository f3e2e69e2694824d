// SPDX-License-Identifier: Apache-2.0
// What becomes of a run's samples: planned against actual, forecasts, advice.
#include <string>

#include "gmock/gmock.h"
#include "tests/daemon/tracking_fixture.h"

namespace rhumb::daemon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

TEST_F(TrackingTest, ComparesEveryNumberWithItsPlan) {
  const std::string name = CreateRun();
  Report(name, {.time_factor = 1.02});
  const v1::Run run = Get(name);
  EXPECT_NEAR(ComparisonOf(run, "step_seconds").ratio(), 1.02, 0.005);
  EXPECT_NEAR(ComparisonOf(run, "tokens_per_second").ratio(), 1 / 1.02, 0.01);
  EXPECT_NEAR(ComparisonOf(run, "mfu").ratio(), 1 / 1.02, 0.01);
  EXPECT_NEAR(ComparisonOf(run, "peak_memory_bytes").ratio(), 1, 1e-6);
  EXPECT_NEAR(ComparisonOf(run, "token_count").ratio(), 0.5, 0.01);
  EXPECT_TRUE(ComparisonOf(run, "loss_nats").has_ratio());
  EXPECT_FALSE(ComparisonOf(run, "loss_nats").source().empty());
}

TEST_F(TrackingTest, ForecastsTheEndOfARunUnderWay) {
  const std::string name = CreateRun();
  Report(name, {});
  const v1::RunForecast forecast = Get(name).forecast();
  EXPECT_NEAR(forecast.done_fraction(), 0.5, 0.01);
  EXPECT_NEAR(forecast.remaining_seconds() / (plan_.time().train_seconds() / 2), 1, 0.05);
  EXPECT_LT(forecast.final_loss_low_nats(), forecast.final_loss_nats());
  EXPECT_GT(forecast.final_loss_high_nats(), forecast.final_loss_nats());
  EXPECT_TRUE(forecast.has_finish_time());
  EXPECT_TRUE(forecast.has_total_usd());
}

TEST_F(TrackingTest, ForecastsNothingOfARunThatHasEnded) {
  const std::string name = CreateRun();
  Report(name, {.done_fraction = 1});
  Finish(name);
  EXPECT_FALSE(Get(name).has_forecast());
  EXPECT_TRUE(ComparisonOf(Get(name), "final_loss_nats").has_ratio());
}

TEST_F(TrackingTest, ARunWithoutAPlanHasItsOwnNumbers) {
  plan_.clear_name();
  const std::string name = CreateRun({});
  Report(name, {});
  const v1::Run run = Get(name);
  EXPECT_TRUE(ComparisonOf(run, "step_seconds").has_actual());
  EXPECT_FALSE(ComparisonOf(run, "step_seconds").has_planned());
}

TEST_F(TrackingTest, ARunWithoutAPlanIsForecastByItsSettings) {
  const int64_t tokens = plan_.token_count();
  plan_.clear_name();
  v1::RunSettings settings = CosineSettings();
  settings.set_target_token_count(tokens);
  const std::string name = CreateRun(settings);
  Report(name, {});
  EXPECT_NEAR(Get(name).forecast().done_fraction(), 0.5, 0.01);
}

TEST_F(TrackingTest, TheCurveEndsWhereThePlanDoes) {
  const std::string name = CreateRun();
  Report(name, {});
  const v1::CompareRunResponse compared = Compare(name, 50);
  ASSERT_EQ(compared.loss_curve_size(), 50);
  const v1::LossPoint& last = compared.loss_curve(49);
  EXPECT_EQ(last.token_count(), plan_.token_count());
  EXPECT_NEAR(last.planned_nats(), plan_.loss().mean_nats(), 2e-3);
  EXPECT_FALSE(last.has_actual_nats());
  EXPECT_TRUE(compared.loss_curve(10).has_actual_nats());
}

TEST_F(TrackingTest, AnExpectedLossFallsAlongItsCurve) {
  const std::string name = CreateRun();
  Report(name, {});
  const v1::CompareRunResponse compared = Compare(name, 50);
  for (int i = 1; i < compared.loss_curve_size(); ++i) {
    EXPECT_LE(compared.loss_curve(i).planned_nats(), compared.loss_curve(i - 1).planned_nats());
  }
}

TEST_F(TrackingTest, SaysWhatItAssumesOfTheSchedule) {
  const std::string name = CreateRun({});
  Report(name, {});
  bool said = false;
  const v1::CompareRunResponse compared = Compare(name);
  for (const auto& each : compared.assumptions()) said = said || each.field() == "schedule";
  EXPECT_TRUE(said);
}

TEST_F(TrackingTest, ComparesNoLossOfAnotherTokenizer) {
  v1::RunSettings settings = CosineSettings();
  settings.set_tokenizer("bytes");
  const std::string name = CreateRun(settings);
  Report(name, {});
  EXPECT_FALSE(ComparisonOf(Get(name), "loss_nats").has_planned());
}

TEST_F(TrackingTest, AdvisesOnALossAboveItsBand) {
  const std::string name = CreateRun();
  Report(name, {.loss_factor = 1.6});
  bool said = false;
  const v1::Run run = Get(name);
  for (const auto& each : run.advice()) said = said || each.code() == "LOSS_ABOVE_BAND";
  EXPECT_TRUE(said);
}

TEST_F(TrackingTest, WhatWasSaidOfGpusBeforeAReplanCountsNoMore) {
  v1::RunSettings settings = CosineSettings();
  settings.set_gpu_count(64);
  const std::string name = CreateRun(settings);
  Report(name, {});
  Replan(name, 32);
  const v1::Run run = Get(name);
  const double left = run.forecast().remaining_seconds();
  const double hours =
      ComparisonOf(run, "expected_gpu_hours").actual() - ComparisonOf(run, "gpu_hours").actual();
  EXPECT_NEAR(hours, 32 * left / 3600, 0.01 * hours);
}

TEST_F(TrackingTest, NothingIsMeasuredOfAFreshPlan) {
  const std::string name = CreateRun();
  Report(name, {});
  Replan(name, 16);
  const v1::Run run = Get(name);
  for (const char* const quantity :
       {"step_seconds", "tokens_per_second", "mfu", "peak_memory_bytes"}) {
    EXPECT_TRUE(ComparisonOf(run, quantity).has_planned()) << quantity;
    EXPECT_FALSE(ComparisonOf(run, quantity).has_actual()) << quantity;
  }
  EXPECT_TRUE(ComparisonOf(run, "loss_nats").has_actual());
  EXPECT_TRUE(ComparisonOf(run, "token_count").has_actual());
  v1::GetPlanRequest request;
  request.set_name(run.plan());
  const v1::Plan plan = Ask(*plans_, &v1::PlanService::Stub::GetPlan, request).response;
  EXPECT_EQ(plan.allocation().gpu_count(), 16);
  EXPECT_NEAR(run.forecast().remaining_seconds() / plan.time().wall_seconds(), 1, 0.01);
  EXPECT_NEAR(ComparisonOf(run, "expected_gpu_hours").ratio(), 1, 0.05);
}

TEST_F(TrackingTest, TheRestIsForetoldAsItIsReplanned) {
  const std::string name = CreateRun();
  Course course = {.slow_from = 320};
  course.slow_factor = 1.2;
  Report(name, course);
  v1::ReplanRunRequest request;
  request.set_name(name);
  request.set_validate_only(true);
  const auto answer = Ask(*runs_, &v1::RunService::Stub::ReplanRun, request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  const v1::Run run = Get(name);
  EXPECT_NEAR(run.forecast().remaining_seconds() / answer.response.plan().time().train_seconds(), 1,
              0.02);
  // What the plan is judged by is all that was measured, and says so.
  EXPECT_NEAR(ComparisonOf(run, "step_seconds").ratio(), 1, 0.01);
  EXPECT_THAT(ComparisonOf(run, "step_seconds").source(), HasSubstr("of the newest 50 it is"));
}

TEST_F(TrackingTest, AnotherBatchIsNoSlowerStep) {
  v1::RunSettings settings = CosineSettings();
  settings.set_global_batch_tokens(2 * plan_.batch().global_batch_tokens());
  const std::string name = CreateRun(settings);
  Report(name, {.time_factor = 2});
  const v1::Run run = Get(name);
  EXPECT_NEAR(ComparisonOf(run, "step_seconds").ratio(), 1, 0.01);
  EXPECT_THAT(AlarmsOf(run), IsEmpty());
}

TEST_F(TrackingTest, ARunThatHasDivergedHasNoLoss) {
  const std::string name = CreateRun();
  Course course;
  course.not_finite_from = 390;
  Report(name, course);
  v1::Run run = Get(name);
  EXPECT_THAT(AlarmsOf(run), ElementsAre("LOSS_NOT_FINITE"));
  for (const v1::RunComparison& each : run.comparisons()) {
    if (each.quantity() == "loss_nats" || each.quantity() == "final_loss_nats") {
      EXPECT_FALSE(each.has_actual()) << each.ShortDebugString();
    }
  }
  EXPECT_FALSE(run.forecast().has_final_loss_nats());
  EXPECT_THAT(run.forecast().missing(),
              Contains(HasSubstr("the loss of the newest 11 samples is NaN or infinite")));
  EXPECT_TRUE(run.forecast().has_finish_time());
  EXPECT_THAT(AdviceOf(run, "NO_LOSS_AT_THE_END"), HasSubstr("newest 11 samples"));
  Finish(name, v1::RUN_STATE_FAILED);
  run = Get(name);
  EXPECT_FALSE(ComparisonOf(run, "final_loss_nats").has_actual());
  EXPECT_THAT(AdviceOf(run, "NO_LOSS_AT_THE_END"), HasSubstr("newest 11 samples"));
}

TEST_F(TrackingTest, ARunThatTellsNothingAnyMoreIsSilentAndHasNoEnd) {
  const std::string name = CreateRun();
  Report(name, {.ago = 30});
  const v1::Run run = Get(name);
  EXPECT_THAT(AdviceOf(run, "SILENT"), HasSubstr("last told "));
  EXPECT_FALSE(run.forecast().has_finish_time());
  EXPECT_FALSE(run.forecast().has_remaining_seconds());
  EXPECT_THAT(run.forecast().missing(), Contains(HasSubstr("finish_time: last told ")));
  EXPECT_TRUE(run.forecast().has_final_loss_nats());
  const std::string other = CreateRun();
  Report(other, {.ago = 3});
  EXPECT_EQ(AdviceOf(Get(other), "SILENT"), "");
  EXPECT_TRUE(Get(other).forecast().has_finish_time());
}

TEST_F(TrackingTest, AnEarlyEndWithAllTokensIsOneOfItsOverheads) {
  v1::CreatePlanRequest question = Question();
  question.set_startup_seconds(1e6);
  plan_ = Create(question).response;
  const std::string name = CreateRun();
  Report(name, {.time_factor = 1.02, .done_fraction = 1});
  Finish(name);
  const std::string text = AdviceOf(Get(name), "ENDED_EARLY");
  EXPECT_THAT(text, HasSubstr("--startup"));
  EXPECT_THAT(text, Not(HasSubstr("less than was planned")));
}

TEST_F(TrackingTest, ARunThatToldOfHoursFailedNotAtItsLaunch) {
  v1::SyncJobsRequest news;
  news.set_cluster("mine");
  v1::Job& job = *news.add_jobs();
  job.set_job_id("7");
  job.set_state(v1::RUN_STATE_FAILED);
  job.set_plan(plan_.name());
  job.set_gpu_count(64);
  job.set_node_count(8);
  job.mutable_submit_time()->set_seconds(NowSeconds() - 100);
  job.mutable_start_time()->set_seconds(NowSeconds() - 60);
  job.mutable_end_time()->set_seconds(NowSeconds() - 19);
  job.set_elapsed_seconds(41);
  job.set_exit_code(2);
  news.mutable_observe_time()->set_seconds(NowSeconds());
  const auto synced = Ask(*runs_, &v1::RunService::Stub::SyncJobs, news);
  ASSERT_TRUE(synced.status.ok()) << synced.status.error_message();
  v1::GetRunRequest request;
  request.set_job_id("7");
  const v1::Run before = Ask(*runs_, &v1::RunService::Stub::GetRun, request).response;
  EXPECT_THAT(AdviceOf(before, "FAILED"), HasSubstr("That soon it is the launch"));
  Report(before.name(), {});
  const std::string text = AdviceOf(Get(before.name()), "FAILED");
  EXPECT_THAT(text, HasSubstr("exited with code 2"));
  EXPECT_THAT(text, Not(HasSubstr("the launch")));
}

TEST_F(TrackingTest, RefusesACurveOfTooManyPoints) {
  v1::CompareRunRequest request;
  request.set_name(CreateRun());
  request.set_point_count(1001);
  EXPECT_THAT(ViolationsOf(Ask(*runs_, &v1::RunService::Stub::CompareRun, request).status),
              Contains(Key("point_count")));
}

TEST_F(TrackingTest, RefusesAScheduleThatDoesNotFit) {
  v1::CreateRunRequest request;
  auto* schedule = request.mutable_run()->mutable_settings()->mutable_schedule();
  schedule->set_kind(v1::SCHEDULE_KIND_WSD);
  schedule->set_warmup_fraction(0.5);
  schedule->set_decay_fraction(0.6);
  EXPECT_THAT(ViolationsOf(Ask(*runs_, &v1::RunService::Stub::CreateRun, request).status),
              Contains(Key("run.settings.schedule")));
}

}  // namespace
}  // namespace rhumb::daemon
