// SPDX-License-Identifier: Apache-2.0
// Alarms of runs: when they come, what they say, when they end.
#include <string>

#include "gmock/gmock.h"
#include "tests/daemon/tracking_fixture.h"

namespace rhumb::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

TEST_F(TrackingTest, ALossThatStaysHighIsNoNormalBehindARestart) {
  for (const bool is_rolled_up : {false, true}) {
    const std::string name = CreateRun();
    Report(name, {.ago = 700});
    Report(name, {.loss_factor = 1.4, .sample_count = 700, .ago = 400}, 401);
    ASSERT_THAT(AlarmsOf(Get(name)), ElementsAre("LOSS_ROSE"));
    if (is_rolled_up) {
      RollUpAndConnect();
    } else {
      RestartAndConnect();
    }
    Report(name, {.loss_factor = 1.4, .sample_count = 1000, .ago = 100}, 701);
    v1::Run run = Get(name);
    ASSERT_THAT(AlarmsOf(run), ElementsAre("LOSS_ROSE")) << is_rolled_up;
    EXPECT_FALSE(run.alarms(0).has_clear_time()) << is_rolled_up;
    Report(name, {.sample_count = 1100}, 1001);
    EXPECT_TRUE(Get(name).alarms(0).has_clear_time()) << is_rolled_up;
  }
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
  const auto reader = Watch(name, context);
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
  const auto reader = Watch(name, context);
  v1::WatchRunResponse message;
  ASSERT_TRUE(reader->Read(&message));
  Report(name, {.slow_from = 250});
  bool told = false;
  while (!told && reader->Read(&message)) told = message.run().alarms_size() > 0;
  EXPECT_TRUE(told);
  context.TryCancel();
}

}  // namespace
}  // namespace rhumb::daemon
