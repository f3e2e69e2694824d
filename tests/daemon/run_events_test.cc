// SPDX-License-Identifier: Apache-2.0
// Alarms and replans of runs, and settings of runs, on real SQLite files.
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/daemon/sample_fixture.h"
#include "tests/matchers.h"

namespace rhumb::daemon {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::IsOkAndHolds;
using ::rhumb::testing_support::StatusIs;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RunEventsTest : public SampleFixture {
 protected:
  static StoredAlarm Alarm(const std::string& code, int64_t raise_time_ns) {
    return {.run = kRun,
            .kind = "LOSS",
            .code = code,
            .raise_time_ns = raise_time_ns,
            .content = "raised"};
  }
  static StoredReplan Replan(const std::string& from, const std::string& to) {
    return {.run = kRun,
            .time_ns = kNow + 1,
            .from_plan = from,
            .to_plan = to,
            .owner_uid = 1000,
            .content = "why"};
  }
  static RequestKey Key(const std::string& content) {
    return {.id = "11111111-2222-3333-4444-555555555555",
            .method = "ReplanRun",
            .owner_uid = 1000,
            .content_hash = content};
  }
};

TEST_F(RunEventsTest, AnAlarmThatLastsIsStoredOnce) {
  EXPECT_THAT(samples().InsertAlarm(Alarm("LOSS_SPIKE", kNow)), IsOkAndHolds(true));
  EXPECT_THAT(samples().InsertAlarm(Alarm("LOSS_SPIKE", kNow + 1)), IsOkAndHolds(false));
  EXPECT_THAT(samples().InsertAlarm(Alarm("LOSS_HIGH", kNow + 1)), IsOkAndHolds(true));
  const auto alarms = *samples().Alarms(kRun);
  ASSERT_THAT(alarms, SizeIs(2));
  EXPECT_EQ(alarms[0].code, "LOSS_SPIKE");
  EXPECT_EQ(alarms[0].raise_time_ns, kNow);
  EXPECT_EQ(alarms[0].clear_time_ns, 0);
  EXPECT_EQ(alarms[0].content, "raised");
}

TEST_F(RunEventsTest, AClearedAlarmMayBeRaisedAgainLater) {
  EXPECT_THAT(samples().InsertAlarm(Alarm("LOSS_SPIKE", kNow)), IsOkAndHolds(true));
  EXPECT_THAT(samples().ClearAlarm(kRun, "LOSS", "LOSS_SPIKE", kNow + 5, "cleared"),
              IsOkAndHolds(true));
  EXPECT_THAT(samples().ClearAlarm(kRun, "LOSS", "LOSS_SPIKE", kNow + 6, "again"),
              IsOkAndHolds(false));
  // The one that is over, told once more.
  EXPECT_THAT(samples().InsertAlarm(Alarm("LOSS_SPIKE", kNow)), IsOkAndHolds(false));
  EXPECT_THAT(samples().InsertAlarm(Alarm("LOSS_SPIKE", kNow + 9)), IsOkAndHolds(true));
  Reopen();
  const auto alarms = *samples().Alarms(kRun);
  ASSERT_THAT(alarms, SizeIs(2));
  EXPECT_EQ(alarms[0].clear_time_ns, kNow + 5);
  EXPECT_EQ(alarms[0].content, "cleared");
  EXPECT_EQ(alarms[1].clear_time_ns, 0);
  EXPECT_THAT(*samples().Alarms(kOther), IsEmpty());
}

TEST_F(RunEventsTest, AnAlarmThatLastsIsToldAnewAndStaysRaised) {
  EXPECT_THAT(samples().ReplaceAlarm(kRun, "LOSS", "LOSS_ROSE", "grown"), IsOkAndHolds(false));
  EXPECT_THAT(samples().InsertAlarm(Alarm("LOSS_ROSE", kNow)), IsOkAndHolds(true));
  EXPECT_THAT(samples().ReplaceAlarm(kRun, "LOSS", "LOSS_ROSE", "grown"), IsOkAndHolds(true));
  Reopen();
  auto alarms = *samples().Alarms(kRun);
  ASSERT_THAT(alarms, SizeIs(1));
  EXPECT_EQ(alarms[0].raise_time_ns, kNow);
  EXPECT_EQ(alarms[0].clear_time_ns, 0);
  EXPECT_EQ(alarms[0].content, "grown");
  // What is over stays as it ended.
  EXPECT_THAT(samples().ClearAlarm(kRun, "LOSS", "LOSS_ROSE", kNow + 5, "cleared"),
              IsOkAndHolds(true));
  EXPECT_THAT(samples().ReplaceAlarm(kRun, "LOSS", "LOSS_ROSE", "late"), IsOkAndHolds(false));
  alarms = *samples().Alarms(kRun);
  ASSERT_THAT(alarms, SizeIs(1));
  EXPECT_EQ(alarms[0].content, "cleared");
}

TEST_F(RunEventsTest, AnUnknownRunHasNoAlarm) {
  StoredAlarm alarm = Alarm("LOSS_SPIKE", kNow);
  alarm.run = "runs/r-none";
  EXPECT_THAT(samples().InsertAlarm(alarm), StatusIs(absl::StatusCode::kNotFound, "runs/r-none"));
}

TEST_F(RunEventsTest, AReplanIsThePlanOfTheRun) {
  const auto stored = samples().InsertReplan(Replan("plans/p-1", "plans/p-2"), {}, Anybody);
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->number, 1);
  Reopen();
  const StoredRun run = *store_->runs().Find(kRun).value();
  EXPECT_EQ(run.plan, "plans/p-2");
  EXPECT_EQ(run.given_plan, "plans/p-2");
  EXPECT_EQ(run.update_time_ns, kNow + 1);
  const auto replans = *samples().Replans(kRun);
  ASSERT_THAT(replans, SizeIs(1));
  EXPECT_EQ(replans[0].from_plan, "plans/p-1");
  EXPECT_EQ(replans[0].to_plan, "plans/p-2");
  EXPECT_EQ(replans[0].owner_uid, 1000);
  EXPECT_EQ(replans[0].content, "why");
}

TEST_F(RunEventsTest, ARepeatedReplanIsTheFirst) {
  EXPECT_FALSE(samples().FindReplanByRequest(Key("x"))->has_value());
  ASSERT_THAT(samples().InsertReplan(Replan("plans/p-1", "plans/p-2"), Key("x"), Anybody), IsOk());
  ASSERT_THAT(samples().InsertReplan(Replan("plans/p-2", "plans/p-3"), {}, Anybody), IsOk());
  const auto again = samples().InsertReplan(Replan("plans/p-1", "plans/p-2"), Key("x"), Anybody);
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->number, 1);
  EXPECT_EQ(again->to_plan, "plans/p-2");
  EXPECT_EQ((*samples().FindReplanByRequest(Key("x")))->number, 1);
  EXPECT_EQ((*store_->runs().Find(kRun))->plan, "plans/p-3");
  EXPECT_THAT(*samples().Replans(kRun), SizeIs(2));
  EXPECT_THAT(samples().InsertReplan(Replan("plans/p-3", "plans/p-4"), Key("y"), Anybody),
              StatusIs(absl::StatusCode::kAlreadyExists, "request_id"));
}

TEST_F(RunEventsTest, AReplanOfAnotherPlanThanTheRunsIsAborted) {
  EXPECT_THAT(samples().InsertReplan(Replan("plans/p-7", "plans/p-2"), {}, Anybody),
              StatusIs(absl::StatusCode::kAborted, "plans/p-1"));
  EXPECT_EQ((*store_->runs().Find(kRun))->plan, "plans/p-1");
}

TEST_F(RunEventsTest, ARefusedReplanChangesNothing) {
  EXPECT_THAT(samples().InsertReplan(
                  Replan("plans/p-1", "plans/p-2"), {},
                  [](const StoredRun&) { return absl::PermissionDeniedError("not yours"); }),
              StatusIs(absl::StatusCode::kPermissionDenied, "not yours"));
  EXPECT_EQ((*store_->runs().Find(kRun))->plan, "plans/p-1");
  EXPECT_THAT(*samples().Replans(kRun), IsEmpty());
}

TEST_F(RunEventsTest, SettingsOfARunStayWithIt) {
  Reopen();
  EXPECT_EQ((*store_->runs().Find(kRun))->settings, "settings");
  ASSERT_THAT(store_->runs().Update(kRun,
                                    [](StoredRun& run) {
                                      run.settings = "new";
                                      return true;
                                    }),
              IsOk());
  EXPECT_EQ((*store_->runs().Find(kRun))->settings, "new");
  EXPECT_EQ((*store_->runs().Find(kOther))->settings, "settings");
}

}  // namespace
}  // namespace rhumb::daemon
