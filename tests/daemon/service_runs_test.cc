// SPDX-License-Identifier: Apache-2.0
// Runs: what agents tell of jobs, what launchers create and finish, and what is answered of them.
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

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
using ::testing::Pair;
using ::testing::SizeIs;

constexpr int64_t kSubmit = 1'764'000'000;
constexpr char kUuid[] = "7c4a8d09-ca37-4c62-9c1b-6f1f6c5d2a11";

v1::Job MakeJob(const std::string& id, v1::RunState state) {
  v1::Job job;
  job.set_job_id(id);
  job.set_state(state);
  job.set_owner_uid(4242);
  job.set_user_name("ada");
  job.set_gpu_type("h100-sxm5-80gb");
  job.set_gpu_count(16);
  job.set_node_count(2);
  job.mutable_submit_time()->set_seconds(kSubmit);
  job.set_time_limit_seconds(7200);
  if (state != v1::RUN_STATE_PENDING) job.mutable_start_time()->set_seconds(kSubmit + 60);
  if (state > v1::RUN_STATE_RUNNING) {
    job.mutable_end_time()->set_seconds(kSubmit + 60 + 3600);
    job.set_elapsed_seconds(3600);
    job.set_exit_code(state == v1::RUN_STATE_FAILED ? 2 : 0);
  }
  return job;
}

v1::SyncJobsRequest SyncRequest(const std::vector<v1::Job>& jobs, int64_t look = 1,
                                const std::string& cluster = "mine") {
  v1::SyncJobsRequest request;
  request.set_cluster(cluster);
  for (const v1::Job& job : jobs) *request.add_jobs() = job;
  request.mutable_observe_time()->set_seconds(kSubmit + 10000 + look);
  return request;
}

std::vector<std::string> CodesOf(const v1::Run& run) {
  std::vector<std::string> codes;
  for (const v1::Advice& advice : run.advice()) codes.push_back(advice.code());
  return codes;
}

const v1::RunComparison& ComparisonOf(const v1::Run& run, const std::string& quantity) {
  static const v1::RunComparison none;
  for (const v1::RunComparison& each : run.comparisons()) {
    if (each.quantity() == quantity) return each;
  }
  ADD_FAILURE() << "no " << quantity << " in " << run.ShortDebugString();
  return none;
}

class RunsTest : public ServiceTest {
 protected:
  RunsTest() { Connect(); }
  void Connect() { runs_ = v1::RunService::NewStub(server_->InProcessChannel()); }
  void RestartAndConnect() {
    runs_.reset();
    Restart();
    Connect();
  }
  Answer<v1::SyncJobsResponse> Sync(const v1::SyncJobsRequest& request) {
    return Ask(*runs_, &v1::RunService::Stub::SyncJobs, request);
  }
  Answer<v1::Run> Get(const std::string& job_id, const std::string& cluster = "") {
    v1::GetRunRequest request;
    request.set_job_id(job_id);
    request.set_cluster(cluster);
    return Ask(*runs_, &v1::RunService::Stub::GetRun, request);
  }
  Answer<v1::Run> GetByName(const std::string& name) {
    v1::GetRunRequest request;
    request.set_name(name);
    return Ask(*runs_, &v1::RunService::Stub::GetRun, request);
  }
  Answer<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request = {}) {
    return Ask(*runs_, &v1::RunService::Stub::ListRuns, request);
  }
  Answer<v1::Run> CreateRun(const v1::CreateRunRequest& request) {
    return Ask(*runs_, &v1::RunService::Stub::CreateRun, request);
  }
  Answer<v1::Run> CreateBare(const std::string& title = "") {
    v1::CreateRunRequest request;
    request.mutable_run()->set_title(title);
    return CreateRun(request);
  }
  Answer<v1::Run> Finish(const std::string& name, v1::RunState state, int64_t end_seconds = 0) {
    v1::FinishRunRequest request;
    request.set_name(name);
    request.set_state(state);
    if (end_seconds != 0) request.mutable_end_time()->set_seconds(end_seconds);
    return Ask(*runs_, &v1::RunService::Stub::FinishRun, request);
  }
  v1::Plan MakePlan() {
    v1::CreatePlanRequest request;
    v1::GpuPool& pool = *request.add_gpu_pools();
    pool.set_gpu_type("H100-SXM5-80GB");
    pool.set_count(16);
    request.set_deadline_seconds(86400);
    const auto plan = Create(request);
    EXPECT_TRUE(plan.status.ok()) << plan.status.error_message();
    return plan.response;
  }

  std::unique_ptr<v1::RunService::Stub> runs_;
};

// As an agent tells it that was started anew and knows the job from open_jobs alone.
TEST_F(RunsTest, ALostJobKeepsItsOwnerAndItsChain) {
  v1::Job job = MakeJob("124", v1::RUN_STATE_RUNNING);
  job.set_chain_job_id("123");
  Sync(SyncRequest({job}));
  v1::Job lost;
  lost.set_job_id("124");
  lost.set_state(v1::RUN_STATE_LOST);
  *lost.mutable_submit_time() = job.submit_time();
  Sync(SyncRequest({lost}, 2));
  const v1::Run run = Get("124").response;
  ASSERT_THAT(run.jobs(), SizeIs(1));
  EXPECT_EQ(run.jobs(0).state(), v1::RUN_STATE_LOST);
  EXPECT_EQ(run.jobs(0).owner_uid(), 4242);
  EXPECT_EQ(run.jobs(0).chain_job_id(), "123");
}

TEST_F(RunsTest, AJobIsARunThatSurvivesARestart) {
  const auto synced = Sync(SyncRequest({MakeJob("123", v1::RUN_STATE_RUNNING)}));
  ASSERT_TRUE(synced.status.ok()) << synced.status.error_message();
  EXPECT_EQ(synced.response.changed_job_count(), 1);
  RestartAndConnect();
  const auto run = Get("123");
  ASSERT_TRUE(run.status.ok()) << run.status.error_message();
  EXPECT_EQ(run.response.state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(run.response.owner_uid(), 4242);
  EXPECT_EQ(run.response.start_time().seconds(), kSubmit + 60);
  ASSERT_THAT(run.response.jobs(), SizeIs(1));
  EXPECT_EQ(run.response.jobs(0).cluster(), "clusters/mine");
  EXPECT_EQ(run.response.jobs(0).gpu_type(), "H100-SXM5-80GB");
  EXPECT_GT(run.response.jobs(0).elapsed_seconds(), 0);
  EXPECT_EQ(GetByName(run.response.name()).response.jobs(0).job_id(), "123");
}

TEST_F(RunsTest, ElementsOfAnArrayAreRunsOfTheirOwn) {
  Sync(SyncRequest(
      {MakeJob("120_3", v1::RUN_STATE_RUNNING), MakeJob("120_4", v1::RUN_STATE_FAILED)}));
  EXPECT_EQ(Get("120_3").response.state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(Get("120_4").response.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(ReasonOf(Get("120").status), "RUN_NOT_FOUND");
}

TEST_F(RunsTest, AJobThatWasQueuedAgainIsAnAttemptOfItsRun) {
  Sync(SyncRequest({MakeJob("5", v1::RUN_STATE_RUNNING)}, 1));
  v1::Job ended = MakeJob("5", v1::RUN_STATE_INTERRUPTED);
  v1::Job again = MakeJob("5", v1::RUN_STATE_RUNNING);
  again.mutable_submit_time()->set_seconds(kSubmit + 4000);
  again.mutable_start_time()->set_seconds(kSubmit + 4100);
  again.set_chain_job_id("5");
  Sync(SyncRequest({ended, again}, 800));
  const auto run = Get("5");
  ASSERT_THAT(run.response.jobs(), SizeIs(2));
  EXPECT_EQ(run.response.jobs(0).state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_EQ(run.response.state(), v1::RUN_STATE_RUNNING);
}

TEST_F(RunsTest, OpenJobsThatWereNotMentionedAreAskedFor) {
  Sync(SyncRequest({MakeJob("1", v1::RUN_STATE_RUNNING), MakeJob("2", v1::RUN_STATE_FAILED)}));
  const auto later = Sync(SyncRequest({MakeJob("3", v1::RUN_STATE_PENDING)}, 2));
  ASSERT_THAT(later.response.open_jobs(), SizeIs(1));
  const v1::Job& open = later.response.open_jobs(0);
  EXPECT_EQ(open.cluster(), "clusters/mine");
  EXPECT_EQ(open.job_id(), "1");
  EXPECT_EQ(open.state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(open.submit_time().seconds(), kSubmit);
}

TEST_F(RunsTest, AJobThatARunWasCreatedForIsAskedForUntilItIsTold) {
  v1::CreateRunRequest create;
  v1::Job& expected = *create.mutable_run()->add_jobs();
  expected.set_cluster("mine");
  expected.set_job_id("77");
  ASSERT_TRUE(CreateRun(create).status.ok());
  const auto first = Sync(SyncRequest({}, 1));
  ASSERT_THAT(first.response.open_jobs(), SizeIs(1));
  EXPECT_EQ(first.response.open_jobs(0).job_id(), "77");
  EXPECT_FALSE(first.response.open_jobs(0).has_submit_time());
  v1::Job told = MakeJob("77", v1::RUN_STATE_RUNNING);
  told.clear_plan();
  EXPECT_THAT(Sync(SyncRequest({told}, 2)).response.open_jobs(), IsEmpty());
  EXPECT_EQ(Get("77").response.state(), v1::RUN_STATE_RUNNING);
}

TEST_F(RunsTest, AJobThatOnlyRunsOnHasNotChanged) {
  v1::Job job = MakeJob("1", v1::RUN_STATE_RUNNING);
  job.set_elapsed_seconds(10);
  Sync(SyncRequest({job}, 1));
  job.set_elapsed_seconds(40);
  EXPECT_EQ(Sync(SyncRequest({job}, 2)).response.changed_job_count(), 0);
}

TEST_F(RunsTest, MemoryThatAccountingTellsLaterIsAdded) {
  v1::Job job = MakeJob("1", v1::RUN_STATE_FAILED);
  Sync(SyncRequest({job}, 1));
  job.set_max_rss_bytes(67420 * 1024);
  job.set_state(v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(Sync(SyncRequest({job}, 2)).response.changed_job_count(), 1);
  const auto run = Get("1");
  EXPECT_EQ(run.response.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(run.response.jobs(0).max_rss_bytes(), 67420 * 1024);
}

TEST_F(RunsTest, EveryBadFieldOfNewsIsNamedAtOnce) {
  v1::Job bad = MakeJob("", v1::RUN_STATE_UNSPECIFIED);
  bad.clear_submit_time();
  bad.clear_start_time();
  bad.set_cluster("clusters/other");
  bad.set_plan("not a plan");
  bad.set_gpu_count(-1);
  v1::Job waiting = MakeJob("2", v1::RUN_STATE_PENDING);
  waiting.mutable_start_time()->set_seconds(kSubmit + 10);
  waiting.mutable_end_time()->set_seconds(kSubmit + 20);
  v1::SyncJobsRequest request = SyncRequest(
      {bad, waiting, MakeJob("3", v1::RUN_STATE_FAILED), MakeJob("3", v1::RUN_STATE_FAILED)});
  request.clear_observe_time();
  const auto violations = ViolationsOf(Sync(request).status);
  for (const char* field :
       {"jobs[0].job_id", "jobs[0].state", "jobs[0].submit_time", "jobs[0].cluster", "jobs[0].plan",
        "jobs[0].gpu_count", "jobs[1].start_time", "jobs[1].end_time", "jobs[3].job_id",
        "observe_time"}) {
    EXPECT_THAT(violations, Contains(Key(field)));
  }
  EXPECT_THAT(violations, SizeIs(10));
  EXPECT_THAT(ListRuns().response.runs(), IsEmpty());
}

TEST_F(RunsTest, NewsThatAreOnlyCheckedStoreNothing) {
  v1::SyncJobsRequest request = SyncRequest({MakeJob("1", v1::RUN_STATE_RUNNING)});
  request.set_validate_only(true);
  EXPECT_EQ(Sync(request).response.changed_job_count(), 1);
  EXPECT_EQ(ReasonOf(Get("1").status), "RUN_NOT_FOUND");
}

TEST_F(RunsTest, ALongListOfNodesIsKept) {
  v1::Job job = MakeJob("1", v1::RUN_STATE_RUNNING);
  job.set_node_list("n" + std::string(5000, '1'));
  ASSERT_TRUE(Sync(SyncRequest({job})).status.ok());
  EXPECT_EQ(Get("1").response.jobs(0).node_list().size(), 5001u);
}

TEST_F(RunsTest, AJobIdOfSeveralClustersMustSayWhich) {
  Sync(SyncRequest({MakeJob("1", v1::RUN_STATE_RUNNING)}));
  Sync(SyncRequest({MakeJob("1", v1::RUN_STATE_FAILED)}, 1, "clusters/other"));
  const auto ambiguous = Get("1");
  EXPECT_EQ(ambiguous.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(ViolationsOf(ambiguous.status),
              ElementsAre(Pair("cluster", HasSubstr("clusters/mine, clusters/other"))));
  EXPECT_EQ(Get("1", "other").response.state(), v1::RUN_STATE_FAILED);
}

TEST_F(RunsTest, NameAndJobExcludeEachOther) {
  EXPECT_THAT(ViolationsOf(Get("").status), Contains(Key("name")));
  v1::GetRunRequest request;
  request.set_name("r-1");
  request.set_cluster("mine");
  EXPECT_THAT(ViolationsOf(Ask(*runs_, &v1::RunService::Stub::GetRun, request).status),
              Contains(Key("cluster")));
}

TEST_F(RunsTest, PlannedNumbersStandBesideWhatHappened) {
  const v1::Plan plan = MakePlan();
  v1::Job job = MakeJob("1", v1::RUN_STATE_TIMED_OUT);
  job.set_plan(plan.name());
  job.set_gpu_count(8);
  Sync(SyncRequest({job}));
  const v1::Run run = Get("1").response;
  EXPECT_EQ(run.plan(), plan.name());
  const v1::RunComparison& wall = ComparisonOf(run, "wall_seconds");
  EXPECT_EQ(wall.planned(), plan.time().wall_seconds());
  EXPECT_EQ(wall.actual(), 3600);
  EXPECT_NEAR(wall.ratio(), 3600 / plan.time().wall_seconds(), 1e-12);
  EXPECT_EQ(ComparisonOf(run, "gpu_hours").actual(), 8);
  EXPECT_NEAR(ComparisonOf(run, "total_usd").actual(),
              8 * plan.cost().total_usd() / plan.cost().gpu_hours(), 1e-9);
  EXPECT_EQ(ComparisonOf(run, "gpu_count").planned(), plan.allocation().gpu_count());
  EXPECT_THAT(CodesOf(run), ElementsAre("TIMED_OUT", "FEWER_GPUS"));
  EXPECT_THAT(run.advice(0).directive(), HasSubstr("#SBATCH --time="));
}

TEST_F(RunsTest, APlanThatIsGoneIsSaid) {
  v1::Job job = MakeJob("1", v1::RUN_STATE_FAILED);
  job.set_plan("plans/p-gone");
  Sync(SyncRequest({job}));
  const v1::Run run = Get("1").response;
  EXPECT_THAT(run.comparisons(), IsEmpty());
  EXPECT_THAT(CodesOf(run), ElementsAre("FAILED", "PLAN_NOT_FOUND"));
}

TEST_F(RunsTest, ListsShowComparisonsInFullAlone) {
  v1::Job job = MakeJob("1", v1::RUN_STATE_FAILED);
  job.set_plan(MakePlan().name());
  Sync(SyncRequest({job, MakeJob("2", v1::RUN_STATE_RUNNING)}));
  v1::ListRunsRequest request;
  request.set_plan(job.plan());
  auto listed = ListRuns(request);
  ASSERT_THAT(listed.response.runs(), SizeIs(1));
  EXPECT_THAT(listed.response.runs(0).jobs(), SizeIs(1));
  EXPECT_THAT(listed.response.runs(0).comparisons(), IsEmpty());
  request.set_view(v1::PLAN_VIEW_FULL);
  EXPECT_THAT(ListRuns(request).response.runs(0).comparisons(), SizeIs(5));
  request.Clear();
  request.set_open_only(true);
  request.set_cluster("mine");
  ASSERT_THAT(ListRuns(request).response.runs(), SizeIs(1));
  EXPECT_EQ(ListRuns(request).response.runs(0).jobs(0).job_id(), "2");
}

TEST_F(RunsTest, PagesHoldEveryRunOnce) {
  std::vector<v1::Job> jobs;
  for (int i = 0; i < 7; ++i) jobs.push_back(MakeJob(std::to_string(i), v1::RUN_STATE_RUNNING));
  Sync(SyncRequest(jobs));
  std::set<std::string> names;
  v1::ListRunsRequest request;
  request.set_page_size(3);
  do {
    const auto page = ListRuns(request);
    ASSERT_TRUE(page.status.ok());
    for (const v1::Run& run : page.response.runs()) EXPECT_TRUE(names.insert(run.name()).second);
    request.set_page_token(page.response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(names, SizeIs(7));
  request.set_page_size(-1);
  EXPECT_THAT(ViolationsOf(ListRuns(request).status), Contains(Key("page_size")));
}

TEST_F(RunsTest, ARunWithoutASchedulerRunsUntilItIsFinished) {
  const v1::Run run = CreateBare("by hand").response;
  EXPECT_EQ(run.state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(run.title(), "by hand");
  const auto finished = Finish(run.name(), v1::RUN_STATE_SUCCEEDED);
  ASSERT_TRUE(finished.status.ok()) << finished.status.error_message();
  EXPECT_EQ(finished.response.state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_TRUE(finished.response.has_end_time());
  const auto again = Finish(run.name(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(again.response.end_time().seconds(), finished.response.end_time().seconds());
  EXPECT_EQ(ReasonOf(Finish(run.name(), v1::RUN_STATE_FAILED).status), "RUN_HAS_ENDED");
}

TEST_F(RunsTest, AnEndMustBeOneThatALauncherCanSee) {
  const v1::Run run = CreateBare().response;
  EXPECT_THAT(ViolationsOf(Finish(run.name(), v1::RUN_STATE_LOST).status), Contains(Key("state")));
  EXPECT_THAT(ViolationsOf(Finish(run.name(), v1::RUN_STATE_FAILED, kSubmit).status),
              Contains(Key("end_time")));
  EXPECT_THAT(ViolationsOf(Finish(run.name(), v1::RUN_STATE_FAILED, 8'000'000'000).status),
              Contains(Key("end_time")));
  EXPECT_EQ(ReasonOf(Finish("runs/r-none", v1::RUN_STATE_FAILED).status), "RUN_NOT_FOUND");
}

TEST_F(RunsTest, ARunWithJobsEndsAsItsSchedulerSays) {
  Sync(SyncRequest({MakeJob("1", v1::RUN_STATE_RUNNING)}));
  const auto finished = Finish(Get("1").response.name(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(finished.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(finished.status), "RUN_HAS_JOBS");
}

TEST_F(RunsTest, ARunOfAJobIsMadeOnceWhoeverIsFirst) {
  v1::CreateRunRequest request;
  v1::Job& job = *request.mutable_run()->add_jobs();
  job.set_cluster("mine");
  job.set_job_id("9");
  request.mutable_run()->set_title("mine");
  const v1::Run early = CreateRun(request).response;
  EXPECT_EQ(Get("9").response.name(), early.name());
  Sync(SyncRequest({MakeJob("9", v1::RUN_STATE_RUNNING)}));
  EXPECT_EQ(Get("9").response.name(), early.name());
  EXPECT_EQ(CreateRun(request).response.name(), early.name());
  EXPECT_THAT(ListRuns().response.runs(), SizeIs(1));
}

TEST_F(RunsTest, AKnownRunOfAnotherPlanIsNotAnswered) {
  v1::Job job = MakeJob("9", v1::RUN_STATE_RUNNING);
  job.set_plan("plans/p-other");
  Sync(SyncRequest({job}));
  v1::CreateRunRequest request;
  request.mutable_run()->set_plan(MakePlan().name());
  request.mutable_run()->add_jobs()->set_cluster("mine");
  request.mutable_run()->mutable_jobs(0)->set_job_id("9");
  const auto created = CreateRun(request);
  EXPECT_EQ(created.status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(ReasonOf(created.status), "RUN_HAS_OTHER_PLAN");
}

TEST_F(RunsTest, ARepeatedRequestIsOneRun) {
  v1::CreateRunRequest request;
  request.mutable_run()->set_title("once");
  request.set_request_id(kUuid);
  const auto first = CreateRun(request);
  EXPECT_EQ(CreateRun(request).response.name(), first.response.name());
  EXPECT_THAT(ListRuns().response.runs(), SizeIs(1));
  request.mutable_run()->set_title("another");
  EXPECT_EQ(CreateRun(request).status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(RunsTest, ARequestThatDatesTheBeginOtherwiseIsTheSame) {
  v1::CreateRunRequest request;
  request.mutable_run()->mutable_start_time()->set_seconds(kSubmit);
  request.set_request_id(kUuid);
  const v1::Run first = CreateRun(request).response;
  EXPECT_EQ(first.start_time().seconds(), kSubmit);
  request.mutable_run()->mutable_start_time()->set_seconds(kSubmit + 7);
  const auto again = CreateRun(request);
  ASSERT_TRUE(again.status.ok()) << again.status.error_message();
  EXPECT_EQ(again.response.name(), first.name());
  EXPECT_EQ(again.response.start_time().seconds(), kSubmit);
}

TEST_F(RunsTest, AGpuTypeThatNobodyKnowsIsRefusedWithTheNearest) {
  v1::CreateRunRequest request;
  request.mutable_run()->mutable_settings()->set_gpu_type("H1000");
  EXPECT_THAT(ViolationsOf(CreateRun(request).status),
              Contains(Pair("run.settings.gpu_type", HasSubstr("nearest: H100"))));
  request.mutable_run()->mutable_settings()->set_gpu_type("h100-sxm5-80gb");
  EXPECT_TRUE(CreateRun(request).status.ok());
}

TEST_F(RunsTest, AGpuTypeThatIsRefusedIsRefusedOfARepeatedRequestToo) {
  v1::CreateRunRequest request;
  request.set_request_id("7c4a8d09-ca37-4c62-9c1b-6f1f6c5d2a12");
  v1::CreateRunRequest refused = request;
  refused.mutable_run()->mutable_settings()->set_gpu_type("H1000");
  const auto create = [&](const v1::CreateRunRequest& each) {
    return CreateRun(each).status.error_code();
  };
  EXPECT_EQ(create(refused), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(create(request), grpc::StatusCode::OK);
  EXPECT_EQ(create(refused), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(RunsTest, ARunThatWasCreatedAfterItsFirstSampleMayEndBeforeItsCreation) {
  const std::string name = CreateBare().response.name();
  v1::ReportProgressRequest report;
  report.set_run(name);
  report.set_attempt_id("a");
  for (int64_t i = 1; i <= 2; ++i) {
    v1::RunSample& sample = *report.add_samples();
    sample.set_sequence(i);
    sample.set_step(i);
    sample.set_token_count(i * 1000);
    sample.mutable_sample_time()->set_seconds(kSubmit + 100 * i);
  }
  grpc::ClientContext context;
  v1::ReportProgressResponse response;
  const auto stream = runs_->ReportProgress(&context, &response);
  stream->Write(report);
  stream->WritesDone();
  ASSERT_TRUE(stream->Finish().ok());
  EXPECT_THAT(ViolationsOf(Finish(name, v1::RUN_STATE_SUCCEEDED, kSubmit + 50).status),
              Contains(Key("end_time")));
  const auto finished = Finish(name, v1::RUN_STATE_SUCCEEDED, kSubmit + 200);
  ASSERT_TRUE(finished.status.ok()) << finished.status.error_message();
  EXPECT_EQ(finished.response.start_time().seconds(), kSubmit + 100);
  EXPECT_EQ(finished.response.end_time().seconds(), kSubmit + 200);
}

TEST_F(RunsTest, ARunThatIsOnlyCheckedIsNotStored) {
  v1::CreateRunRequest request;
  request.set_validate_only(true);
  EXPECT_TRUE(CreateRun(request).status.ok());
  request.mutable_run()->set_plan("plans/p-none");
  EXPECT_EQ(ReasonOf(CreateRun(request).status), "PLAN_NOT_FOUND");
  request.mutable_run()->set_plan("no plan at all");
  request.mutable_run()->add_jobs();
  request.mutable_run()->add_jobs();
  EXPECT_THAT(ViolationsOf(CreateRun(request).status), Contains(Key("run.plan")));
  EXPECT_THAT(ViolationsOf(CreateRun(request).status), Contains(Key("run.jobs")));
  EXPECT_THAT(ListRuns().response.runs(), IsEmpty());
}

}  // namespace
}  // namespace rhumb::daemon
