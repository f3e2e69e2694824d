// SPDX-License-Identifier: Apache-2.0
#include "client/cli/watch_view.h"

#include "absl/strings/str_split.h"
#include "client/cli/sparkline.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Le;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'764'000'000);

v1::WatchRunResponse Whole() {
  v1::WatchRunResponse message;
  v1::Run& run = *message.mutable_run();
  run.set_name("runs/r-12");
  run.set_title("ladder");
  run.set_state(v1::RUN_STATE_RUNNING);
  run.mutable_settings()->set_target_token_count(20'000'000'000);
  v1::RunComparison& rate = *run.add_comparisons();
  rate.set_quantity("tokens_per_second");
  rate.set_planned(2'000'000);
  return message;
}

v1::WatchRunResponse Sample(int64_t step, double loss) {
  v1::WatchRunResponse message;
  v1::RunSample& sample = *message.add_samples();
  sample.set_attempt(1);
  sample.set_step(step);
  sample.set_token_count(step * 500'000);
  sample.set_loss_nats(loss);
  sample.set_tokens_per_second(1'500'000);
  return message;
}

TEST(WatchViewTest, NumbersStandBesideThePlans) {
  WatchView view;
  view.Update(Whole(), kNow);
  view.Update(Sample(10000, 2.5), kNow);
  const std::string lines = view.Lines({.width = 100}, kNow);
  EXPECT_THAT(lines,
              AllOf(HasSubstr("ladder runs"), HasSubstr("25%"),
                    HasSubstr("5.00B of 20.0B  step 10,000"), HasSubstr("Loss         2.5"),
                    HasSubstr("1.50M  planned 2.00M  x 0.75"), HasSubstr("Alarms       none")));
}

TEST(WatchViewTest, TheTimeOfARunGoesOnWhileNothingComes) {
  WatchView view;
  v1::WatchRunResponse message = Whole();
  v1::RunComparison& wall = *message.mutable_run()->add_comparisons();
  wall.set_quantity("wall_seconds");
  wall.set_planned(40);
  wall.set_actual(0.443);
  wall.set_ratio(0.443 / 40);
  view.Update(message, kNow);
  EXPECT_THAT(view.Lines({.width = 100}, kNow + absl::Seconds(9.557)),
              HasSubstr("since 10 s, 25.0% of the planned 40 s"));
  message.mutable_run()->set_state(v1::RUN_STATE_FAILED);
  view.Update(message, kNow);
  EXPECT_THAT(view.Lines({.width = 100}, kNow + absl::Seconds(9)), HasSubstr("after 443 ms"));
}

TEST(WatchViewTest, AnAlarmOfARunThatHasEndedLastedToItsEnd) {
  WatchView view;
  v1::WatchRunResponse message = Whole();
  message.mutable_run()->set_state(v1::RUN_STATE_SUCCEEDED);
  v1::DriftAlarm& alarm = *message.mutable_run()->add_alarms();
  alarm.set_kind(v1::DRIFT_KIND_LOSS);
  alarm.set_since_step(7);
  alarm.set_directive("do this");
  view.Update(message, kNow);
  EXPECT_THAT(view.Lines({.width = 100}, kNow),
              AllOf(HasSubstr("loss since step 7, to the run's end"), Not(HasSubstr("do this"))));
}

TEST(WatchViewTest, NoLineIsWiderThanTheTerminal) {
  WatchView view;
  v1::WatchRunResponse message = Whole();
  v1::DriftAlarm& alarm = *message.mutable_run()->add_alarms();
  alarm.set_kind(v1::DRIFT_KIND_LOSS);
  alarm.set_text(std::string(300, 'x'));
  view.Update(message, kNow);
  view.Update(Sample(10000, 2.5), kNow);
  for (const absl::string_view line :
       absl::StrSplit(view.Lines({.utf8 = true, .width = 60}, kNow), '\n')) {
    EXPECT_THAT(DisplayWidth(line), Le(60)) << line;
  }
}

TEST(WatchViewTest, AnOpenAlarmSaysWhatToDo) {
  WatchView view;
  v1::WatchRunResponse message = Whole();
  v1::DriftAlarm& alarm = *message.mutable_run()->add_alarms();
  alarm.set_kind(v1::DRIFT_KIND_LOSS);
  alarm.set_text("The loss has left its curve.");
  alarm.set_directive("restart from step 900");
  alarm.set_since_step(1000);
  view.Update(message, kNow);
  EXPECT_THAT(view.Lines({.width = 100}, kNow),
              AllOf(HasSubstr("loss since step 1,000: The loss has left its curve."),
                    HasSubstr("restart from step 900")));
  EXPECT_THAT(view.Line(), HasSubstr("alarm loss"));
}

TEST(WatchViewTest, AnOlderSampleIsNotTheLast) {
  WatchView view;
  view.Update(Whole(), kNow);
  view.Update(Sample(200, 2.5), kNow);
  view.Update(Sample(100, 3.5), kNow);
  EXPECT_THAT(view.Line(), HasSubstr("step 200 "));
}

TEST(WatchViewTest, AStepBackInANewAttemptIsTheLast) {
  WatchView view;
  view.Update(Whole(), kNow);
  view.Update(Sample(200, 2.5), kNow);
  v1::WatchRunResponse later = Sample(100, 3.5);
  later.mutable_samples(0)->set_attempt(2);
  view.Update(later, kNow);
  EXPECT_THAT(view.Line(), HasSubstr("step 100 "));
}

TEST(SparklineTest, DrawsLowAndHigh) {
  EXPECT_EQ(Sparkline({0, 1, 2, 3, 4, 5, 6, 7}, 8, {.utf8 = true}), "▁▂▃▄▅▆▇█");
  EXPECT_EQ(Sparkline({1, 1, 3, 3}, 2, {.utf8 = true}), "▁█");
}

TEST(SparklineTest, IsEmptyWhereItCannotBeDrawn) {
  EXPECT_EQ(Sparkline({1, 2}, 8, {.utf8 = false}), "");
  EXPECT_EQ(Sparkline({1}, 8, {.utf8 = true}), "");
}

TEST(SparklineTest, OneValueIsFlat) { EXPECT_EQ(Sparkline({2, 2}, 8, {.utf8 = true}), "▁▁"); }

}  // namespace
}  // namespace rhumb::cli
