// SPDX-License-Identifier: Apache-2.0
// What becomes of a run's samples: planned against actual, forecasts, alarms, accuracy.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "daemon/store/database.h"
#include "daemon/store/store.h"
#include "gmock/gmock.h"
#include "rhumb/v1/run_service.grpc.pb.h"
#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;

// A run that keeps to its plan but for what a test makes of it.
struct Course {
  double loss_factor = 1, time_factor = 1;
  int64_t slow_from = 1 << 30;  // sample from which on steps take 1.3 times as long
  int64_t slow_until = 1 << 30;
  double done_fraction = 0.5;
  int64_t sample_count = 400;
  int64_t ago = 0;  // samples that the last one is old
  double slow_factor = 1.3;
  int64_t not_finite_from = 1 << 30;  // sample from which on losses are no numbers
  int64_t leak_from = 1 << 30;        // sample from which on memory grows
  double leak_bytes = 0;              // a sample
};

class TrackingTest : public ServiceTest {
 protected:
  TrackingTest() {
    Connect();
    const auto answer = Create(Question());
    if (!answer.status.ok()) ADD_FAILURE() << answer.status.error_message();
    plan_ = answer.response;
  }
  static v1::CreatePlanRequest Question() {
    v1::CreatePlanRequest question;
    auto* pool = question.add_gpu_pools();
    pool->set_gpu_type("H100-SXM5-80GB");
    pool->set_count(64);
    pool->set_price_usd_per_gpu_hour(2);
    question.set_deadline_seconds(20 * 86400);
    return question;
  }
  ~TrackingTest() override { runs_.reset(); }
  void Connect() { runs_ = v1::RunService::NewStub(server_->InProcessChannel()); }
  void RestartAndConnect() {
    runs_.reset();
    Restart();
    Connect();
  }

  // As after days: of what has been reported there are means alone.
  void RollUpAndConnect() {
    runs_.reset();
    server_.reset();
    {
      auto database = Database::Open({.path = directory_.File("rhumb.db")});
      ASSERT_TRUE(database.ok()) << database.status();
      Store store(*std::move(database));
      // A sample is some hours behind the one before.
      const RollUpPolicy policy = {.raw_seconds = 1,
                                   .ten_second_seconds = 2,
                                   .five_minute_seconds = 3,
                                   .summary_point_count = 50};
      const auto answer = store.samples().RollUp(policy, NowSeconds() * 1'000'000'000);
      ASSERT_TRUE(answer.ok()) << answer.status();
      ASSERT_GT(answer->removed_count, 0);
    }
    RestartAndConnect();
  }

  std::string CreateRun(const v1::RunSettings& settings = CosineSettings()) {
    v1::CreateRunRequest request;
    request.mutable_run()->set_plan(plan_.name());
    *request.mutable_run()->mutable_settings() = settings;
    const auto answer = Ask(*runs_, &v1::RunService::Stub::CreateRun, request);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    return answer.response.name();
  }
  static v1::RunSettings CosineSettings() {
    v1::RunSettings settings;
    settings.mutable_schedule()->set_kind(v1::SCHEDULE_KIND_COSINE);
    return settings;
  }

  // What the law expects on the way, told by the service itself.
  v1::CompareRunResponse Compare(const std::string& run, int points = 100) {
    v1::CompareRunRequest request;
    request.set_name(run);
    request.set_point_count(points);
    const auto answer = Ask(*runs_, &v1::RunService::Stub::CompareRun, request);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    return answer.response;
  }

  void Report(const std::string& run, const Course& course, int64_t from = 1,
              const std::string& attempt_id = "first") {
    const double steps = static_cast<double>(plan_.batch().step_count()) * course.done_fraction;
    v1::ReportProgressRequest request;
    request.set_run(run);
    request.set_attempt_id(attempt_id);
    const double step_seconds = plan_.time().step_seconds() * course.time_factor;
    // The last sample is of now. As many as planned come to done_fraction.
    constexpr double kPlannedSamples = 400;
    const double span = steps * step_seconds;
    const auto slowness = [&course](int64_t i) {
      return i >= course.slow_from && i < course.slow_until ? course.slow_factor : 1;
    };
    for (int64_t i = from; i <= course.sample_count; ++i) {
      const double share = static_cast<double>(i) / kPlannedSamples;
      v1::RunSample& sample = *request.add_samples();
      sample.set_sequence(i);
      sample.set_step(std::llround(steps * share));
      sample.set_token_count(sample.step() * plan_.batch().global_batch_tokens());
      double behind = static_cast<double>(course.ago);  // in intervals as planned
      for (int64_t later = i + 1; later <= course.sample_count; ++later) behind += slowness(later);
      sample.mutable_sample_time()->set_seconds(
          std::llround(static_cast<double>(NowSeconds()) - span * behind / kPlannedSamples));
      // Falls towards what the plan says, with a little noise.
      const double noise = 1 + 0.002 * std::sin(static_cast<double>(i * 7919 % 1000));
      if (i >= course.not_finite_from) sample.set_loss_not_finite(true);
      if (i < course.not_finite_from)
        sample.set_loss_nats(
            plan_.loss().mean_nats() * course.loss_factor * noise *
            (1 + 0.3 * std::pow(share * course.done_fraction + 0.001, -0.1) - 0.3));
      sample.set_step_seconds(step_seconds * slowness(i) * noise);
      const auto leaked = static_cast<double>(std::max<int64_t>(0, i - course.leak_from));
      sample.set_peak_memory_bytes(
          std::llround(plan_.memory().peak_bytes() + course.leak_bytes * leaked));
    }
    grpc::ClientContext context;
    v1::ReportProgressResponse response;
    const auto stream = runs_->ReportProgress(&context, &response);
    stream->Write(request);
    stream->WritesDone();
    const grpc::Status status = stream->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  void Finish(const std::string& run, v1::RunState state = v1::RUN_STATE_SUCCEEDED) {
    v1::FinishRunRequest request;
    request.set_name(run);
    request.set_state(state);
    const auto answer = Ask(*runs_, &v1::RunService::Stub::FinishRun, request);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  }
  void Replan(const std::string& run, int64_t gpu_count) {
    v1::ReplanRunRequest request;
    request.set_name(run);
    auto* pool = request.add_gpu_pools();
    pool->set_gpu_type("H100-SXM5-80GB");
    pool->set_count(gpu_count);
    pool->set_price_usd_per_gpu_hour(2);
    const auto answer = Ask(*runs_, &v1::RunService::Stub::ReplanRun, request);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  }
  v1::Run Get(const std::string& run) {
    v1::GetRunRequest request;
    request.set_name(run);
    return Ask(*runs_, &v1::RunService::Stub::GetRun, request).response;
  }
  v1::AccuracyReport Accuracy(v1::AccuracyGrouping grouping = v1::ACCURACY_GROUPING_ALL) {
    v1::GetAccuracyReportRequest request;
    request.set_grouping(grouping);
    const auto answer = Ask(*runs_, &v1::RunService::Stub::GetAccuracyReport, request);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    return answer.response;
  }
  static v1::RunComparison ComparisonOf(const v1::Run& run, const std::string& quantity) {
    for (const v1::RunComparison& each : run.comparisons()) {
      if (each.quantity() == quantity) return each;
    }
    ADD_FAILURE() << "no " << quantity << " in " << run.ShortDebugString();
    return {};
  }
  static std::string AdviceOf(const v1::Run& run, const std::string& code) {
    for (const v1::Advice& each : run.advice()) {
      if (each.code() == code) return each.text();
    }
    return "";
  }
  static std::vector<std::string> AlarmsOf(const v1::Run& run) {
    std::vector<std::string> codes;
    for (const v1::DriftAlarm& each : run.alarms()) codes.push_back(each.code());
    return codes;
  }

  std::unique_ptr<v1::RunService::Stub> runs_;
  v1::Plan plan_;
};

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

TEST_F(TrackingTest, RaisesAnAlarmWhenARunSlowsDown) {
  const std::string name = CreateRun();
  Report(name, {.slow_from = 250});
  const v1::Run run = Get(name);
  ASSERT_THAT(AlarmsOf(run), ElementsAre("SLOWED_DOWN"));
  EXPECT_EQ(run.alarms(0).kind(), v1::DRIFT_KIND_THROUGHPUT);
  EXPECT_NEAR(run.alarms(0).magnitude(), 1.3, 0.01);
  EXPECT_FALSE(run.alarms(0).has_clear_time());
  EXPECT_DOUBLE_EQ(run.alarms(0).false_alarm_rate(), 0.01);
}

TEST_F(TrackingTest, RaisesAnAlarmOnce) {
  const std::string name = CreateRun();
  Report(name, {.slow_from = 250});
  RestartAndConnect();
  Report(name, {.slow_from = 250, .sample_count = 410}, 401);
  EXPECT_THAT(AlarmsOf(Get(name)), ElementsAre("SLOWED_DOWN"));
}

TEST_F(TrackingTest, SaysWhenASlowDownIsOverBehindARestartToo) {
  const std::string name = CreateRun();
  Report(name, {.slow_from = 250});
  RestartAndConnect();
  Report(name, {.sample_count = 500}, 401);
  const v1::Run run = Get(name);
  ASSERT_THAT(AlarmsOf(run), ElementsAre("SLOWED_DOWN"));
  EXPECT_TRUE(run.alarms(0).has_clear_time());
}

TEST_F(TrackingTest, KeepsAnAlarmWhoseSamplesHaveBeenRolledUp) {
  const std::string name = CreateRun();
  Report(name, {.slow_from = 250});
  RollUpAndConnect();
  Report(name, {.slow_from = 250, .sample_count = 410}, 401);
  v1::Run run = Get(name);
  ASSERT_THAT(AlarmsOf(run), ElementsAre("SLOWED_DOWN"));
  EXPECT_FALSE(run.alarms(0).has_clear_time());
  Report(name, {.sample_count = 500}, 411);
  run = Get(name);
  ASSERT_THAT(AlarmsOf(run), ElementsAre("SLOWED_DOWN"));
  EXPECT_TRUE(run.alarms(0).has_clear_time());
}

TEST_F(TrackingTest, KeepsAnAlarmThatCameAndWentInOneMessage) {
  const std::string name = CreateRun();
  Course course = {.slow_from = 200};
  course.slow_until = 260;
  Report(name, course);
  const v1::Run run = Get(name);
  ASSERT_THAT(AlarmsOf(run), ElementsAre("SLOWED_DOWN"));
  EXPECT_TRUE(run.alarms(0).has_clear_time());
}

TEST_F(TrackingTest, AnAttemptThatIsHeardOfLateHidesNothingOfTheOneThatRuns) {
  const std::string name = CreateRun();
  Report(name, {}, 201, "second");
  Report(name, {.sample_count = 200, .ago = 300}, 1, "first");
  Report(name, {.slow_from = 401, .sample_count = 500}, 401, "second");
  const v1::Run run = Get(name);
  EXPECT_THAT(AlarmsOf(run), ElementsAre("SLOWED_DOWN"));
  EXPECT_NEAR(run.forecast().done_fraction(), 0.5 * 500 / 400, 0.01);
}

TEST_F(TrackingTest, AnAttemptThatIsHeardOfLateDoesNotMakeTheMonitorForget) {
  const std::string name = CreateRun();
  Report(name, {}, 201, "second");
  Report(name, {.sample_count = 200, .ago = 300}, 1, "first");
  Report(name, {.loss_factor = 1.6, .sample_count = 460}, 401, "second");
  EXPECT_THAT(AlarmsOf(Get(name)), ElementsAre("LOSS_ROSE"));
}

TEST_F(TrackingTest, AReplanEndsTheAlarmsOfThePlanBefore) {
  const std::string name = CreateRun();
  Report(name, {.time_factor = 1.2});
  ASSERT_THAT(AlarmsOf(Get(name)), ElementsAre("SLOWER_THAN_PLANNED"));
  Replan(name, 32);
  const v1::Run run = Get(name);
  ASSERT_EQ(run.replans_size(), 1);
  EXPECT_TRUE(run.alarms(0).has_clear_time());
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

TEST_F(TrackingTest, TellsAnAlarmAnewAsItGrows) {
  const std::string name = CreateRun();
  Course course = {.sample_count = 500};
  course.leak_from = 600;
  course.leak_bytes = 0.002 * plan_.memory().capacity_bytes();
  Report(name, course);
  course.sample_count = 700;
  Report(name, course, 501);
  const v1::Run before = Get(name);
  ASSERT_THAT(AlarmsOf(before), ElementsAre("MEMORY_GROWS"));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::WatchRunRequest request;
  request.set_name(name);
  const auto reader = runs_->WatchRun(&context, request);
  v1::WatchRunResponse message;
  ASSERT_TRUE(reader->Read(&message));
  course.sample_count = 900;
  Report(name, course, 701);
  double told = 0;
  while (told < 1.5 * before.alarms(0).magnitude() && reader->Read(&message)) {
    if (message.run().alarms_size() > 0) told = message.run().alarms(0).magnitude();
  }
  EXPECT_GE(told, 1.5 * before.alarms(0).magnitude());
  context.TryCancel();
  const v1::Run run = Get(name);
  ASSERT_THAT(AlarmsOf(run), ElementsAre("MEMORY_GROWS"));
  EXPECT_GE(run.alarms(0).magnitude(), 300 * course.leak_bytes / 1.5);
  EXPECT_NE(run.alarms(0).text(), before.alarms(0).text());
  EXPECT_EQ(run.alarms(0).raise_time().seconds(), before.alarms(0).raise_time().seconds());
  EXPECT_EQ(run.alarms(0).since_step(), before.alarms(0).since_step());
  EXPECT_FALSE(run.alarms(0).has_clear_time());
  // A monitor that begins anew says nothing less.
  RestartAndConnect();
  course.sample_count = 910;
  Report(name, course, 901);
  EXPECT_GE(Get(name).alarms(0).magnitude(), run.alarms(0).magnitude());
}

TEST_F(TrackingTest, TellsWhatGrewWhileItsSamplesWereRolledUp) {
  const std::string name = CreateRun();
  Course course = {.sample_count = 700};
  course.leak_from = 600;
  course.leak_bytes = 0.002 * plan_.memory().capacity_bytes();
  Report(name, course);
  const v1::Run before = Get(name);
  ASSERT_THAT(AlarmsOf(before), ElementsAre("MEMORY_GROWS"));
  RollUpAndConnect();
  course.sample_count = 900;
  Report(name, course, 701);
  const v1::Run run = Get(name);
  ASSERT_THAT(AlarmsOf(run), ElementsAre("MEMORY_GROWS"));
  EXPECT_GT(run.alarms(0).magnitude(), 1.5 * before.alarms(0).magnitude());
  EXPECT_LT(run.alarms(0).magnitude(), 310 * course.leak_bytes);
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

TEST_F(TrackingTest, AGapHasBeenThereSinceTheFirstSample) {
  const std::string name = CreateRun();
  Report(name, {.time_factor = 1.2});
  const v1::Run run = Get(name);
  ASSERT_THAT(AlarmsOf(run), ElementsAre("SLOWER_THAN_PLANNED"));
  EXPECT_TRUE(run.alarms(0).has_since_time());
  EXPECT_GT(run.alarms(0).since_step(), 0);
}

TEST_F(TrackingTest, TellsAReporterOfAlarmsThatLast) {
  const std::string name = CreateRun();
  Report(name, {.slow_from = 250});
  grpc::ClientContext context;
  v1::ReportProgressRequest request;
  request.set_run(name);
  request.set_attempt_id("first");
  v1::ReportProgressResponse response;
  const auto stream = runs_->ReportProgress(&context, &response);
  stream->Write(request);
  stream->WritesDone();
  ASSERT_TRUE(stream->Finish().ok());
  ASSERT_EQ(response.alarms_size(), 1);
  EXPECT_EQ(response.alarms(0).code(), "SLOWED_DOWN");
}

TEST_F(TrackingTest, AHealthyRunRaisesNothing) {
  const std::string name = CreateRun();
  Report(name, {});
  EXPECT_THAT(AlarmsOf(Get(name)), IsEmpty());
}

TEST_F(TrackingTest, APlanThatIsTooFastIsAGap) {
  const std::string name = CreateRun();
  Report(name, {.time_factor = 1.2});
  EXPECT_THAT(AlarmsOf(Get(name)), ElementsAre("SLOWER_THAN_PLANNED"));
}

TEST_F(TrackingTest, AWatcherIsToldOfAnAlarm) {
  const std::string name = CreateRun();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::WatchRunRequest request;
  request.set_name(name);
  const auto reader = runs_->WatchRun(&context, request);
  v1::WatchRunResponse message;
  ASSERT_TRUE(reader->Read(&message));
  Report(name, {.slow_from = 250});
  bool told = false;
  while (!told && reader->Read(&message)) told = message.run().alarms_size() > 0;
  EXPECT_TRUE(told);
  context.TryCancel();
}

TEST_F(TrackingTest, AccuracySumsUpRunsThatEnded) {
  for (const double factor : {1.0, 1.1, 1.2}) {
    const std::string name = CreateRun();
    Report(name, {.time_factor = factor, .done_fraction = 1});
    Finish(name);
  }
  CreateRun();  // runs on
  const v1::AccuracyReport report = Accuracy();
  EXPECT_EQ(report.run_count(), 3);
  const auto steps =
      std::find_if(report.groups().begin(), report.groups().end(),
                   [](const auto& group) { return group.quantity() == "step_seconds"; });
  ASSERT_NE(steps, report.groups().end());
  EXPECT_EQ(steps->run_count(), 3);
  EXPECT_NEAR(steps->median_ratio(), 1.1, 0.01);
  EXPECT_TRUE(steps->few());
}

TEST_F(TrackingTest, AccuracyGroupsByGpuType) {
  const std::string name = CreateRun();
  Report(name, {.done_fraction = 1});
  Finish(name);
  const v1::AccuracyReport report = Accuracy(v1::ACCURACY_GROUPING_GPU_TYPE);
  ASSERT_FALSE(report.groups().empty());
  EXPECT_EQ(report.groups(0).key(), "H100-SXM5-80GB");
}

TEST_F(TrackingTest, AccuracyTakesNoTotalsOfARunThatStoppedShort) {
  const std::string name = CreateRun();
  Report(name, {.done_fraction = 0.3});
  Finish(name, v1::RUN_STATE_CANCELLED);
  std::vector<std::string> quantities;
  const v1::AccuracyReport report = Accuracy();
  for (const auto& group : report.groups()) quantities.push_back(group.quantity());
  EXPECT_THAT(quantities, Contains("step_seconds"));
  EXPECT_THAT(quantities, Not(Contains("wall_seconds")));
  EXPECT_THAT(quantities, Not(Contains("loss_nats")));
}

TEST_F(TrackingTest, AccuracySaysWhatItLeftOut) {
  plan_.clear_name();
  const std::string name = CreateRun({});
  Finish(name);
  const v1::AccuracyReport report = Accuracy();
  ASSERT_EQ(report.left_out_size(), 1);
  EXPECT_EQ(report.left_out(0).code(), "NO_PLAN");
  EXPECT_THAT(report.left_out(0).text(), HasSubstr("1 run"));
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
