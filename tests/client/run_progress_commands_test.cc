// SPDX-License-Identifier: Apache-2.0
// The commands that show and feed runs against a scripted service: what is asked, what is said, and
// how they fail.
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/exit_code.h"
#include "client/config/document.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/run_progress_fixture.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

// --- run create, list, show

TEST_F(RunProgressCommandsTest, ARunIsCreatedWithWhatIsTrained) {
  EXPECT_EQ(
      RunLine("run create --params 1.1B --target-tokens 22B --global-batch-tokens 524288 "
              "--schedule wsd --decay-fraction 0.1 --gpu H100-SXM5-80GB --gpu-count 8 --price "
              "$2.5 --framework megatron --tokenizer gpt2 --dataset c4 --learn -o name")
          .code,
      kExitOk);
  ASSERT_THAT(service_.creates, SizeIs(1));
  const v1::RunSettings& settings = service_.creates[0].run().settings();
  EXPECT_EQ(settings.param_count(), 1'100'000'000);
  EXPECT_EQ(settings.target_token_count(), 22'000'000'000);
  EXPECT_EQ(settings.global_batch_tokens(), 524288);
  EXPECT_EQ(settings.schedule().kind(), v1::SCHEDULE_KIND_WSD);
  EXPECT_DOUBLE_EQ(settings.schedule().decay_fraction(), 0.1);
  EXPECT_EQ(settings.gpu_type(), "H100-SXM5-80GB");
  EXPECT_EQ(settings.gpu_count(), 8);
  EXPECT_DOUBLE_EQ(settings.price_usd_per_gpu_hour(), 2.5);
  EXPECT_EQ(settings.framework(), "megatron");
  EXPECT_EQ(settings.tokenizer(), "gpt2");
  EXPECT_EQ(settings.dataset(), "c4");
  EXPECT_TRUE(settings.learn());
}

TEST_F(RunProgressCommandsTest, WhatChangesRunsNeedsADaemonUnlessToldOtherwise) {
  RunLine("run create");
  EXPECT_FALSE(may_be_local_);
  RunLine("run finish r-12 --state failed");
  EXPECT_FALSE(may_be_local_);
  RunLine("run create --local");
  EXPECT_TRUE(may_be_local_);
  RunLine("run show r-12");
  EXPECT_TRUE(may_be_local_);
}

TEST_F(RunProgressCommandsTest, TimesLieInThePastWhereTheyAreSaid) {
  RunLine("run create --start 2025-11-24T12:00:00Z");
  EXPECT_EQ(service_.creates.back().run().start_time().seconds(), kStart - 4 * 3600);
  RunLine("run create --start 90m");
  EXPECT_EQ(service_.creates.back().run().start_time().seconds(), kStart - 5400);
  RunLine("run finish r-12 --state succeeded --time 1h");
  EXPECT_EQ(service_.finishes.back().end_time().seconds(), kStart - 3600);
  const Outcome wrong = RunLine("run create --start yesterday");
  EXPECT_EQ(wrong.code, kExitUsage);
  EXPECT_THAT(wrong.err, HasSubstr("--start (run.start_time) must be a time as"));
}

TEST_F(RunProgressCommandsTest, ARunThatIsOnlyCheckedHasNoNameAndDoesNotRun) {
  const Outcome outcome = RunLine("run create --dry-run --title ladder --params 1.1B");
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("Such a run could be created."), HasSubstr("ladder"),
                                 HasSubstr("1.10B parameters"), Not(HasSubstr("runs/")),
                                 Not(HasSubstr("the run runs"))));
  EXPECT_THAT(RunLine("run create --dry-run -o name").out, IsEmpty());
}

TEST_F(RunProgressCommandsTest, AnEndIsOneThatALauncherCanSay) {
  for (const char* state : {"lost", "done"}) {
    const Outcome outcome = RunLine(absl::StrCat("run finish r-12 --state ", state));
    EXPECT_EQ(outcome.code, kExitUsage);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("must be one of succeeded, failed, cancelled"),
                                   Not(HasSubstr("timed-out"))));
  }
  EXPECT_THAT(RunLine("run finish r-12").err, HasSubstr("--state must be"));
}

TEST_F(RunProgressCommandsTest, ARunShowsWhatItWasCreatedWith) {
  v1::RunSettings& settings = *service_.run.mutable_settings();
  settings.set_param_count(1'100'000'000);
  settings.set_target_token_count(22'000'000'000);
  settings.set_global_batch_tokens(524288);
  settings.mutable_schedule()->set_kind(v1::SCHEDULE_KIND_WSD);
  settings.mutable_schedule()->set_decay_fraction(0.1);
  settings.set_gpu_type("H100-SXM5-80GB");
  settings.set_gpu_count(8);
  settings.set_tokenizer("gpt2");
  settings.set_learn(true);
  EXPECT_THAT(RunLine("run show r-12").out,
              AllOf(HasSubstr("1.10B parameters, 22.0B tokens, batch 524,288 tokens"),
                    HasSubstr("wsd, decay 10.0%"), HasSubstr("8 H100-SXM5-80GB"),
                    HasSubstr("tokenizer gpt2, may be learnt from")));
}

TEST_F(RunProgressCommandsTest, GpusOfARunWithoutJobsAreThoseThatItsGpuHoursCount) {
  for (const auto& [quantity, planned] :
       {std::pair("gpu_count", 8.0), std::pair("node_count", 1.0), std::pair("gpu_hours", 80.0)}) {
    v1::RunComparison& each = *service_.run.add_comparisons();
    each.set_quantity(quantity);
    each.set_planned(planned);
  }
  service_.run.mutable_comparisons(2)->set_actual(40);
  const std::string text = RunLine("run show r-12 -o wide").out;
  EXPECT_THAT(text, ContainsRegex("GPUs +8 +8 +1.00 +as planned"));
  EXPECT_THAT(text, ContainsRegex("Nodes +1 +1 +1.00 +as planned"));
}

TEST_F(RunProgressCommandsTest, AListSaysWhoseRunItIsAndOnWhatWithoutAJobToo) {
  service_.run.set_owner_uid(1000);
  service_.run.mutable_settings()->set_gpu_count(8);
  EXPECT_THAT(RunLine("run list").out, AllOf(HasSubstr("uid 1000"), HasSubstr("8 GPUs")));
}

TEST_F(RunProgressCommandsTest, AnAlarmOfARunThatHasEndedLastedToItsEnd) {
  service_.run.set_state(v1::RUN_STATE_SUCCEEDED);
  *service_.run.add_alarms() = Alarm(v1::DRIFT_KIND_THROUGHPUT, /*is_open=*/true);
  EXPECT_THAT(RunLine("run show r-12").out, HasSubstr("to the run's end: throughput"));
}

TEST_F(RunProgressCommandsTest, AWrongScheduleIsAMistakeThatNamesTheFlag) {
  const Outcome outcome = RunLine("run create --schedule step");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("--schedule"), HasSubstr("cosine")));
  EXPECT_THAT(service_.creates, IsEmpty());
}

TEST_F(RunProgressCommandsTest, AListSaysHowFarRunsAreAndWhatIsAmiss) {
  service_.run.mutable_settings()->set_target_token_count(10000);
  *service_.run.mutable_last_sample() = Sample(4, 2.5);
  v1::RunComparison& loss = *service_.run.add_comparisons();
  loss.set_quantity("loss_nats");
  loss.set_planned(2.25);
  service_.run.mutable_forecast()->mutable_finish_time()->set_seconds(kStart);
  *service_.run.add_alarms() = Alarm(v1::DRIFT_KIND_THROUGHPUT, /*is_open=*/true);
  *service_.run.add_alarms() = Alarm(v1::DRIFT_KIND_LOSS, /*is_open=*/false);
  EXPECT_THAT(RunLine("run list").out,
              AllOf(HasSubstr("40.0%"), HasSubstr("2.5"), HasSubstr("2.25"),
                    HasSubstr("2025-11-24T16:00:00Z"), HasSubstr("! throughput"),
                    Not(HasSubstr("throughput, loss"))));
  EXPECT_EQ(service_.lists.back().view(), v1::PLAN_VIEW_FULL);
  RunLine("run list --page-size 1000");
  EXPECT_EQ(service_.lists.back().view(), v1::PLAN_VIEW_UNSPECIFIED);
}

TEST_F(RunProgressCommandsTest, ARunIsShownWithForecastAlarmsAndProcesses) {
  service_.run.mutable_settings()->set_target_token_count(10000);
  *service_.run.mutable_last_sample() = Sample(4, 2.5);
  v1::RunForecast& forecast = *service_.run.mutable_forecast();
  forecast.set_final_loss_nats(2.125);
  forecast.set_final_loss_low_nats(2.0625);
  forecast.set_final_loss_high_nats(2.1875);
  forecast.set_level(0.9);
  forecast.set_source("prior and run");
  *service_.run.add_alarms() = Alarm(v1::DRIFT_KIND_LOSS, /*is_open=*/false);
  *service_.run.add_alarms() = Alarm(v1::DRIFT_KIND_THROUGHPUT, /*is_open=*/true);
  v1::RunAttempt& attempt = *service_.run.add_attempts();
  attempt.set_number(1);
  attempt.set_last_step(40);
  const std::string out = RunLine("run show r-12").out;
  EXPECT_THAT(out, HasSubstr("40.0%, 4.00k of 10.0k tokens, step 40"));
  EXPECT_THAT(out, HasSubstr("final loss 2.125 nats (90%: 2.062-2.188, by prior and run)"));
  const size_t open = out.find("throughput, since step 1,200, 2025-11-24T16:00:00Z: Steps take");
  const size_t passed = out.find("passed: loss");
  EXPECT_NE(open, std::string::npos) << out;
  EXPECT_NE(passed, std::string::npos) << out;
  EXPECT_LT(open, passed);
  EXPECT_THAT(out, HasSubstr("\n               nvidia-smi -q -d PERFORMANCE\n"));
  EXPECT_THAT(out, HasSubstr("1 process"));
}

// --- run log

TEST_F(RunProgressCommandsTest, SamplesOfAllPagesAreListedOrTheLastOnes) {
  for (int i = 1; i <= 5; ++i) service_.samples.push_back(Sample(i, 3.0 - 0.125 * i));
  EXPECT_THAT(RunLine("run log r-12 --parsable --noheader").out,
              AllOf(StartsWith("2025-11-24T16:00:01Z|1|10|"), HasSubstr("|50|5.00k|2.375|")));
  EXPECT_THAT(RunLine("run log r-12 -n 2 --parsable --noheader").out,
              StartsWith("2025-11-24T16:00:04Z|1|40|"));
}

TEST_F(RunProgressCommandsTest, SamplesAsCsvHaveEveryFieldAsAColumn) {
  service_.samples.push_back(Sample(1, 2.5));
  EXPECT_EQ(RunLine("run log r-12 -o csv").out,
            "sequence,sample_time,step,token_count,loss_nats,validation_loss_nats,step_seconds,"
            "tokens_per_second,learning_rate,gradient_norm,noise_scale_tokens,peak_memory_bytes,"
            "attempt,sample_count,loss_not_finite\n"
            "1,2025-11-24T16:00:01Z,10,1000,2.5,,,,,,,,1,1,false\n");
}

TEST_F(RunProgressCommandsTest, FollowedSamplesAreEachPrintedOnceOverARestartOfTheDaemon) {
  service_.samples = {Sample(1, 3), Sample(2, 2.5)};
  v1::WatchRunResponse whole, more;
  *whole.mutable_run() = service_.run;
  *more.add_samples() = Sample(2, 2.5);
  *more.add_samples() = Sample(3, 2.25);
  service_.watches = {{whole, more}, {whole, more}};
  const Outcome outcome = RunLine("run log r-12 --follow -o csv --noheader");
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  const std::vector<std::string> lines = absl::StrSplit(outcome.out, '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[2], StartsWith("3,"));
  EXPECT_THAT(outcome.err, HasSubstr("the daemon is away, trying again"));
}

TEST_F(RunProgressCommandsTest, AWrongCountOfSamplesAsksNobody) {
  EXPECT_EQ(RunLine("run log r-12 -n 0").code, kExitUsage);
  EXPECT_EQ(RunLine("run log r-12 -o name").code, kExitUsage);
}

// --- run drift

TEST_F(RunProgressCommandsTest, AnOpenAlarmIsAnExitCodeOnlyWhereAskedFor) {
  *service_.run.add_alarms() = Alarm(v1::DRIFT_KIND_THROUGHPUT, /*is_open=*/true);
  const Outcome outcome = RunLine("run drift r-12 --exit-code");
  EXPECT_EQ(outcome.code, 7);
  EXPECT_THAT(outcome.out, StartsWith("runs/r-12: 1 alarm lasts.\n"));
  EXPECT_THAT(outcome.out, HasSubstr("0.87 of what was expected"));
  EXPECT_EQ(RunLine("run drift r-12").code, kExitOk);
}

TEST_F(RunProgressCommandsTest, AnAlarmThatPassedIsNoDrift) {
  *service_.run.add_alarms() = Alarm(v1::DRIFT_KIND_THROUGHPUT, /*is_open=*/false);
  EXPECT_EQ(RunLine("run drift r-12 --exit-code").code, kExitOk);
  const absl::StatusOr<DocumentValue> tree = ParseJson(RunLine("run drift r-12 -o json").out);
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->Find("open_count")->integer, 0);
  EXPECT_THAT(tree->Find("alarms")->items, SizeIs(1));
}

// --- run compare

TEST_F(RunProgressCommandsTest, AComparisonIsDrawnAndItsPointsAreCsv) {
  *service_.comparison.mutable_run() = service_.run;
  for (int i = 1; i <= 4; ++i) {
    v1::LossPoint& point = *service_.comparison.add_loss_curve();
    point.set_token_count(1000 * i);
    point.set_planned_nats(4 - 0.5 * i);
    if (i < 3) point.set_actual_nats(4 - 0.25 * i);
  }
  const Outcome drawn = RunLine("run compare r-12 --points 4 --level 0.8 --plot ascii");
  EXPECT_EQ(drawn.code, kExitOk) << drawn.err;
  EXPECT_THAT(drawn.out, AllOf(HasSubstr("planned"), HasSubstr("actual"), HasSubstr("tokens")));
  ASSERT_THAT(service_.compares, SizeIs(1));
  EXPECT_EQ(service_.compares[0].point_count(), 4);
  EXPECT_DOUBLE_EQ(service_.compares[0].level(), 0.8);
  EXPECT_EQ(
      RunLine("run compare r-12 -o csv").out,
      "token_count,planned_nats,actual_nats\n1000,3.5,3.75\n2000,3,3.5\n3000,2.5,\n4000,2,\n");
}

TEST_F(RunProgressCommandsTest, ACurveIsWrittenAsAPicture) {
  v1::LossPoint& point = *service_.comparison.add_loss_curve();
  point.set_token_count(1000);
  point.set_actual_nats(3);
  const std::string path = folder_ / "loss.svg";
  EXPECT_EQ(RunLine(absl::StrCat("run compare r-12 --plot none --svg ", path)).code, kExitOk);
  std::ifstream file(path);
  std::string begin(4, ' ');
  file.read(begin.data(), 4);
  EXPECT_THAT(begin, ::testing::AnyOf("<svg", "<?xm"));
}

TEST_F(RunProgressCommandsTest, ARunWithoutALossHasNothingToDraw) {
  EXPECT_THAT(RunLine("run compare r-12").out, HasSubstr("There is no loss to draw"));
  const Outcome outcome =
      RunLine(absl::StrCat("run compare r-12 --svg ", (folder_ / "none.svg").string()));
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.err, HasSubstr("there is no loss to draw"));
}

// --- watch

std::vector<v1::WatchRunResponse> WatchOf(const v1::Run& run, v1::RunState end) {
  v1::WatchRunResponse whole, more, last;
  *whole.mutable_run() = run;
  *more.add_samples() = Sample(7, 2.125);
  *last.mutable_run() = run;
  last.mutable_run()->set_state(end);
  return {whole, more, last};
}

TEST_F(RunProgressCommandsTest, AWatchAsksForTheRunThatItsFirstSamplesMakeComparable) {
  v1::WatchRunResponse told = WatchOf(service_.run, v1::RUN_STATE_RUNNING).front();
  v1::WatchRunResponse samples;
  *samples.add_samples() = Sample(4, 2.5);
  service_.watches = {{told, samples}};
  service_.run.mutable_settings()->set_target_token_count(10000);
  *service_.run.mutable_last_sample() = Sample(4, 2.5);
  v1::RunComparison& loss = *service_.run.add_comparisons();
  loss.set_quantity("loss_nats");
  loss.set_planned(2.25);
  EXPECT_THAT(RunLine("watch r-12").out, AllOf(HasSubstr("40.0%"), HasSubstr("(planned 2.250)")));
}

TEST_F(RunProgressCommandsTest, AWatchEndsWithTheRunsState) {
  service_.watches = {WatchOf(service_.run, v1::RUN_STATE_SUCCEEDED)};
  const Outcome outcome = RunLine("watch r-12");
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("r-12 running step 70 tokens 7.00k loss 2.125\n"));
  EXPECT_THAT(outcome.out, HasSubstr("r-12 succeeded"));
}

TEST_F(RunProgressCommandsTest, AWatchOfARunThatFailsIsExitCodeOne) {
  service_.watches = {WatchOf(service_.run, v1::RUN_STATE_OUT_OF_MEMORY)};
  const Outcome outcome = RunLine("watch r-12");
  EXPECT_EQ(outcome.code, kExitError);
  EXPECT_THAT(outcome.err, HasSubstr("runs/r-12 ended as out-of-memory"));
}

TEST_F(RunProgressCommandsTest, AWatchOutlivesARestartOfTheDaemon) {
  service_.watches = {WatchOf(service_.run, v1::RUN_STATE_RUNNING),
                      WatchOf(service_.run, v1::RUN_STATE_SUCCEEDED)};
  const Outcome outcome = RunLine("watch r-12 -o json");
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_EQ(service_.watch_count, 2u);
  EXPECT_THAT(outcome.err, HasSubstr("the daemon is away, trying again: draining"));
  for (const absl::string_view line : absl::StrSplit(outcome.out, '\n', absl::SkipEmpty())) {
    EXPECT_TRUE(ParseJson(line).ok()) << line;
  }
}

TEST_F(RunProgressCommandsTest, AWatchThatAStoppingDaemonCancelsGoesOn) {
  service_.tear = {grpc::StatusCode::CANCELLED, "CANCELLED"};
  service_.watches = {WatchOf(service_.run, v1::RUN_STATE_RUNNING),
                      WatchOf(service_.run, v1::RUN_STATE_SUCCEEDED)};
  EXPECT_EQ(RunLine("watch r-12").code, kExitOk);
  EXPECT_EQ(service_.watch_count, 2u);
}

TEST_F(RunProgressCommandsTest, AWatchGivesUpWhenTheDaemonIsAwayLongerThanItsTimeout) {
  service_.watches = {WatchOf(service_.run, v1::RUN_STATE_RUNNING)};
  service_.is_last_watch_torn = true;
  const Outcome outcome = RunLine("watch r-12 --timeout 1s");
  EXPECT_EQ(outcome.code, kExitUnavailable);
  EXPECT_GT(service_.watch_count, 1u);
}

TEST_F(RunProgressCommandsTest, ARunThatDoesNotExistIsExitCodeFourOfEachCommand) {
  service_.status = {grpc::StatusCode::NOT_FOUND, "there is no run runs/r-99"};
  const std::string log = Write("losses.csv", "tokens,loss\n1000,3\n");
  for (const std::string& line :
       {std::string("run show r-99"), std::string("run log r-99"), std::string("run drift r-99"),
        std::string("run compare r-99"), std::string("watch r-99"),
        std::string("run log r-99 --follow"), absl::StrCat("ingest --csv --run r-99 ", log)}) {
    const Outcome outcome = RunLine(line);
    EXPECT_EQ(outcome.code, kExitNotFound) << line;
    EXPECT_THAT(outcome.err, HasSubstr("there is no run runs/r-99")) << line;
  }
}

TEST_F(RunProgressCommandsTest, ADaemonThatIsAwayIsExitCodeFiveOfEachCommand) {
  is_away_ = true;
  const std::string log = Write("losses.csv", "tokens,loss\n1000,3\n");
  for (const std::string& line :
       {std::string("run log r-1"), std::string("run drift r-1"), std::string("run compare r-1"),
        std::string("watch r-1"), std::string("accuracy"), absl::StrCat("ingest --csv ", log)}) {
    EXPECT_EQ(RunLine(line).code, kExitUnavailable) << line;
  }
}

// --- accuracy

TEST_F(RunProgressCommandsTest, AccuracyIsAskedByGroupSinceADate) {
  v1::AccuracyGroup& group = *service_.accuracy.add_groups();
  group.set_key("H100-SXM5-80GB");
  group.set_quantity("step_seconds");
  group.set_run_count(3);
  group.set_median_ratio(1.04);
  group.set_low_ratio(0.98);
  group.set_high_ratio(1.11);
  group.set_median_error_fraction(0.05);
  group.set_few(true);
  service_.accuracy.set_run_count(3);
  const Outcome outcome = RunLine("accuracy --by gpu-type --since 2025-11-01 --cluster mine");
  EXPECT_EQ(outcome.code, kExitOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("3 runs that ended"), HasSubstr("H100-SXM5-80GB"), HasSubstr("1.040"),
                    HasSubstr("few runs"), HasSubstr("|planned / actual - 1|")));
  ASSERT_THAT(service_.accuracies, SizeIs(1));
  EXPECT_EQ(service_.accuracies[0].grouping(), v1::ACCURACY_GROUPING_GPU_TYPE);
  EXPECT_EQ(service_.accuracies[0].since_time().seconds(), 1761955200);
  EXPECT_EQ(service_.accuracies[0].cluster(), "mine");
  RunLine("accuracy --since 30d");
  EXPECT_EQ(service_.accuracies[1].since_time().seconds(), kStart - 30 * 86400);
}

TEST_F(RunProgressCommandsTest, AccuracyWithoutRunsSaysSo) {
  EXPECT_THAT(RunLine("accuracy").out, HasSubstr("No run that ended can be compared"));
}

TEST_F(RunProgressCommandsTest, AWrongGroupingOrDateAsksNobody) {
  EXPECT_EQ(RunLine("accuracy --by colour").code, kExitUsage);
  EXPECT_THAT(RunLine("accuracy --since yesterday").err, HasSubstr("--since (since_time) must be"));
  EXPECT_EQ(RunLine("accuracy --table x.csv --since 30d").code, kExitUsage);
  EXPECT_THAT(service_.accuracies, IsEmpty());
}

}  // namespace
}  // namespace rhumb::cli
