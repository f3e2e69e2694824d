// SPDX-License-Identifier: Apache-2.0
// What launchers report of runs: stored once, in any order, read back, watched.
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/sample_messages.h"
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

v1::RunSample SampleOf(int64_t sequence) {
  v1::RunSample sample;
  sample.set_sequence(sequence);
  sample.mutable_sample_time()->set_seconds(NowSeconds() - 100000 + sequence * 10);
  sample.set_step(sequence * 10);
  sample.set_token_count(sequence * 10 * 4096);
  sample.set_loss_nats(4 - 0.001 * static_cast<double>(sequence));
  return sample;
}

class ProgressTest : public ServiceTest {
 protected:
  ProgressTest() {
    Connect();
    v1::CreateRunRequest request;
    request.mutable_run()->set_title("ladder");
    run_ = Ask(*runs_, &v1::RunService::Stub::CreateRun, request).response.name();
  }
  ~ProgressTest() override { runs_.reset(); }
  void Connect() { runs_ = v1::RunService::NewStub(server_->InProcessChannel()); }
  void RestartAndConnect() {
    runs_.reset();
    Restart();
    Connect();
  }

  v1::ReportProgressRequest Report(const std::vector<v1::RunSample>& samples,
                                   const std::string& attempt_id = "a") const {
    v1::ReportProgressRequest request;
    request.set_run(run_);
    request.set_attempt_id(attempt_id);
    for (const v1::RunSample& each : samples) *request.add_samples() = each;
    return request;
  }
  Answer<v1::ReportProgressResponse> Send(const std::vector<v1::ReportProgressRequest>& messages) {
    grpc::ClientContext context;
    Answer<v1::ReportProgressResponse> answer;
    const auto stream = runs_->ReportProgress(&context, &answer.response);
    for (const v1::ReportProgressRequest& each : messages) {
      if (!stream->Write(each)) break;
    }
    stream->WritesDone();
    answer.status = stream->Finish();
    return answer;
  }
  Answer<v1::ReportProgressResponse> Send(const std::vector<v1::RunSample>& samples,
                                          const std::string& attempt_id = "a") {
    return Send(std::vector<v1::ReportProgressRequest>{Report(samples, attempt_id)});
  }
  Answer<v1::ListRunSamplesResponse> Samples(int size = 0, const std::string& token = "") {
    v1::ListRunSamplesRequest request;
    request.set_name(run_);
    request.set_page_size(size);
    request.set_page_token(token);
    return Ask(*runs_, &v1::RunService::Stub::ListRunSamples, request);
  }
  std::vector<int64_t> Sequences() {
    std::vector<int64_t> sequences;
    const v1::ListRunSamplesResponse all = Samples(1000).response;
    for (const v1::RunSample& each : all.samples()) {
      sequences.push_back(each.sequence());
    }
    return sequences;
  }
  v1::Run Get() {
    v1::GetRunRequest request;
    request.set_name(run_);
    return Ask(*runs_, &v1::RunService::Stub::GetRun, request).response;
  }
  grpc::Status Finish(v1::RunState state = v1::RUN_STATE_SUCCEEDED) {
    v1::FinishRunRequest request;
    request.set_name(run_);
    request.set_state(state);
    return Ask(*runs_, &v1::RunService::Stub::FinishRun, request).status;
  }

  // Goes on with a run as `message` says.
  void Create(const v1::Run& message) {
    v1::CreateRunRequest request;
    *request.mutable_run() = message;
    const auto answer = Ask(*runs_, &v1::RunService::Stub::CreateRun, request);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    run_ = answer.response.name();
  }
  v1::Plan MakePlan() {
    v1::CreatePlanRequest request;
    v1::GpuPool& pool = *request.add_gpu_pools();
    pool.set_gpu_type("H100-SXM5-80GB");
    pool.set_count(16);
    request.set_deadline_seconds(86400);
    const auto plan = ServiceTest::Create(request);
    EXPECT_TRUE(plan.status.ok()) << plan.status.error_message();
    return plan.response;
  }

  std::unique_ptr<v1::RunService::Stub> runs_;
  std::string run_;
};

v1::RunSample WithoutTokens(int64_t sequence) {
  v1::RunSample sample = SampleOf(sequence);
  sample.clear_token_count();
  return sample;
}

TEST_F(ProgressTest, StepsHaveTheTokensThatTheRunsSettingsSay) {
  v1::Run run;
  run.mutable_settings()->set_global_batch_tokens(5000);
  Create(run);
  v1::RunSample sample = WithoutTokens(1);
  sample.set_step_seconds(2);
  ASSERT_TRUE(Send({sample, SampleOf(2)}).status.ok());
  const v1::ListRunSamplesResponse all = Samples().response;
  EXPECT_EQ(all.samples(0).token_count(), 10 * 5000);
  EXPECT_EQ(all.samples(0).tokens_per_second(), 2500);
  // What is said stays.
  EXPECT_EQ(all.samples(1).token_count(), 20 * 4096);
  EXPECT_FALSE(all.samples(1).has_tokens_per_second());
}

TEST_F(ProgressTest, StepsHaveTheTokensOfThePlanWhereTheRunDoesNotSay) {
  const v1::Plan plan = MakePlan();
  v1::Run run;
  run.set_plan(plan.name());
  Create(run);
  ASSERT_TRUE(Send({WithoutTokens(3)}).status.ok());
  EXPECT_EQ(Samples().response.samples(0).token_count(), 30 * plan.batch().global_batch_tokens());
}

TEST_F(ProgressTest, StepsWhoseTokensNobodySaysAreRefusedByField) {
  const auto answer = Send({SampleOf(1), WithoutTokens(2)});
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(ViolationsOf(answer.status),
              ElementsAre(Pair("samples[1].token_count", HasSubstr("global_batch_tokens"))));
  EXPECT_THAT(Sequences(), IsEmpty());
}

TEST_F(ProgressTest, StepsOfARunThatWasPlannedAnewHaveTheTokensOfItsPlan) {
  const v1::Plan plan = MakePlan();
  v1::Run run;
  run.set_plan(plan.name());
  Create(run);
  ASSERT_TRUE(Send({WithoutTokens(100)}).status.ok());
  v1::ReplanRunRequest replan;
  replan.set_name(run_);
  v1::GpuPool& pool = *replan.add_gpu_pools();
  pool.set_gpu_type("H100-SXM5-80GB");
  pool.set_count(8);
  replan.set_deadline_seconds(30 * 86400);
  const auto answer = Ask(*runs_, &v1::RunService::Stub::ReplanRun, replan);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  v1::RunSample later = WithoutTokens(101);
  later.mutable_sample_time()->set_seconds(NowSeconds() + 1);
  ASSERT_TRUE(Send({later}).status.ok());
  EXPECT_EQ(Samples().response.samples(1).token_count(),
            1000 * plan.batch().global_batch_tokens() +
                10 * answer.response.plan().batch().global_batch_tokens());
}

StoredSample StepAt(double seconds, int64_t step) {
  StoredSample stored;
  stored.sample.time_seconds = seconds;
  stored.sample.step = step;
  return stored;
}

TEST(CompleteTokensTest, AStepBeforeTheLastReplanHasTheTokensOfThePlanBefore) {
  const std::vector<StepStretch> stretches = {{.step_tokens = 10},
                                              {.since_ns = 1'000'000'000'000,
                                               .first_step = 100,
                                               .first_token_count = 1000,
                                               .step_tokens = 20}};
  // Before by its time, behind, and gone back to a checkpoint before.
  std::vector<StoredSample> samples = {StepAt(900, 110), StepAt(1100, 110), StepAt(1200, 90)};
  FieldViolations violations;
  CompleteTokens(stretches, samples, violations);
  EXPECT_TRUE(violations.empty());
  EXPECT_EQ(samples[0].sample.token_count, 1100);
  EXPECT_EQ(samples[1].sample.token_count, 1200);
  EXPECT_EQ(samples[2].sample.token_count, 900);
}

TEST(CompleteTokensTest, TokensBeyondAllCountingAreRefused) {
  std::vector<StoredSample> samples = {StepAt(1, int64_t{1} << 50)};
  FieldViolations violations;
  CompleteTokens({{.step_tokens = int64_t{1} << 40}}, samples, violations);
  EXPECT_TRUE(violations.Contains("samples[0].token_count"));
}

TEST_F(ProgressTest, StoresWhatIsReported) {
  const auto answer = Send({SampleOf(1), SampleOf(2)});
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.stored_count(), 2);
  EXPECT_EQ(answer.response.attempt(), 1);
  EXPECT_EQ(answer.response.state(), v1::RUN_STATE_RUNNING);
  EXPECT_THAT(Sequences(), ElementsAre(1, 2));
}

TEST_F(ProgressTest, AnswersTheNumbersOfASample) {
  v1::RunSample sample = SampleOf(1);
  sample.set_step_seconds(2.5);
  sample.set_peak_memory_bytes(7'000'000'000);
  sample.set_noise_scale_tokens(1e5);
  Send({sample});
  v1::RunSample expected = sample;
  expected.set_attempt(1);
  expected.set_sample_count(1);
  EXPECT_EQ(Samples().response.samples(0).ShortDebugString(), expected.ShortDebugString());
}

TEST_F(ProgressTest, StoresWhatIsRepeatedOnce) {
  Send({SampleOf(1), SampleOf(2)});
  const auto answer = Send({SampleOf(2), SampleOf(3), SampleOf(3)});
  EXPECT_EQ(answer.response.stored_count(), 1);
  EXPECT_EQ(answer.response.duplicate_count(), 2);
  EXPECT_THAT(Sequences(), ElementsAre(1, 2, 3));
}

TEST_F(ProgressTest, TakesSamplesInAnyOrder) {
  Send({SampleOf(3), SampleOf(1)});
  Send({SampleOf(2)});
  EXPECT_THAT(Sequences(), ElementsAre(1, 2, 3));
}

TEST_F(ProgressTest, CountsWhatCameInAllMessagesOfACall) {
  const auto answer = Send(std::vector<v1::ReportProgressRequest>{
      Report({SampleOf(1)}), Report({SampleOf(2)}), Report({SampleOf(2)})});
  EXPECT_EQ(answer.response.stored_count(), 2);
  EXPECT_EQ(answer.response.duplicate_count(), 1);
  EXPECT_EQ(answer.response.last_sequence(), 2);
}

TEST_F(ProgressTest, KeepsRunAndAttemptOfTheMessageBefore) {
  v1::ReportProgressRequest second;
  *second.add_samples() = SampleOf(2);
  const auto answer = Send(std::vector<v1::ReportProgressRequest>{Report({SampleOf(1)}), second});
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_THAT(Sequences(), ElementsAre(1, 2));
}

TEST_F(ProgressTest, NumbersAttemptsAsTheyAppear) {
  Send({SampleOf(1)}, "first");
  EXPECT_EQ(Send({SampleOf(1)}, "second").response.attempt(), 2);
  const v1::Run run = Get();
  ASSERT_EQ(run.attempts_size(), 2);
  EXPECT_EQ(run.attempts(1).attempt_id(), "second");
}

TEST_F(ProgressTest, ShowsTheLastSampleOfARun) {
  Send({SampleOf(1), SampleOf(5), SampleOf(2)});
  EXPECT_EQ(Get().last_sample().sequence(), 5);
}

TEST_F(ProgressTest, KeepsSamplesOverARestart) {
  Send({SampleOf(1)});
  RestartAndConnect();
  Send({SampleOf(1), SampleOf(2)});
  EXPECT_THAT(Sequences(), ElementsAre(1, 2));
}

TEST_F(ProgressTest, PagesThroughSamplesOfSeveralAttempts) {
  Send({SampleOf(1), SampleOf(2)}, "first");
  Send({SampleOf(1), SampleOf(2)}, "second");
  const auto first = Samples(3);
  ASSERT_EQ(first.response.samples_size(), 3);
  const auto second = Samples(3, first.response.next_page_token());
  ASSERT_EQ(second.response.samples_size(), 1);
  EXPECT_EQ(second.response.samples(0).attempt(), 2);
  EXPECT_EQ(second.response.samples(0).sequence(), 2);
  EXPECT_THAT(second.response.next_page_token(), IsEmpty());
}

TEST_F(ProgressTest, RefusesAForeignPageToken) {
  EXPECT_THAT(ViolationsOf(Samples(3, "nonsense").status), Contains(Key("page_token")));
}

TEST_F(ProgressTest, KnowsNoOtherRun) {
  run_ = "runs/r-nowhere";
  EXPECT_EQ(Send({SampleOf(1)}).status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Samples().status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ProgressTest, WantsARun) {
  v1::ReportProgressRequest report = Report({SampleOf(1)});
  report.clear_run();
  EXPECT_THAT(ViolationsOf(Send(std::vector<v1::ReportProgressRequest>{report}).status),
              ElementsAre(Pair("run", "is missing")));
}

TEST_F(ProgressTest, WantsAnAttempt) {
  EXPECT_THAT(ViolationsOf(Send({SampleOf(1)}, "").status),
              ElementsAre(Pair("attempt_id", "is missing")));
}

TEST_F(ProgressTest, RefusesAnAttemptWithStrangeLetters) {
  EXPECT_THAT(ViolationsOf(Send({SampleOf(1)}, "a b").status), Contains(Key("attempt_id")));
}

TEST_F(ProgressTest, WantsAMessage) {
  EXPECT_THAT(ViolationsOf(Send(std::vector<v1::ReportProgressRequest>{}).status),
              Contains(Key("run")));
}

TEST_F(ProgressTest, NamesEverythingThatIsWrongWithSamples) {
  v1::RunSample no_sequence = SampleOf(0);
  v1::RunSample bad = SampleOf(1);
  bad.set_loss_nats(std::numeric_limits<double>::quiet_NaN());
  bad.set_step_seconds(0);
  bad.set_peak_memory_bytes(-1);
  v1::RunSample no_time = SampleOf(2);
  no_time.clear_sample_time();
  const auto violations = ViolationsOf(Send({no_sequence, bad, no_time}).status);
  EXPECT_THAT(violations, Contains(Key("samples[0].sequence")));
  EXPECT_THAT(violations, Contains(Pair("samples[1].loss_nats", HasSubstr("finite"))));
  EXPECT_THAT(violations, Contains(Pair("samples[1].step_seconds", HasSubstr("positive"))));
  EXPECT_THAT(violations, Contains(Key("samples[1].peak_memory_bytes")));
  EXPECT_THAT(violations, Contains(Key("samples[2].sample_time")));
}

TEST_F(ProgressTest, StoresNothingOfAMessageWithAMistake) {
  v1::RunSample bad = SampleOf(2);
  bad.set_step(-1);
  Send({SampleOf(1), bad});
  EXPECT_THAT(Sequences(), IsEmpty());
}

TEST_F(ProgressTest, RefusesSamplesOfTheFuture) {
  v1::RunSample sample = SampleOf(1);
  sample.mutable_sample_time()->set_seconds(NowSeconds() + 3600);
  EXPECT_THAT(ViolationsOf(Send({sample}).status), Contains(Key("samples[0].sample_time")));
}

TEST_F(ProgressTest, RefusesTooManySamplesInOneMessage) {
  std::vector<v1::RunSample> samples(10001, SampleOf(1));
  EXPECT_THAT(ViolationsOf(Send(samples).status), Contains(Key("samples")));
}

TEST_F(ProgressTest, ARunMayHaveBegunAndEndedBeforeItWasCreated) {
  v1::CreateRunRequest request;
  request.mutable_run()->mutable_start_time()->set_seconds(NowSeconds() - 5000);
  run_ = Ask(*runs_, &v1::RunService::Stub::CreateRun, request).response.name();
  v1::FinishRunRequest finish;
  finish.set_name(run_);
  finish.set_state(v1::RUN_STATE_SUCCEEDED);
  finish.mutable_end_time()->set_seconds(NowSeconds() - 1000);
  const auto answer = Ask(*runs_, &v1::RunService::Stub::FinishRun, finish);
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.start_time().seconds(), request.run().start_time().seconds());
}

TEST_F(ProgressTest, ARunCannotBeginInTheFuture) {
  v1::CreateRunRequest request;
  request.mutable_run()->mutable_start_time()->set_seconds(NowSeconds() + 5000);
  EXPECT_THAT(ViolationsOf(Ask(*runs_, &v1::RunService::Stub::CreateRun, request).status),
              Contains(Key("run.start_time")));
}

TEST_F(ProgressTest, TakesLateSamplesOfARunThatHasEnded) {
  ASSERT_TRUE(Finish().ok());
  const auto answer = Send({SampleOf(1)});
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.response.state(), v1::RUN_STATE_SUCCEEDED);
}

class Watch {
 public:
  Watch(v1::RunService::Stub& runs, const std::string& run) {
    context_.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::WatchRunRequest request;
    request.set_name(run);
    reader_ = runs.WatchRun(&context_, request);
  }
  bool Read() { return reader_->Read(&message); }
  grpc::Status Finish() { return reader_->Finish(); }
  void Cancel() { context_.TryCancel(); }

  v1::WatchRunResponse message;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchRunResponse>> reader_;
};

TEST_F(ProgressTest, AWatcherSeesTheRunFirst) {
  Send({SampleOf(1)});
  Watch watch(*runs_, run_);
  ASSERT_TRUE(watch.Read());
  EXPECT_EQ(watch.message.run().name(), run_);
  EXPECT_EQ(watch.message.run().last_sample().sequence(), 1);
  watch.Cancel();
}

TEST_F(ProgressTest, AWatcherSeesNewSamples) {
  Watch watch(*runs_, run_);
  ASSERT_TRUE(watch.Read());
  Send({SampleOf(1), SampleOf(2)});
  ASSERT_TRUE(watch.Read());
  ASSERT_EQ(watch.message.samples_size(), 2);
  EXPECT_EQ(watch.message.samples(1).sequence(), 2);
  watch.Cancel();
}

TEST_F(ProgressTest, AWatcherSeesNothingTwice) {
  Watch watch(*runs_, run_);
  ASSERT_TRUE(watch.Read());
  Send({SampleOf(1)});
  ASSERT_TRUE(watch.Read());
  Send({SampleOf(1), SampleOf(2)});
  ASSERT_TRUE(watch.Read());
  ASSERT_EQ(watch.message.samples_size(), 1);
  EXPECT_EQ(watch.message.samples(0).sequence(), 2);
  watch.Cancel();
}

TEST_F(ProgressTest, AWatchEndsWithItsRun) {
  Watch watch(*runs_, run_);
  ASSERT_TRUE(watch.Read());
  ASSERT_TRUE(Finish().ok());
  ASSERT_TRUE(watch.Read());
  EXPECT_EQ(watch.message.run().state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_FALSE(watch.Read());
  EXPECT_TRUE(watch.Finish().ok());
}

TEST_F(ProgressTest, AWatchOfARunThatHasEndedShowsIt) {
  ASSERT_TRUE(Finish().ok());
  Watch watch(*runs_, run_);
  ASSERT_TRUE(watch.Read());
  EXPECT_FALSE(watch.Read());
  EXPECT_TRUE(watch.Finish().ok());
}

TEST_F(ProgressTest, AWatchOfNoRunIsNotFound) {
  Watch watch(*runs_, "runs/r-nowhere");
  EXPECT_FALSE(watch.Read());
  EXPECT_EQ(watch.Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ProgressTest, AWatchOfABadNameIsAViolation) {
  Watch watch(*runs_, "Not A Name");
  EXPECT_FALSE(watch.Read());
  EXPECT_THAT(ViolationsOf(watch.Finish()), Contains(Key("name")));
}

TEST_F(ProgressTest, AWatchEndsWithTheServer) {
  Watch watch(*runs_, run_);
  ASSERT_TRUE(watch.Read());
  std::thread drain([&] { server_->Drain(); });
  EXPECT_FALSE(watch.Read());
  EXPECT_EQ(watch.Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  drain.join();
}

}  // namespace
}  // namespace rhumb::daemon
