// SPDX-License-Identifier: Apache-2.0
// What runs cost those who plan: latencies of unary calls to an idle rhumbd, while samples come in
// at a given rate, and while thousands of streams are open. rhumbd is a process of its own; figures
// are ratios to its idle ones of the same run.
//   usage: rhumb_run_load RHUMBD [SAMPLES_PER_SECOND [STREAMS [SECONDS]]]
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "rhumb/v1/run_service.grpc.pb.h"

namespace rhumb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRunCount = 1000;
constexpr int kBatchSize = 100;
constexpr int kSenderCount = 4;
constexpr double kPlansPerSecond = 20;

void Require(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "rhumb_run_load: %s: %s\n", what, status.error_message().c_str());
  std::exit(1);
}

// rhumbd on a folder of its own, gone with this.
class Daemon {
 public:
  explicit Daemon(const char* program) {
    std::string pattern = (std::filesystem::temp_directory_path() / "rhumb-load-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::exit(1);
    directory_ = pattern;
    const std::string database = directory_ + "/rhumb.db";
    child_ = fork();
    if (child_ == 0) {
      execl(program, program, "--database", database.c_str(), "--socket", socket().c_str(),
            "--log-level", "warning", nullptr);
      _exit(127);
    }
    const auto channel = Channel();
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(20))) {
      std::fprintf(stderr, "rhumb_run_load: rhumbd does not answer\n");
      std::exit(1);
    }
  }
  ~Daemon() {
    kill(child_, SIGTERM);
    waitpid(child_, nullptr, 0);
    std::filesystem::remove_all(directory_);
  }

  std::string socket() const { return directory_ + "/s"; }
  // Another connection.
  std::shared_ptr<grpc::Channel> Channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt("rhumb.connection", ++connection_count_);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("unix:" + socket(), grpc::InsecureChannelCredentials(),
                                     arguments);
  }

 private:
  std::string directory_;
  pid_t child_ = 0;
  mutable std::atomic<int> connection_count_ = 0;
};

double Quantile(std::vector<double> values, double at) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(at * static_cast<double>(values.size())))];
}

struct Latencies {
  std::vector<double> plan, null, predict;  // milliseconds
};

// New questions at a steady pace, and small calls between them, for some seconds.
Latencies Ask(const Daemon& daemon, double seconds) {
  const auto channel = daemon.Channel();
  const auto plans = v1::PlanService::NewStub(channel);
  const auto health = grpc::health::v1::Health::NewStub(channel);
  static int asked = 0;
  Latencies latencies;
  const auto timed = [](std::vector<double>& into, const auto& call) {
    const auto began = Clock::now();
    call();
    into.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
  };
  const auto began = Clock::now();
  for (int i = 0; i < static_cast<int>(seconds * kPlansPerSecond); ++i) {
    std::this_thread::sleep_until(began + std::chrono::duration_cast<Clock::duration>(
                                              std::chrono::duration<double>(i / kPlansPerSecond)));
    timed(latencies.plan, [&] {
      grpc::ClientContext context;
      v1::CreatePlanRequest request;
      auto* pool = request.add_gpu_pools();
      pool->set_gpu_type("H100-SXM5-80GB");
      pool->set_count(64);
      request.set_deadline_seconds(1e6 + ++asked);
      v1::Plan plan;
      Require(plans->CreatePlan(&context, request, &plan), "CreatePlan");
    });
    for (int k = 0; k < 5; ++k) {
      timed(latencies.null, [&] {
        grpc::ClientContext context;
        grpc::health::v1::HealthCheckResponse response;
        Require(health->Check(&context, {}, &response), "Check");
      });
      timed(latencies.predict, [&] {
        grpc::ClientContext context;
        v1::PredictLossRequest request;
        v1::PredictLossResponse response;
        request.set_param_count(7e9 + k);
        request.set_token_count(1.4e12);
        Require(plans->PredictLoss(&context, request, &response), "PredictLoss");
      });
    }
  }
  return latencies;
}

void Print(const char* what, const Latencies& got, const Latencies& idle) {
  const auto line = [&](const char* call, const std::vector<double>& values,
                        const std::vector<double>& base) {
    std::printf("%-34s %-12s p50 %8.2f ms  p99 %8.2f ms  p99 / idle p99 %5.2f\n", what, call,
                Quantile(values, 0.5), Quantile(values, 0.99),
                Quantile(values, 0.99) / Quantile(base, 0.99));
  };
  line("CreatePlan", got.plan, idle.plan);
  line("PredictLoss", got.predict, idle.predict);
  line("null RPC", got.null, idle.null);
}

std::vector<std::string> CreateRuns(const Daemon& daemon) {
  const auto runs = v1::RunService::NewStub(daemon.Channel());
  std::vector<std::string> names;
  for (int i = 0; i < kRunCount; ++i) {
    grpc::ClientContext context;
    v1::CreateRunRequest request;
    request.mutable_run()->set_title(absl::StrCat("load ", i));
    v1::Run run;
    Require(runs->CreateRun(&context, request, &run), "CreateRun");
    names.push_back(run.name());
  }
  return names;
}

// Reports samples of all runs in turn at a rate, until it is stopped.
class Senders {
 public:
  Senders(const Daemon& daemon, const std::vector<std::string>& runs, double samples_per_second,
          int batch_size)
      : runs_(runs), rate_(samples_per_second), batch_size_(batch_size) {
    for (int i = 0; i < kSenderCount; ++i) {
      threads_.emplace_back([this, i, channel = daemon.Channel()] { Send(i, channel); });
    }
  }
  // Samples a second that were acknowledged.
  double Stop() {
    stopping_ = true;
    for (std::thread& each : threads_) each.join();
    return static_cast<double>(stored_) /
           std::chrono::duration<double>(Clock::now() - began_).count();
  }

 private:
  void Send(int sender, const std::shared_ptr<grpc::Channel>& channel) {
    const auto stub = v1::RunService::NewStub(channel);
    const double period = kSenderCount * batch_size_ / rate_;
    static std::atomic<int64_t> sequence = 1;
    for (int64_t i = 0; !stopping_; ++i) {
      std::this_thread::sleep_until(
          began_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
                       (static_cast<double>(i) + sender / 4.0) * period)));
      v1::ReportProgressRequest request;
      request.set_run(runs_[(i * kSenderCount + sender) % runs_.size()]);
      request.set_attempt_id("load");
      const int64_t first = sequence.fetch_add(batch_size_);
      const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count();
      for (int k = 0; k < batch_size_; ++k) {
        v1::RunSample& sample = *request.add_samples();
        sample.set_sequence(first + k);
        sample.mutable_sample_time()->set_seconds(now);
        sample.set_step(first + k);
        sample.set_token_count((first + k) * 1000);
        sample.set_loss_nats(3);
        sample.set_step_seconds(1);
        sample.set_peak_memory_bytes(60'000'000'000);
      }
      grpc::ClientContext context;
      v1::ReportProgressResponse response;
      const auto stream = stub->ReportProgress(&context, &response);
      stream->Write(request);
      stream->WritesDone();
      Require(stream->Finish(), "ReportProgress");
      stored_ += response.stored_count();
    }
  }

  const std::vector<std::string>& runs_;
  const double rate_;
  const int batch_size_;
  const Clock::time_point began_ = Clock::now();
  std::atomic<bool> stopping_ = false;
  std::atomic<int64_t> stored_ = 0;
  std::vector<std::thread> threads_;
};

// One WatchRun that reads what comes.
class Watcher final : public grpc::ClientReadReactor<v1::WatchRunResponse> {
 public:
  Watcher(v1::RunService::Stub& stub, const std::string& run) {
    request_.set_name(run);
    stub.async()->WatchRun(&context_, &request_, this);
    StartRead(&message_);
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    ++message_count;
    StartRead(&message_);
  }
  void OnDone(const grpc::Status&) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ = true;
  }
  void Cancel() { context_.TryCancel(); }
  bool IsDone() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return done_;
  }

  static std::atomic<int64_t> message_count;

 private:
  grpc::ClientContext context_;
  v1::WatchRunRequest request_;
  v1::WatchRunResponse message_;
  std::mutex mutex_;
  bool done_ = false;
};
std::atomic<int64_t> Watcher::message_count = 0;

void MeasureStreams(const Daemon& daemon, const std::vector<std::string>& runs, int count,
                    double seconds, const Latencies& idle) {
  std::vector<std::unique_ptr<v1::RunService::Stub>> stubs;
  for (int i = 0; i < 8; ++i) stubs.push_back(v1::RunService::NewStub(daemon.Channel()));
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < count; ++i) {
    watchers.push_back(std::make_unique<Watcher>(*stubs[i % 8], runs[i % runs.size()]));
  }
  const auto until = Clock::now() + std::chrono::seconds(120);
  while (Watcher::message_count < count && Clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const int64_t first = Watcher::message_count;
  std::printf("%d streams are open: %lld have their first message\n", count,
              static_cast<long long>(first));
  Print(absl::StrCat(count, " streams").c_str(), Ask(daemon, seconds), idle);
  // A sample of each run every ten seconds.
  Senders senders(daemon, runs, kRunCount / 10.0, 1);
  Print(absl::StrCat(count, " streams, 100 samples/s").c_str(), Ask(daemon, seconds), idle);
  senders.Stop();
  std::printf("messages to watchers meanwhile: %lld\n",
              static_cast<long long>(Watcher::message_count - first));
  for (const auto& each : watchers) each->Cancel();
  for (const auto& each : watchers) {
    while (!each->IsDone()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

int Main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: rhumb_run_load RHUMBD [SAMPLES_PER_SECOND [STREAMS [SECONDS]]]\n");
    return 2;
  }
  const double rate = argc > 2 ? std::atof(argv[2]) : 20000;
  const int streams = argc > 3 ? std::atoi(argv[3]) : 2000;
  const double seconds = argc > 4 ? std::atof(argv[4]) : 15;
  const Daemon daemon(argv[1]);
  const std::vector<std::string> runs = CreateRuns(daemon);
  Ask(daemon, 2);  // caches are warm
  const Latencies idle = Ask(daemon, seconds);
  Print("idle", idle, idle);
  {
    Senders senders(daemon, runs, rate, kBatchSize);
    const Latencies busy = Ask(daemon, seconds);
    const double stored = senders.Stop();
    Print(absl::StrCat(static_cast<int>(stored), " samples/s of ", kRunCount, " runs").c_str(),
          busy, idle);
  }
  MeasureStreams(daemon, runs, streams, seconds, idle);
  return 0;
}

}  // namespace
}  // namespace rhumb

int main(int argc, char** argv) { return rhumb::Main(argc, argv); }
