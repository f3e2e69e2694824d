// SPDX-License-Identifier: Apache-2.0
#include "planner/track/run_report.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/words.h"

namespace rhumb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr double kHour = 3600;

// 16 GPUs in 2 nodes for 3 h (up to 4 h), at $2.50 a GPU-hour.
PlannedRun Planned() {
  return {.wall_seconds = 3 * kHour,
          .wall_high_seconds = 4 * kHour,
          .gpu_hours = 48,
          .total_usd = 120,
          .gpu_type = "H100-SXM5-80GB",
          .gpu_count = 16,
          .node_count = 2};
}

// Ended after `elapsed_seconds` on what was planned, after a minute in the queue.
TrackedJob Job(const std::string& id, JobState state, double elapsed_seconds) {
  return {.job_id = id,
          .state = state,
          .gpu_type = "H100-SXM5-80GB",
          .gpu_count = 16,
          .node_count = 2,
          .submit_seconds = 1000,
          .start_seconds = 1060,
          .end_seconds = 1060 + elapsed_seconds,
          .time_limit_seconds = 4 * kHour,
          .elapsed_seconds = elapsed_seconds};
}

TrackedRun RunOf(const std::vector<TrackedJob>& jobs) {
  std::vector<JobState> states;
  for (const TrackedJob& job : jobs) states.push_back(job.state);
  return {.state = StateOfRun(states), .jobs = jobs, .cluster = "mine"};
}

RunComparison ComparisonOf(const std::vector<RunComparison>& all, const std::string& quantity) {
  for (const RunComparison& each : all) {
    if (each.quantity == quantity) return each;
  }
  ADD_FAILURE() << "no " << quantity;
  return {};
}

std::vector<std::string> CodesOf(const std::vector<RunAdvice>& advice) {
  std::vector<std::string> codes;
  for (const RunAdvice& each : advice) codes.push_back(each.code);
  return codes;
}

// The only advice there is.
RunAdvice AdviceOn(const TrackedRun& run, const std::optional<PlannedRun>& planned = Planned()) {
  const std::vector<RunAdvice> advice = AdviseRun(planned, run);
  EXPECT_EQ(advice.size(), 1u) << ::testing::PrintToString(CodesOf(advice));
  return advice.empty() ? RunAdvice() : advice.front();
}

TEST(JobStateTest, ARunRunsWhileAJobOfItRuns) {
  EXPECT_EQ(StateOfRun({JobState::kRunning, JobState::kPending}), JobState::kRunning);
  EXPECT_EQ(StateOfRun({JobState::kTimedOut, JobState::kPending}), JobState::kPending);
  EXPECT_EQ(StateOfRun({JobState::kTimedOut, JobState::kSucceeded}), JobState::kSucceeded);
}

TEST(JobStateTest, NamesReadBack) {
  for (int i = 0; i <= static_cast<int>(JobState::kLost); ++i) {
    EXPECT_EQ(FindJobState(NameOf(static_cast<JobState>(i))), static_cast<JobState>(i));
  }
  EXPECT_EQ(FindJobState("NODE_FAIL"), std::nullopt);
}

TEST(CompareRunTest, SaysRatiosOfWhatHappenedToWhatWasPlanned) {
  const auto all = CompareRun(Planned(), RunOf({Job("1", JobState::kSucceeded, 1.5 * kHour)}));
  EXPECT_EQ(ComparisonOf(all, "wall_seconds").ratio, 0.5);
  EXPECT_EQ(ComparisonOf(all, "wall_seconds").source, "elapsed time of job 1");
  EXPECT_EQ(ComparisonOf(all, "gpu_hours").actual, 24);
  EXPECT_EQ(ComparisonOf(all, "total_usd").actual, 60);
  EXPECT_THAT(ComparisonOf(all, "total_usd").source, HasSubstr("$2.50 a GPU-hour"));
  EXPECT_EQ(ComparisonOf(all, "gpu_count").ratio, 1);
  EXPECT_EQ(ComparisonOf(all, "node_count").ratio, 1);
}

TEST(CompareRunTest, AddsTheJobsOfAChainWithoutTheTimeBetweenThem) {
  TrackedJob second = Job("2", JobState::kSucceeded, kHour);
  second.start_seconds = 900 * kHour;
  second.gpu_count = 8;
  const auto all = CompareRun(Planned(), RunOf({Job("1", JobState::kTimedOut, 2 * kHour), second}));
  EXPECT_EQ(ComparisonOf(all, "wall_seconds").actual, 3 * kHour);
  EXPECT_THAT(ComparisonOf(all, "wall_seconds").source, HasSubstr("2 jobs"));
  EXPECT_EQ(ComparisonOf(all, "gpu_hours").actual, 2 * 16 + 8);
  EXPECT_EQ(ComparisonOf(all, "gpu_count").actual, 8);
}

TEST(CompareRunTest, WithoutAPriceThereIsNoMoney) {
  PlannedRun planned = Planned();
  planned.total_usd.reset();
  EXPECT_EQ(CompareRun(planned, RunOf({Job("1", JobState::kFailed, 1)})).size(), 4u);
}

TEST(CompareRunTest, WhatHasNotStartedHasNoActualNumbers) {
  TrackedJob waiting = Job("1", JobState::kPending, 0);
  waiting.start_seconds.reset();
  for (const RunComparison& each : CompareRun(Planned(), RunOf({waiting}))) {
    EXPECT_EQ(each.actual, std::nullopt) << each.quantity;
    EXPECT_EQ(each.ratio, std::nullopt) << each.quantity;
    EXPECT_EQ(each.source, "") << each.quantity;
  }
}

TEST(CompareRunTest, GpusThatNobodyCountedAreNotTakenForNone) {
  TrackedJob job = Job("1", JobState::kSucceeded, kHour);
  job.gpu_count = 0;
  const auto all = CompareRun(Planned(), RunOf({job}));
  EXPECT_EQ(ComparisonOf(all, "gpu_hours").actual, std::nullopt);
  EXPECT_EQ(ComparisonOf(all, "gpu_count").actual, std::nullopt);
  EXPECT_EQ(ComparisonOf(all, "wall_seconds").actual, kHour);
}

TEST(AdviseRunTest, ARunAsPlannedNeedsNoAdvice) {
  EXPECT_THAT(AdviseRun(Planned(), RunOf({Job("1", JobState::kSucceeded, 3.1 * kHour)})),
              IsEmpty());
}

TEST(AdviseRunTest, ATimeoutAsksForThePlansUpperEnd) {
  TrackedJob job = Job("1", JobState::kTimedOut, kHour);
  job.time_limit_seconds = kHour;
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_EQ(advice.code, "TIMED_OUT");
  EXPECT_EQ(advice.text,
            "Job 1 was ended at its time limit of 1 h. The plan takes 3 h, up to 4 h.");
  EXPECT_EQ(advice.directive, "#SBATCH --time=04:00:00");
}

TEST(AdviseRunTest, ATimeoutOfAChainAsksForWhatIsMissing) {
  TrackedJob second = Job("2", JobState::kTimedOut, kHour);
  second.time_limit_seconds = kHour;
  const RunAdvice advice = AdviceOn(RunOf({Job("1", JobState::kTimedOut, 1.5 * kHour), second}));
  EXPECT_THAT(advice.text, HasSubstr("2 jobs ran 2 h 30 min"));
  EXPECT_EQ(advice.directive, "#SBATCH --time=02:30:00");
}

TEST(AdviseRunTest, NoJobIsToAskForMoreThanItsPartitionGives) {
  PlannedRun planned = Planned();
  planned.job_limit_seconds = kHour;
  TrackedJob last = Job("2", JobState::kTimedOut, kHour);
  last.time_limit_seconds = kHour;
  const RunAdvice advice =
      AdviseRun(planned, RunOf({Job("1", JobState::kTimedOut, kHour), last})).front();
  EXPECT_EQ(advice.code, "TIMED_OUT");
  EXPECT_THAT(advice.text, HasSubstr("The partition ends jobs after 1 h: submit the script once"));
  EXPECT_EQ(advice.directive, "");
  TrackedJob first = Job("1", JobState::kRunning, 60);
  first.time_limit_seconds = kHour;
  EXPECT_THAT(AdviseRun(planned, RunOf({first})), IsEmpty());
  first.time_limit_seconds = kHour / 2;
  EXPECT_EQ(AdviseRun(planned, RunOf({first})).front().directive, "#SBATCH --time=01:00:00");
}

TEST(AdviseRunTest, ATimeoutBeyondThePlanAsksForHalfAsMuchAgain) {
  TrackedJob job = Job("1", JobState::kTimedOut, 20 * kHour);
  job.time_limit_seconds = 20 * kHour;
  EXPECT_EQ(AdviceOn(RunOf({job})).directive, "#SBATCH --time=1-06:00:00");
  EXPECT_EQ(AdviceOn(RunOf({job}), std::nullopt).directive, "#SBATCH --time=1-06:00:00");
}

TEST(AdviseRunTest, AFailureSaysItsCodeWhenAndHowFar) {
  TrackedJob job = Job("1", JobState::kFailed, 1.5 * kHour);
  job.exit_code = 2;
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_EQ(advice.text, "Job 1 exited with code 2 after 1 h 30 min, 50% of the planned 3 h.");
  EXPECT_EQ(advice.directive, "");
}

TEST(AdviseRunTest, AFailureAtOnceIsOneOfTheLaunch) {
  TrackedJob job = Job("1", JobState::kFailed, 41);
  job.exit_signal = 9;
  job.reason = "RaisedSignal:9";
  EXPECT_EQ(AdviceOn(RunOf({job}), std::nullopt).text,
            "Job 1 was killed by signal 9 after 41 s (RaisedSignal:9). That soon it is the launch: "
            "environment, paths, ranks.");
}

TEST(AdviseRunTest, ACancelledRunSaysHowFarItWas) {
  EXPECT_EQ(AdviceOn(RunOf({Job("1", JobState::kCancelled, 0.3 * kHour)})).text,
            "Job 1 was cancelled after 18 min, 10% of the planned 3 h.");
  TrackedJob waiting = Job("1", JobState::kCancelled, 0);
  waiting.start_seconds.reset();
  waiting.elapsed_seconds.reset();
  EXPECT_EQ(AdviceOn(RunOf({waiting})).text, "Job 1 was cancelled before it started.");
}

TEST(AdviseRunTest, ALaterJobThatNeverStartedIsNotSaidToHaveRun) {
  TrackedJob waiting = Job("2", JobState::kCancelled, 0);
  waiting.start_seconds.reset();
  waiting.elapsed_seconds.reset();
  EXPECT_EQ(AdviceOn(RunOf({Job("1", JobState::kCancelled, 0.3 * kHour), waiting})).text,
            "Job 2 was cancelled before it started; the run's 2 jobs ran 18 min in all, 10% of the "
            "planned 3 h.");
}

TEST(AdviseRunTest, AJobOfAChainSaysItsOwnTime) {
  const TrackedRun run =
      RunOf({Job("1", JobState::kTimedOut, kHour), Job("2", JobState::kCancelled, 0.5 * kHour)});
  EXPECT_EQ(AdviceOn(run).text,
            "Job 2 was cancelled after 30 min; the run's 2 jobs ran 1 h 30 min in all, 50% of the "
            "planned 3 h.");
}

TEST(AdviseRunTest, OutOfMemorySaysWhatWasHeld) {
  TrackedJob job = Job("1", JobState::kOutOfMemory, kHour);
  job.max_rss_bytes = int64_t{3} << 29;
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_THAT(advice.text, HasSubstr("its largest task held 1.5 GiB"));
  EXPECT_EQ(advice.directive, "#SBATCH --mem=0");
}

TEST(AdviseRunTest, AnInterruptionMayBeRequeued) {
  TrackedJob job = Job("1", JobState::kInterrupted, kHour);
  job.reason = "NodeDown";
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_THAT(advice.text, HasSubstr("(NodeDown)"));
  EXPECT_EQ(advice.directive, "#SBATCH --requeue");
}

TEST(AdviseRunTest, ALostJobIsNotCalledFailed) {
  EXPECT_EQ(AdviceOn(RunOf({Job("1", JobState::kLost, kHour)})).code, "LOST");
}

TEST(AdviseRunTest, ASuccessFarBeforeItsPlanIsSaid) {
  const RunAdvice advice = AdviceOn(RunOf({Job("1", JobState::kSucceeded, kHour)}));
  EXPECT_EQ(advice.code, "ENDED_EARLY");
  EXPECT_THAT(advice.text, HasSubstr("after 1 h, 33% of the planned 3 h"));
}

TEST(AdviseRunTest, ASuccessBeyondTheUpperEndIsSaid) {
  TrackedJob job = Job("1", JobState::kSucceeded, 5 * kHour);
  job.time_limit_seconds = 6 * kHour;
  EXPECT_EQ(AdviceOn(RunOf({job})).code, "SLOWER_THAN_PLANNED");
}

TEST(AdviseRunTest, ATimeLimitThatWasHardlyUsedIsSaid) {
  TrackedJob job = Job("1", JobState::kSucceeded, 3 * kHour);
  job.time_limit_seconds = 48 * kHour;
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_EQ(advice.code, "TIME_LIMIT_TOO_LONG");
  EXPECT_THAT(advice.text, HasSubstr("used 6.2% of its time limit of 2 d"));
  EXPECT_EQ(advice.directive, "#SBATCH --time=03:45:00");
}

// The plan would refuse such a limit as a contradiction.
TEST(AdviseRunTest, ASuccessAfterSecondsOfItsPlanAsksForNoShorterLimit) {
  TrackedJob job = Job("1", JobState::kSucceeded, 5);
  job.time_limit_seconds = 48 * kHour;
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_EQ(advice.code, "ENDED_EARLY");
  EXPECT_EQ(advice.directive, "");
}

RunAdvice EarlyEnd() { return {"ENDED_EARLY", "It ended early, who knows why.", ""}; }

TEST(AdviseReportedTest, AnEarlyEndWithAllTokensIsOneOfOverheads) {
  const std::vector<RunAdvice> advice = AdviseReported(
      {.done_fraction = 1.0, .step_ratio = 1.05, .wall_seconds = 600, .planned_wall_seconds = 1800},
      {EarlyEnd()});
  ASSERT_EQ(advice.size(), 1u);
  EXPECT_EQ(advice[0].code, "ENDED_EARLY");
  EXPECT_THAT(advice[0].text, HasSubstr("after 10 min, 33% of the planned 30 min"));
  EXPECT_THAT(advice[0].text, HasSubstr("all of its tokens"));
  EXPECT_THAT(advice[0].text, HasSubstr("--startup"));
  EXPECT_THAT(advice[0].text, Not(HasSubstr("faster")));
}

TEST(AdviseReportedTest, AnEarlyEndWithFewTokensSaysHowFew) {
  const std::vector<RunAdvice> advice = AdviseReported(
      {.done_fraction = 0.3, .wall_seconds = 600, .planned_wall_seconds = 1800}, {EarlyEnd()});
  EXPECT_THAT(advice[0].text, HasSubstr("it trained on 30% of its tokens."));
}

TEST(AdviseReportedTest, AnEarlyEndWithFastStepsIsOneOfTheMachine) {
  const std::vector<RunAdvice> advice = AdviseReported(
      {.done_fraction = 1.0, .step_ratio = 0.3, .wall_seconds = 600, .planned_wall_seconds = 1800},
      {EarlyEnd()});
  EXPECT_THAT(advice[0].text, HasSubstr("rhumb calibrate"));
}

TEST(AdviseReportedTest, ARunThatReportedForLongFailedNotAtItsLaunch) {
  TrackedJob job = Job("1", JobState::kFailed, 41);
  const std::vector<RunAdvice> by_times = AdviseRun(std::nullopt, RunOf({job}));
  ASSERT_THAT(by_times[0].text, HasSubstr("the launch"));
  EXPECT_THAT(AdviseReported({.told_seconds = 2 * kHour}, by_times)[0].text,
              Not(HasSubstr("the launch")));
  EXPECT_THAT(AdviseReported({.told_seconds = 5}, by_times)[0].text, HasSubstr("the launch"));
}

TEST(AdviseReportedTest, ARunThatTellsNothingForLongIsSilent) {
  ReportedRun reported = {.interval_seconds = 20, .silent_seconds = 5 * kHour, .runs = true};
  const std::vector<RunAdvice> advice = AdviseReported(reported, {});
  ASSERT_EQ(advice.size(), 1u);
  EXPECT_EQ(advice[0].code, "SILENT");
  EXPECT_THAT(advice[0].text, HasSubstr("last told 5 h ago"));
  EXPECT_THAT(advice[0].text, HasSubstr("every 20 s"));
  // Its own interval counts, and a few minutes are nothing.
  reported.interval_seconds = kHour;
  EXPECT_EQ(WhySilent(reported), std::nullopt);
  reported.interval_seconds = 1;
  reported.silent_seconds = 500;
  EXPECT_EQ(WhySilent(reported), std::nullopt);
  reported.silent_seconds = 700;
  EXPECT_NE(WhySilent(reported), std::nullopt);
  reported.runs = false;
  EXPECT_EQ(WhySilent(reported), std::nullopt);
}

TEST(AdviseRunTest, TheLastJobOfAChainNeedsNoShorterLimit) {
  TrackedJob last = Job("2", JobState::kSucceeded, 0.5 * kHour);
  last.start_seconds = 20 * kHour;
  last.submit_seconds = 20 * kHour;
  EXPECT_THAT(AdviseRun(Planned(), RunOf({Job("1", JobState::kTimedOut, 2.5 * kHour), last})),
              IsEmpty());
}

TEST(AdviseRunTest, ATimeLimitBelowThePlanIsSaidBeforeItBites) {
  TrackedJob job = Job("1", JobState::kRunning, 60);
  job.time_limit_seconds = 2 * kHour;
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_EQ(advice.code, "TIME_LIMIT_BELOW_PLAN");
  EXPECT_EQ(advice.directive, "#SBATCH --time=04:00:00");
  EXPECT_THAT(AdviseRun(Planned(), RunOf({Job("0", JobState::kTimedOut, 2 * kHour), job})),
              IsEmpty());
}

TEST(AdviseRunTest, FewerAndOtherGpusThanPlannedAreSaid) {
  TrackedJob job = Job("1", JobState::kRunning, 60);
  job.gpu_count = 8;
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_EQ(advice.text, "Job 1 has 8 GPUs, the plan is of 16 in 2 nodes.");
  EXPECT_EQ(advice.directive, "#SBATCH --nodes=2 --gpus-per-node=8");
  job.gpu_count = 32;
  job.gpu_type = "A100-SXM4-80GB";
  EXPECT_THAT(CodesOf(AdviseRun(Planned(), RunOf({job}))),
              ElementsAre("OTHER_GPU_TYPE", "MORE_GPUS"));
}

TEST(AdviseRunTest, ALongWaitNamesTheQuestionOfWhatIsFree) {
  TrackedJob job = Job("1", JobState::kRunning, 60);
  job.start_seconds = 1000 + 5 * kHour;
  const RunAdvice advice = AdviceOn(RunOf({job}));
  EXPECT_EQ(advice.code, "LONG_WAIT");
  EXPECT_THAT(advice.text, HasSubstr("waited 5 h in the queue"));
  EXPECT_EQ(advice.directive, "rhumb plan --cluster mine --free");
}

TEST(AdviseRunTest, ARunWithoutJobsIsJudgedByItsOwnTime) {
  const TrackedRun run = {.state = JobState::kCancelled, .wall_seconds = 0.3 * kHour};
  EXPECT_EQ(AdviceOn(run).text, "The run was cancelled after 18 min, 10% of the planned 3 h.");
  EXPECT_EQ(ComparisonOf(CompareRun(Planned(), run), "wall_seconds").actual, 0.3 * kHour);
}

TEST(AdviseRunTest, ACodeOfZeroIsNoExitCode) {
  TrackedJob job = Job("1", JobState::kFailed, kHour);
  job.exit_code = 0;
  job.reason = "None";
  EXPECT_THAT(AdviceOn(RunOf({job})).text, Not(HasSubstr("code")));
}

TEST(WordsTest, DurationsRoundToTheSmallerOfTwoUnits) {
  EXPECT_EQ(DurationWords(0.2), "0 s");
  EXPECT_EQ(DurationWords(59.6), "1 min");
  EXPECT_EQ(DurationWords(3599.7), "1 h");
  EXPECT_EQ(DurationWords(3 * kHour + 12 * 60), "3 h 12 min");
  EXPECT_EQ(DurationWords(86399), "1 d");
  EXPECT_EQ(DurationWords(20 * 86400.0 + 22 * kHour), "20 d 22 h");
}

TEST(WordsTest, TimesOfSlurmAreWholeMinutesRoundedUp) {
  EXPECT_EQ(SlurmTimeWords(1), "00:01:00");
  EXPECT_EQ(SlurmTimeWords(3600), "01:00:00");
  EXPECT_EQ(SlurmTimeWords(3601), "01:01:00");
  EXPECT_EQ(SlurmTimeWords(86400 + 2.5 * kHour), "1-02:30:00");
}

TEST(WordsTest, PercentsKeepTwoDigits) {
  EXPECT_EQ(PercentWords(0.004), "0.4%");
  EXPECT_EQ(PercentWords(0.042), "4.2%");
  EXPECT_EQ(PercentWords(1.2), "120%");
}

}  // namespace
}  // namespace rhumb
