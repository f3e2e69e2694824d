// SPDX-License-Identifier: Apache-2.0
// rhumb run against a scripted service: what is asked, how runs read.
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "client/cli/context.h"
#include "client/cli/exit_code.h"
#include "client/cli/run.h"
#include "client/cli/run_report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rhumb/v1/run_service.grpc.pb.h"

namespace rhumb::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr int64_t kSubmit = 1'764'000'000;  // 2025-11-24T16:00:00Z

v1::Job* AddJob(v1::Run& run, const std::string& id, v1::RunState state, double elapsed_seconds) {
  v1::Job& job = *run.add_jobs();
  job.set_cluster("clusters/mine");
  job.set_job_id(id);
  job.set_state(state);
  job.set_user_name("ada");
  job.set_gpu_type("H100-SXM5-80GB");
  job.set_gpu_count(16);
  job.mutable_submit_time()->set_seconds(kSubmit);
  if (elapsed_seconds > 0) {
    job.mutable_start_time()->set_seconds(kSubmit + 60);
    job.set_elapsed_seconds(elapsed_seconds);
  }
  run.set_state(state);
  return &job;
}

void Compare(v1::Run& run, const std::string& quantity, double planned, double actual) {
  v1::RunComparison& comparison = *run.add_comparisons();
  comparison.set_quantity(quantity);
  comparison.set_planned(planned);
  comparison.set_actual(actual);
  comparison.set_ratio(actual / planned);
  comparison.set_source("elapsed time of its job");
}

v1::Run NamedRun() {
  v1::Run run;
  run.set_name("runs/r-12");
  run.set_owner_uid(1000);
  return run;
}

class ScriptedRuns final : public v1::RunService::Service {
 public:
  grpc::Status CreateRun(grpc::ServerContext*, const v1::CreateRunRequest* request,
                         v1::Run* response) override {
    creates.push_back(*request);
    *response = run;
    return status;
  }
  grpc::Status GetRun(grpc::ServerContext*, const v1::GetRunRequest* request,
                      v1::Run* response) override {
    gets.push_back(*request);
    *response = run;
    return status;
  }
  grpc::Status ListRuns(grpc::ServerContext*, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override {
    lists.push_back(*request);
    if (is_empty) return status;
    *response->add_runs() = run;
    response->set_next_page_token("more");
    return status;
  }
  grpc::Status FinishRun(grpc::ServerContext*, const v1::FinishRunRequest* request,
                         v1::Run* response) override {
    finishes.push_back(*request);
    *response = run;
    return status;
  }

  v1::Run run;
  grpc::Status status;
  std::vector<v1::CreateRunRequest> creates;
  std::vector<v1::GetRunRequest> gets;
  bool is_empty = false;  // its list
  std::vector<v1::ListRunsRequest> lists;
  std::vector<v1::FinishRunRequest> finishes;
};

struct Outcome {
  int code = 0;
  std::string out, err;
};

class RunsCommandTest : public ::testing::Test {
 protected:
  RunsCommandTest() {
    runs_.run = NamedRun();
    grpc::ServerBuilder builder;
    builder.RegisterService(&runs_);
    server_ = builder.BuildAndStart();
  }
  Outcome RunLine(absl::string_view line) {
    std::ostringstream out, err;
    Context context;
    context.out = &out;
    context.err = &err;
    context.out_terminal.width = 200;
    context.open_home = [this](const Invocation&, Context&) -> absl::StatusOr<Home> {
      Home home;
      home.client =
          std::make_unique<client::Client>(server_->InProcessChannel(grpc::ChannelArguments()));
      return home;
    };
    const int code = rhumb::cli::Run(
        std::vector<std::string>(absl::StrSplit(line, ' ', absl::SkipEmpty())), context);
    return {code, out.str(), err.str()};
  }

  ScriptedRuns runs_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(RunsCommandTest, ARunIsShownByNameOrByItsJob) {
  EXPECT_EQ(RunLine("run show runs/r-12").code, kExitOk);
  EXPECT_EQ(RunLine("run show --job 120_3 --cluster mine -o name").out, "runs/r-12\n");
  ASSERT_THAT(runs_.gets, SizeIs(2));
  EXPECT_EQ(runs_.gets[0].name(), "runs/r-12");
  EXPECT_EQ(runs_.gets[1].job_id(), "120_3");
  EXPECT_EQ(runs_.gets[1].cluster(), "mine");
}

TEST_F(RunsCommandTest, NeitherNameNorJobIsAMistakeThatAsksNobody) {
  const Outcome outcome = RunLine("run show");
  EXPECT_EQ(outcome.code, kExitUsage);
  EXPECT_THAT(outcome.err, HasSubstr("give the name of a run or --job ID"));
  EXPECT_EQ(RunLine("run show runs/r-1 --job 3").code, kExitUsage);
  EXPECT_THAT(runs_.gets, IsEmpty());
}

TEST_F(RunsCommandTest, AReportHasSentenceTablesAndTheExactLine) {
  v1::Job& job = *AddJob(runs_.run, "123", v1::RUN_STATE_TIMED_OUT, 3600);
  job.set_time_limit_seconds(3600);
  Compare(runs_.run, "wall_seconds", 10800, 3600);
  Compare(runs_.run, "total_usd", 120, 40);
  v1::Advice& advice = *runs_.run.add_advice();
  advice.set_text("Job 123 was ended at its time limit of 1 h.");
  advice.set_directive("#SBATCH --time=04:00:00");
  const std::string out = RunLine("run show runs/r-12").out;
  EXPECT_THAT(out, StartsWith("runs/r-12: job 123 on mine was ended at its time limit after 1 h on "
                              "16 H100-SXM5-80GB, 33.3% of the planned 3 h.\n"));
  EXPECT_THAT(out, HasSubstr("ada, uid 1000"));
  EXPECT_THAT(out, HasSubstr("Wall time      3 h     1 h   0.33"));
  EXPECT_THAT(out, HasSubstr("Cost       $120.00  $40.00   0.33"));
  EXPECT_THAT(out, HasSubstr("timed-out"));
  EXPECT_THAT(out, HasSubstr("\n               #SBATCH --time=04:00:00\n"));
  EXPECT_THAT(out, Not(HasSubstr("elapsed time of its job")));
  EXPECT_THAT(RunLine("run show runs/r-12 -o wide").out, HasSubstr("elapsed time of its job"));
}

TEST_F(RunsCommandTest, AListHasOneRowARunAndSaysThatThereAreMore) {
  AddJob(runs_.run, "123", v1::RUN_STATE_RUNNING, 7200);
  runs_.run.set_plan("plans/p-1");
  const Outcome outcome = RunLine("run list --plan p-1 --cluster mine --open --page-size 1");
  EXPECT_EQ(outcome.code, kExitOk);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("r-12"), HasSubstr("running"), HasSubstr("123"),
                                 HasSubstr("p-1"), HasSubstr("2 h"), HasSubstr("ada")));
  EXPECT_THAT(outcome.err, HasSubstr("--page-token more"));
  ASSERT_THAT(runs_.lists, SizeIs(1));
  EXPECT_EQ(runs_.lists[0].plan(), "p-1");
  EXPECT_EQ(runs_.lists[0].cluster(), "mine");
  EXPECT_TRUE(runs_.lists[0].open_only());
  EXPECT_EQ(runs_.lists[0].page_size(), 1);
}

TEST_F(RunsCommandTest, AnEmptyListSaysSo) {
  runs_.is_empty = true;
  EXPECT_THAT(RunLine("run list").err, HasSubstr("there is no such run"));
}

TEST_F(RunsCommandTest, ARunIsCreatedOfAPlanOrAJob) {
  EXPECT_EQ(RunLine("run create --plan p-1 --title mine -o name").out, "runs/r-12\n");
  EXPECT_EQ(RunLine("run create --job 7 --cluster mine --dry-run").code, kExitOk);
  ASSERT_THAT(runs_.creates, SizeIs(2));
  EXPECT_EQ(runs_.creates[0].run().plan(), "p-1");
  EXPECT_EQ(runs_.creates[0].run().title(), "mine");
  EXPECT_THAT(runs_.creates[0].run().jobs(), IsEmpty());
  EXPECT_EQ(runs_.creates[1].run().jobs(0).job_id(), "7");
  EXPECT_EQ(runs_.creates[1].run().jobs(0).cluster(), "mine");
  EXPECT_TRUE(runs_.creates[1].validate_only());
  EXPECT_EQ(RunLine("run create --job 7").code, kExitUsage);
}

TEST_F(RunsCommandTest, ARunIsFinishedNowOrAtATime) {
  EXPECT_EQ(RunLine("run finish r-12 --state succeeded").code, kExitOk);
  EXPECT_EQ(RunLine("run finish r-12 --state failed --time 2025-11-24T16:00:00Z").code, kExitOk);
  ASSERT_THAT(runs_.finishes, SizeIs(2));
  EXPECT_EQ(runs_.finishes[0].state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_FALSE(runs_.finishes[0].has_end_time());
  EXPECT_EQ(runs_.finishes[1].end_time().seconds(), kSubmit);
}

TEST_F(RunsCommandTest, AnEndThatIsNoneIsAMistakeThatAsksNobody) {
  EXPECT_EQ(RunLine("run finish r-12").code, kExitUsage);
  EXPECT_EQ(RunLine("run finish r-12 --state lost").code, kExitUsage);
  EXPECT_THAT(RunLine("run finish r-12 --state failed --time yesterday").err,
              HasSubstr("--time (end_time) must be a time as 2027-03-01T12:00:00Z"));
  EXPECT_THAT(runs_.finishes, IsEmpty());
}

TEST_F(RunsCommandTest, WhoMayNotFinishIsToldSo) {
  runs_.status = {grpc::StatusCode::PERMISSION_DENIED, "belongs to uid 4242"};
  const Outcome outcome = RunLine("run finish r-12 --state failed");
  EXPECT_EQ(outcome.code, kExitPermission);
  EXPECT_THAT(outcome.err, HasSubstr("belongs to uid 4242"));
}

TEST(RunSentenceTest, ASuccessIsFasterSlowerOrAsPlanned) {
  v1::Run run = NamedRun();
  AddJob(run, "123", v1::RUN_STATE_SUCCEEDED, 11520);
  Compare(run, "wall_seconds", 12000, 11520);
  EXPECT_EQ(RunSentence(run),
            "runs/r-12: job 123 on mine succeeded after 3 h 12 min on 16 H100-SXM5-80GB, 4% faster "
            "than planned.");
  run.mutable_comparisons(0)->set_ratio(1.25);
  EXPECT_THAT(RunSentence(run), HasSubstr(", 25% slower than planned."));
  run.mutable_comparisons(0)->set_ratio(1.001);
  EXPECT_THAT(RunSentence(run), HasSubstr(", as planned."));
}

TEST(RunSentenceTest, ASuccessFarFromItsPlanIsNoPercentFaster) {
  v1::Run run = NamedRun();
  AddJob(run, "123", v1::RUN_STATE_SUCCEEDED, 5);
  Compare(run, "wall_seconds", 86400, 5);
  EXPECT_EQ(RunSentence(run),
            "runs/r-12: job 123 on mine succeeded after 5 s of a planned 1 d on 16 "
            "H100-SXM5-80GB.");
}

TEST(RunSentenceTest, AChainNamesItsJobs) {
  v1::Run run = NamedRun();
  AddJob(run, "101", v1::RUN_STATE_TIMED_OUT, 3600);
  AddJob(run, "102", v1::RUN_STATE_PENDING, 0);
  EXPECT_EQ(RunSentence(run),
            "runs/r-12: jobs 101, 102 on mine wait after having run 1 h on 16 H100-SXM5-80GB.");
}

TEST(RunSentenceTest, AFailureNamesItsCodeOrSignal) {
  v1::Run run = NamedRun();
  v1::Job& job = *AddJob(run, "1", v1::RUN_STATE_FAILED, 41);
  job.set_exit_code(2);
  EXPECT_THAT(RunSentence(run), HasSubstr("job 1 on mine failed with exit code 2 after 41 s"));
  job.set_exit_signal(9);
  EXPECT_THAT(RunSentence(run), HasSubstr("failed by signal 9 after 41 s"));
}

TEST(RunSentenceTest, AJobThatNeverStartedSaysSo) {
  v1::Run run = NamedRun();
  AddJob(run, "1", v1::RUN_STATE_CANCELLED, 0);
  EXPECT_EQ(RunSentence(run),
            "runs/r-12: job 1 on mine was cancelled before it started for 16 H100-SXM5-80GB.");
}

TEST(RunSentenceTest, AJobOfWhichNobodyKnowsHowLongItRanDidStart) {
  v1::Run run = NamedRun();
  AddJob(run, "1", v1::RUN_STATE_LOST, 0)->mutable_start_time()->set_seconds(kSubmit + 60);
  EXPECT_EQ(RunSentence(run), "runs/r-12: job 1 on mine was lost sight of on 16 H100-SXM5-80GB.");
}

TEST(RunSentenceTest, ARunWithoutJobsHasItsTitle) {
  v1::Run run = NamedRun();
  run.set_state(v1::RUN_STATE_RUNNING);
  EXPECT_EQ(RunSentence(run), "runs/r-12: the run runs.");
  run.set_title("ablation 3");
  EXPECT_EQ(RunSentence(run), "runs/r-12: ablation 3 runs.");
}

}  // namespace
}  // namespace rhumb::cli
