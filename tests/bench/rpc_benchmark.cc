// SPDX-License-Identifier: Apache-2.0
// RPCs over a unix socket as ratios to a null RPC (grpc.health.v1.Health/Check) of the same run:
// absolute figures of a shared machine mean little. Calls of all kinds take turns, so that a slow
// moment hits them alike.
#include <benchmark/benchmark.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/metrics.h"
#include "daemon/server.h"
#include "daemon/store/store.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "tests/daemon/http/http_client.h"

namespace rhumb::daemon {
namespace {

constexpr int kRounds = 2000;
constexpr int kColdRounds = 300;

double SecondsOf(const auto& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void Require(const grpc::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "rhumb_bench: %s\n", status.error_message().c_str());
  std::exit(1);
}

// A server on a temporary database and a client connected to its socket.
class World {
 public:
  World() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rhumb-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::exit(1);
    directory_ = pattern;
    ServerOptions options;
    options.database_path = directory_ + "/rhumb.db";
    options.listen_unix_path = directory_ + "/s";
    options.http_unix_path = directory_ + "/h";
    options.http_tcp = "127.0.0.1:0";
    auto server = Server::Start(options);
    if (!server.ok()) std::exit(1);
    server_ = *std::move(server);
    const auto channel =
        grpc::CreateChannel("unix:" + options.listen_unix_path, grpc::InsecureChannelCredentials());
    health_ = grpc::health::v1::Health::NewStub(channel);
    plans_ = v1::PlanService::NewStub(channel);
    http_ = std::make_unique<HttpConnection>(options.http_unix_path);
    http_tcp_ = std::make_unique<HttpConnection>(server_->http_tcp_port());
  }
  ~World() {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Null() const {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckResponse response;
    Require(health_->Check(&context, {}, &response));
  }

  void Predict() const {
    grpc::ClientContext context;
    v1::PredictLossRequest request;
    v1::PredictLossResponse response;
    request.set_param_count(7e9);
    request.set_token_count(1.4e12);
    Require(plans_->PredictLoss(&context, request, &response));
  }

  void Probe() const { Exchange(*http_, JsonRequest("GET", "/healthz")); }

  void HttpPredict(bool over_tcp) const {
    Exchange(over_tcp ? *http_tcp_ : *http_,
             JsonRequest("POST", "/v1/PlanService/PredictLoss",
                         "{\"param_count\":7e9,\"token_count\":1.4e12}"));
  }

  void HttpCreate(const std::string& question) const {
    Exchange(*http_, JsonRequest("POST", "/v1/plans", question));
  }

  v1::Plan Create(const v1::CreatePlanRequest& request) const {
    grpc::ClientContext context;
    v1::Plan plan;
    Require(plans_->CreatePlan(&context, request, &plan));
    return plan;
  }

  const std::string& directory() const { return directory_; }

 private:
  static void Exchange(HttpConnection& connection, const std::string& request) {
    connection.Send(request);
    const HttpReply reply = connection.Receive();
    if (reply.status == 200) return;
    std::fprintf(stderr, "rhumb_bench: %d %s\n", reply.status, reply.body.c_str());
    std::exit(1);
  }

  std::string directory_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<HttpConnection> http_, http_tcp_;
  std::unique_ptr<grpc::health::v1::Health::Stub> health_;
  std::unique_ptr<v1::PlanService::Stub> plans_;
};

World& TheWorld() {
  static World* const world = new World;
  return *world;
}

v1::CreatePlanRequest ComputeQuestion(double compute_flops) {
  v1::CreatePlanRequest request;
  request.set_compute_flops(compute_flops);
  return request;
}

v1::CreatePlanRequest ClusterQuestion(double deadline_seconds) {
  v1::CreatePlanRequest request;
  auto* pool = request.add_gpu_pools();
  pool->set_gpu_type("H100-SXM5-80GB");
  pool->set_count(256);
  request.set_deadline_seconds(deadline_seconds);
  return request;
}

void PrintEnvironment() {
  utsname system{};
  uname(&system);
  std::string model = "unknown", line;
  for (std::ifstream cpu("/proc/cpuinfo"); std::getline(cpu, line);) {
    if (line.rfind("model name", 0) == 0) model = line.substr(line.find(':') + 2);
  }
  std::printf("machine: %s, %u cores, %s %s; compiler: g++ %s; build: %s; rhumb %s\n",
              model.c_str(), std::thread::hardware_concurrency(), system.sysname, system.release,
              __VERSION__, RHUMB_BUILD_TYPE, ServerVersion());
}

double NanosecondsPerExp() {
  constexpr int kCount = 2'000'000;
  double x = 0.5;
  const double seconds = SecondsOf([&x] {
    for (int i = 0; i < kCount; ++i) x = std::exp(-x);
  });
  benchmark::DoNotOptimize(x);
  return seconds * 1e9 / kCount;
}

// One durable row of the size of a plan, straight into a store of its own.
double DurableInsertSeconds(const std::string& directory) {
  DatabaseOptions options;
  options.path = directory + "/insert.db";
  auto database = Database::Open(options);
  if (!database.ok()) std::exit(1);
  Store store(*std::move(database));
  std::vector<double> seconds;
  for (int i = 0; i < 500; ++i) {
    StoredPlan plan;
    plan.name = absl::StrCat("plans/p-", i);
    plan.state = "FEASIBLE";
    plan.law = plan.request = plan.inputs = plan.basic = "x";
    plan.plan = std::string(4000, 'p');
    seconds.push_back(SecondsOf([&] {
      if (!store.InsertPlan(plan, {}, 1).ok()) std::exit(1);
    }));
  }
  return Median(seconds);
}

void PrintRatios(const World& world) {
  world.Create(ComputeQuestion(1e21));
  world.Create(ClusterQuestion(86400));
  std::vector<double> null, predict, repeat_law, repeat_cluster;
  std::vector<double> probe, http_predict, tcp_predict, http_create;
  for (int i = 0; i < kRounds; ++i) {
    null.push_back(SecondsOf([&] { world.Null(); }));
    predict.push_back(SecondsOf([&] { world.Predict(); }));
    repeat_law.push_back(SecondsOf([&] { world.Create(ComputeQuestion(1e21)); }));
    repeat_cluster.push_back(SecondsOf([&] { world.Create(ClusterQuestion(86400)); }));
    probe.push_back(SecondsOf([&] { world.Probe(); }));
    http_predict.push_back(SecondsOf([&] { world.HttpPredict(false); }));
    tcp_predict.push_back(SecondsOf([&] { world.HttpPredict(true); }));
    http_create.push_back(SecondsOf([&] { world.HttpCreate("{\"compute_flops\":1e21}"); }));
  }
  std::vector<double> cold, planner;
  for (int i = 0; i < kColdRounds; ++i) {
    v1::Plan plan;
    cold.push_back(SecondsOf([&] { plan = world.Create(ComputeQuestion(1e20 * (1 + i))); }));
    planner.push_back(plan.search().seconds());
  }
  const double base = Median(null);
  std::printf("calibration: exp %.2f ns, null RPC p50 %.1f us, durable insert p50 %.1f us\n",
              NanosecondsPerExp(), base * 1e6, DurableInsertSeconds(world.directory()) * 1e6);
  std::printf("%-44s %10s %12s\n", "call (p50 over a unix socket)", "us", "x null RPC");
  const auto row = [base](const char* name, double seconds) {
    std::printf("%-44s %10.1f %12.2f\n", name, seconds * 1e6, seconds / base);
  };
  row("PredictLoss (bar 1.3)", Median(predict));
  row("CreatePlan repeated, pure law (bar 1.5)", Median(repeat_law));
  row("CreatePlan repeated, 256 GPUs (bar 1.5)", Median(repeat_cluster));
  row("GET /healthz", Median(probe));
  row("PredictLoss as JSON over HTTP", Median(http_predict));
  row("  the same over TCP", Median(tcp_predict));
  row("CreatePlan repeated, pure law, over HTTP", Median(http_create));
  row("CreatePlan cold, pure law, stored", Median(cold));
  row("  of which planner", Median(planner));
}

void BM_NullRpc(benchmark::State& state) {
  for (auto _ : state) TheWorld().Null();
}
BENCHMARK(BM_NullRpc)->UseRealTime();

void BM_PredictLoss(benchmark::State& state) {
  for (auto _ : state) TheWorld().Predict();
}
BENCHMARK(BM_PredictLoss)->UseRealTime();

// What counting adds to every RPC.
void BM_CountRpc(benchmark::State& state) {
  Metrics metrics;
  for (auto _ : state) metrics.CountRpc("PlanService/CreatePlan", absl::StatusCode::kOk, 0.000123);
}
BENCHMARK(BM_CountRpc);

void BM_HttpPredictLoss(benchmark::State& state) {
  for (auto _ : state) TheWorld().HttpPredict(false);
}
BENCHMARK(BM_HttpPredictLoss)->UseRealTime();

void BM_RepeatedCreatePlan(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(TheWorld().Create(ComputeQuestion(1e21)));
}
BENCHMARK(BM_RepeatedCreatePlan)->UseRealTime();

void BM_ColdCreatePlanOfCluster(benchmark::State& state) {
  static int seconds = 0;
  for (auto _ : state)
    benchmark::DoNotOptimize(TheWorld().Create(ClusterQuestion(1e6 + ++seconds)));
}
BENCHMARK(BM_ColdCreatePlanOfCluster)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace

int Main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  PrintEnvironment();
  PrintRatios(TheWorld());
  benchmark::RunSpecifiedBenchmarks();
  delete &TheWorld();
  return 0;
}

}  // namespace rhumb::daemon

int main(int argc, char** argv) { return rhumb::daemon::Main(argc, argv); }
