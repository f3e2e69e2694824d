// SPDX-License-Identifier: Apache-2.0
// A run of a plan, told sample by sample to a server on a temporary database.
#ifndef RHUMB_TESTS_DAEMON_TRACKING_FIXTURE_H_
#define RHUMB_TESTS_DAEMON_TRACKING_FIXTURE_H_

#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/store/database.h"
#include "daemon/store/store.h"
#include "gtest/gtest.h"
#include "rhumb/v1/run_service.grpc.pb.h"
#include "tests/daemon/service_fixture.h"

namespace rhumb::daemon {

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
  // For twenty seconds at most.
  std::unique_ptr<grpc::ClientReader<v1::WatchRunResponse>> Watch(const std::string& run,
                                                                  grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::WatchRunRequest request;
    request.set_name(run);
    return runs_->WatchRun(&context, request);
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

}  // namespace rhumb::daemon

#endif  // RHUMB_TESTS_DAEMON_TRACKING_FIXTURE_H_
