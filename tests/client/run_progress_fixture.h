// SPDX-License-Identifier: Apache-2.0
// The commands that show and feed runs, before a scripted service.
#ifndef RHUMB_TESTS_CLIENT_RUN_PROGRESS_FIXTURE_H_
#define RHUMB_TESTS_CLIENT_RUN_PROGRESS_FIXTURE_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/run.h"
#include "gtest/gtest.h"
#include "rhumb/v1/run_service.grpc.pb.h"

namespace rhumb::cli {

inline constexpr int64_t kStart = 1'764'000'000;  // 2025-11-24T16:00:00Z

inline v1::RunSample Sample(int64_t sequence, double loss) {
  v1::RunSample sample;
  sample.set_sequence(sequence);
  sample.set_step(sequence * 10);
  sample.set_token_count(sequence * 1000);
  sample.set_loss_nats(loss);
  sample.set_attempt(1);
  sample.set_sample_count(1);
  sample.mutable_sample_time()->set_seconds(kStart + sequence);
  return sample;
}

inline v1::DriftAlarm Alarm(v1::DriftKind kind, bool is_open) {
  v1::DriftAlarm alarm;
  alarm.set_kind(kind);
  alarm.set_code("SLOWER");
  alarm.set_text("Steps take longer than before.");
  alarm.set_directive("nvidia-smi -q -d PERFORMANCE");
  alarm.set_since_step(1200);
  alarm.mutable_since_time()->set_seconds(kStart);
  alarm.set_magnitude(0.87);
  alarm.set_magnitude_unit("ratio");
  if (!is_open) alarm.mutable_clear_time()->set_seconds(kStart + 60);
  return alarm;
}

// Keeps samples as the daemon does: one a run, attempt and sequence. Runs are known by request_id.
class FakeRuns final : public v1::RunService::Service {
 public:
  grpc::Status CreateRun(grpc::ServerContext*, const v1::CreateRunRequest* request,
                         v1::Run* response) override {
    creates.push_back(*request);
    const auto [known, is_new] = names.emplace(request->request_id(), names.size() + 1);
    *response = request->run();
    response->set_name(absl::StrCat("runs/r-", known->second));
    return status;
  }
  grpc::Status GetRun(grpc::ServerContext*, const v1::GetRunRequest*, v1::Run* response) override {
    *response = run;
    return status;
  }
  grpc::Status ListRuns(grpc::ServerContext*, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override {
    lists.push_back(*request);
    *response->add_runs() = run;
    return status;
  }
  grpc::Status FinishRun(grpc::ServerContext*, const v1::FinishRunRequest* request,
                         v1::Run* response) override {
    finishes.push_back(*request);
    *response = run;
    return refused_finishes.empty() ? status : Next(refused_finishes);
  }
  grpc::Status ReportProgress(grpc::ServerContext*,
                              grpc::ServerReader<v1::ReportProgressRequest>* reader,
                              v1::ReportProgressResponse* response) override {
    ++report_count;
    v1::ReportProgressRequest message, first;
    std::vector<v1::RunSample> told;
    while (reader->Read(&message)) {
      if (first.run().empty()) first = message;
      told.insert(told.end(), message.samples().begin(), message.samples().end());
    }
    if (!status.ok()) return status;
    for (const v1::RunSample& sample : told) {
      if (sample.step() == refused_step) {
        return {grpc::StatusCode::INVALID_ARGUMENT, "step: is not wanted"};
      }
    }
    for (const v1::RunSample& sample : told) {
      const std::string key =
          absl::StrCat(first.run(), " ", first.attempt_id(), " ", sample.sequence());
      if (stored.emplace(key, sample).second) {
        response->set_stored_count(response->stored_count() + 1);
      } else {
        response->set_duplicate_count(response->duplicate_count() + 1);
      }
    }
    response->set_state(v1::RUN_STATE_RUNNING);
    return grpc::Status::OK;
  }
  grpc::Status ListRunSamples(grpc::ServerContext*, const v1::ListRunSamplesRequest* request,
                              v1::ListRunSamplesResponse* response) override {
    if (!status.ok()) return status;
    // Two a page, whatever was asked for.
    size_t begin = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    for (size_t i = begin; i < samples.size() && i < begin + 2; ++i) {
      *response->add_samples() = samples[i];
    }
    if (begin + 2 < samples.size()) response->set_next_page_token(absl::StrCat(begin + 2));
    return grpc::Status::OK;
  }
  grpc::Status WatchRun(grpc::ServerContext*, const v1::WatchRunRequest*,
                        grpc::ServerWriter<v1::WatchRunResponse>* writer) override {
    if (!status.ok()) return status;
    const size_t call = watch_count++;
    if (call >= watches.size()) return {grpc::StatusCode::UNAVAILABLE, "gone"};
    for (const v1::WatchRunResponse& message : watches[call]) writer->Write(message);
    return call + 1 < watches.size() || is_last_watch_torn ? tear : grpc::Status::OK;
  }
  grpc::Status CompareRun(grpc::ServerContext*, const v1::CompareRunRequest* request,
                          v1::CompareRunResponse* response) override {
    compares.push_back(*request);
    *response = comparison;
    return status;
  }
  grpc::Status GetAccuracyReport(grpc::ServerContext*, const v1::GetAccuracyReportRequest* request,
                                 v1::AccuracyReport* response) override {
    accuracies.push_back(*request);
    *response = accuracy;
    return status;
  }

  // The first of `statuses`, which it is no more.
  static grpc::Status Next(std::vector<grpc::Status>& statuses) {
    const grpc::Status first = statuses.front();
    statuses.erase(statuses.begin());
    return first;
  }

  v1::Run run;
  grpc::Status status;
  std::vector<grpc::Status> refused_finishes;  // of the first calls
  std::vector<v1::CreateRunRequest> creates;
  std::map<std::string, size_t> names;
  std::vector<v1::ListRunsRequest> lists;
  std::vector<v1::FinishRunRequest> finishes;
  std::map<std::string, v1::RunSample> stored;
  int64_t refused_step = -1;
  int report_count = 0;
  std::vector<v1::RunSample> samples;
  std::vector<std::vector<v1::WatchRunResponse>> watches;  // of each call
  size_t watch_count = 0;
  grpc::Status tear = {grpc::StatusCode::UNAVAILABLE, "draining"};  // ends all watches but the last
  bool is_last_watch_torn = false;  // by the daemon, which then stays away
  v1::CompareRunResponse comparison;
  std::vector<v1::CompareRunRequest> compares;
  v1::AccuracyReport accuracy;
  std::vector<v1::GetAccuracyReportRequest> accuracies;
};

struct Outcome {
  int code = 0;
  std::string out, err;
};

class RunProgressCommandsTest : public ::testing::Test {
 protected:
  RunProgressCommandsTest() {
    folder_ = std::filesystem::temp_directory_path() / absl::StrCat("rhumb-runs-", getpid());
    std::filesystem::create_directories(folder_);
    service_.run.set_name("runs/r-12");
    service_.run.set_state(v1::RUN_STATE_RUNNING);
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~RunProgressCommandsTest() override { std::filesystem::remove_all(folder_); }

  Outcome RunLine(absl::string_view line) {
    std::ostringstream out, err;
    Context context;
    context.out = &out;
    context.err = &err;
    context.out_terminal.width = 160;
    context.now_unix_seconds = kStart;
    context.open_home = [this](const Invocation& asked, Context&) -> absl::StatusOr<Home> {
      may_be_local_ = !asked.Has("no-local");
      if (is_away_) return absl::UnavailableError("no daemon");
      Home home;
      home.client =
          std::make_unique<client::Client>(server_->InProcessChannel(grpc::ChannelArguments()),
                                           client::ClientOptions{.max_attempts = 1});
      return home;
    };
    const int code = rhumb::cli::Run(
        std::vector<std::string>(absl::StrSplit(line, ' ', absl::SkipEmpty())), context);
    return {code, out.str(), err.str()};
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    std::ofstream(path) << text;
    return path;
  }

  FakeRuns service_;
  std::unique_ptr<grpc::Server> server_;
  std::filesystem::path folder_;
  bool is_away_ = false;
  bool may_be_local_ = false;  // the command last run would have been answered without a daemon
};

}  // namespace rhumb::cli

#endif  // RHUMB_TESTS_CLIENT_RUN_PROGRESS_FIXTURE_H_
