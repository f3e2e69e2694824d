// SPDX-License-Identifier: Apache-2.0
#include "daemon/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <mutex>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/clock.h"
#include "daemon/cluster_service.h"
#include "daemon/health.h"
#include "daemon/http/gateway.h"
#include "daemon/law_service.h"
#include "daemon/loopback.h"
#include "daemon/metrics.h"
#include "daemon/peer.h"
#include "daemon/plan_service.h"
#include "daemon/process/log.h"
#include "daemon/roll_up_worker.h"
#include "daemon/run_service.h"
#include "daemon/storage_status.h"
#include "daemon/store/store.h"
#include "daemon/store_gauges.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

std::vector<std::string> ServiceNames() {
  return {v1::PlanService::service_full_name(), v1::LawService::service_full_name(),
          v1::ClusterService::service_full_name(), v1::RunService::service_full_name()};
}

constexpr int kDaySeconds = 86400;
constexpr int kMaxRunDays = 36500;

absl::Status CheckRunAges(const ServerOptions& options) {
  const auto out_of_range = [](absl::string_view name, int from, int to, int got) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " must be from ", from, " to ", to, ", got ", got));
  };
  const int raw = options.run_raw_seconds, ten_second = options.run_ten_second_days,
            five_minute = options.run_five_minute_days;
  if (raw < 60 || raw > 30 * kDaySeconds) {
    return out_of_range("run_raw_seconds", 60, 30 * kDaySeconds, raw);
  }
  if (ten_second < 1 || ten_second > kMaxRunDays) {
    return out_of_range("run_ten_second_days", 1, kMaxRunDays, ten_second);
  }
  if (five_minute < 1 || five_minute > kMaxRunDays) {
    return out_of_range("run_five_minute_days", 1, kMaxRunDays, five_minute);
  }
  if (raw >= int64_t{ten_second} * kDaySeconds) {
    return absl::InvalidArgumentError(
        absl::StrCat("run_raw_seconds must be less than run_ten_second_days (", ten_second,
                     ", that is ", int64_t{ten_second} * kDaySeconds, " seconds), got ", raw));
  }
  if (five_minute <= ten_second) {
    return absl::InvalidArgumentError(
        absl::StrCat("run_five_minute_days must be more than run_ten_second_days (", ten_second,
                     "), got ", five_minute));
  }
  return absl::OkStatus();
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(const ServerOptions& options)
      : options_(options),
        metrics_(options.in_process_only ? nullptr : std::make_unique<Metrics>()),
        peers_(options.in_process_only, metrics_.get()) {}
  ~ServerImpl() override { Drain(); }

  absl::Status OpenStore() {
    absl::StatusOr<std::unique_ptr<Database>> database =
        absl::FailedPreconditionError("in memory on request");
    if (!options_.in_memory && options_.database_path.empty()) {
      database = absl::FailedPreconditionError("no database path");
    } else if (!options_.in_memory) {
      DatabaseOptions file;
      file.path = options_.database_path;
      file.exclusive = !options_.in_process_only;
      database = Database::Open(file);
      if (!database.ok() && !options_.in_process_only) return database.status();
    }
    storage_.Set(database.status());
    if (!database.ok()) database = Database::Open({});
    RHUMB_RETURN_IF_ERROR(database.status());
    store_ = std::make_unique<Store>(*std::move(database));
    // Left by clients that were killed. A store that cannot be written is no reason not to start.
    const absl::Status dropped = store_->observations().DropExpiredSets(SystemNanoseconds());
    if (!dropped.ok()) {
      Log(LogLevel::kWarning, "expired observations not dropped",
          {{"status", std::string(dropped.message())}});
    }
    return absl::OkStatus();
  }

  void MakeServices() {
    plans_ = std::make_unique<PlanService>(*store_, peers_, SystemNanoseconds,
                                           options_.in_process_only ? &storage_ : nullptr);
    laws_ = std::make_unique<LawService>(*store_, peers_, SystemNanoseconds,
                                         options_.in_process_only ? &storage_ : nullptr);
    clusters_ = std::make_unique<ClusterService>(*store_, peers_, SystemNanoseconds);
    runs_ = std::make_unique<RunService>(*store_, peers_, SystemNanoseconds);
    health_ = std::make_unique<HealthService>(ServiceNames());
  }

  absl::Status StartGrpc() {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    grpc::ResourceQuota quota("rhumb");
    quota.SetMaxThreads(options_.max_thread_count);
    builder.SetResourceQuota(quota);
    builder.SetMaxReceiveMessageSize(options_.max_message_bytes);
    builder.SetMaxSendMessageSize(options_.max_message_bytes);
    // By default two servers may share a port, each getting half of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    if (!options_.listen_tcp.empty()) {
      builder.AddListeningPort(options_.listen_tcp, grpc::InsecureServerCredentials(), &tcp_port_);
    }
    builder.RegisterService(plans_.get());
    builder.RegisterService(laws_.get());
    builder.RegisterService(clusters_.get());
    builder.RegisterService(runs_.get());
    builder.RegisterService(health_.get());
    grpc_ = builder.BuildAndStart();
    if (grpc_ == nullptr || (!options_.listen_tcp.empty() && tcp_port_ == 0)) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", options_.listen_tcp, "; is it in use?"));
    }
    return absl::OkStatus();
  }

  // Before gRPC starts, so that a socket in use costs nothing.
  absl::Status BindUnixSocket() {
    if (options_.listen_unix_path.empty()) return absl::OkStatus();
    RHUMB_ASSIGN_OR_RETURN(acceptor_, UnixAcceptor::Listen(options_.listen_unix_path,
                                                           options_.listen_unix_mode, peers_));
    return absl::OkStatus();
  }

  absl::Status BindHttp() {
    if (options_.http_unix_path.empty() && options_.http_tcp.empty()) return absl::OkStatus();
    GatewayOptions http;
    http.listener = {.unix_path = options_.http_unix_path,
                     .unix_mode = options_.listen_unix_mode,
                     .tcp_address = options_.http_tcp,
                     .thread_count = options_.http_thread_count,
                     .max_body_bytes = static_cast<size_t>(options_.max_message_bytes)};
    http.api.max_stream_count = options_.http_thread_count / 2;
    http.services = ServiceNames();
    RHUMB_ASSIGN_OR_RETURN(http_, Gateway::Bind(http));
    return absl::OkStatus();
  }

  void Serve() {
    if (acceptor_ != nullptr) {
      acceptor_->Start([this](int fd) { grpc::AddInsecureChannelFromFd(grpc_.get(), fd); });
    }
    if (http_ != nullptr) {
      metrics_->AddGauges([this] {
        return ReadStoreGauges(*store_, options_.in_memory ? "" : options_.database_path);
      });
      http_->Start(*grpc_, peers_, ReadinessChecks(), *metrics_);
    }
    if (!options_.in_process_only) {
      const RollUpPolicy policy = {
          .raw_seconds = options_.run_raw_seconds,
          .ten_second_seconds = int64_t{options_.run_ten_second_days} * kDaySeconds,
          .five_minute_seconds = int64_t{options_.run_five_minute_days} * kDaySeconds};
      roll_up_ = std::make_unique<RollUpWorker>(store_->samples(), policy, SystemNanoseconds);
    }
    health_->SetServing();
  }

  std::vector<ReadinessCheck> ReadinessChecks() {
    return {{"serving",
             [this] { return draining_ ? absl::UnavailableError("draining") : absl::OkStatus(); }},
            {"database", [this] { return store_->FindPlanBytes("plans/none").status(); }}};
  }

  std::shared_ptr<grpc::Channel> InProcessChannel() override {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc_->InProcessChannel(arguments);
  }

  absl::Status storage_status() const override { return storage_.Get(); }
  int tcp_port() const override { return tcp_port_; }
  int http_tcp_port() const override { return http_ == nullptr ? 0 : http_->tcp_port(); }

  void Drain() override {
    const std::lock_guard<std::mutex> guard(drain_mutex_);
    if (std::exchange(drained_, true)) return;
    draining_ = true;
    if (health_ != nullptr) health_->Drain();
    if (acceptor_ != nullptr) acceptor_->Stop();
    // A stream that waits for news would hold the shutdown up for all of drain_seconds.
    if (runs_ != nullptr) runs_->Drain();
    if (http_ != nullptr) http_->BeginDrain();
    if (roll_up_ != nullptr) roll_up_->Stop();
    if (grpc_ != nullptr) {
      grpc_->Shutdown(std::chrono::system_clock::now() +
                      std::chrono::milliseconds(std::lround(options_.drain_seconds * 1000)));
      grpc_->Wait();
    }
    if (http_ != nullptr) http_->Stop();
    if (store_ != nullptr) store_->Close();
  }

 private:
  const ServerOptions options_;
  StorageStatus storage_;
  const std::unique_ptr<Metrics> metrics_;
  PeerRegistry peers_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<RollUpWorker> roll_up_;  // destroyed before the store
  std::unique_ptr<PlanService> plans_;
  std::unique_ptr<LawService> laws_;
  std::unique_ptr<ClusterService> clusters_;
  std::unique_ptr<RunService> runs_;
  std::unique_ptr<HealthService> health_;
  std::unique_ptr<grpc::Server> grpc_;  // destroyed before the services it calls
  std::unique_ptr<UnixAcceptor> acceptor_;
  std::unique_ptr<Gateway> http_;
  int tcp_port_ = 0;
  std::mutex drain_mutex_;
  bool drained_ = false;
  std::atomic<bool> draining_{false};
};

}  // namespace

absl::Status CheckServerOptions(const ServerOptions& options) {
  RHUMB_RETURN_IF_ERROR(CheckLoopbackAddress("listen_tcp", options.listen_tcp, 7448));
  RHUMB_RETURN_IF_ERROR(CheckLoopbackAddress("http_tcp", options.http_tcp, 7449));
  const bool listens = !options.listen_unix_path.empty() || !options.listen_tcp.empty();
  const bool listens_http = !options.http_unix_path.empty() || !options.http_tcp.empty();
  if (options.in_process_only && (listens || listens_http)) {
    return absl::InvalidArgumentError(
        "in_process_only excludes listen_unix_path, listen_tcp, http_unix_path and http_tcp");
  }
  if (!options.http_unix_path.empty() && options.http_unix_path == options.listen_unix_path) {
    return absl::InvalidArgumentError(
        absl::StrCat("http_unix_path must not be listen_unix_path, got ", options.http_unix_path));
  }
  if (!options.in_process_only && !listens) {
    return absl::InvalidArgumentError("listen_unix_path or listen_tcp must be given");
  }
  if (options.database_path.empty() && !options.in_memory && !options.in_process_only) {
    return absl::InvalidArgumentError("database_path must be given");
  }
  if (options.max_thread_count < 4 || options.max_thread_count > 10000) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_thread_count must be from 4 to 10000, got ", options.max_thread_count));
  }
  if (options.http_thread_count < 2 || options.http_thread_count > 1000) {
    return absl::InvalidArgumentError(
        absl::StrCat("http_thread_count must be from 2 to 1000, got ", options.http_thread_count));
  }
  if (options.max_message_bytes < 1 << 16 || options.max_message_bytes > 1 << 30) {
    return absl::InvalidArgumentError(absl::StrCat(
        "max_message_bytes must be from 65536 to 1073741824, got ", options.max_message_bytes));
  }
  if (!(options.drain_seconds >= 0 && options.drain_seconds <= 3600)) {
    return absl::InvalidArgumentError(
        absl::StrCat("drain_seconds must be from 0 to 3600, got ", options.drain_seconds));
  }
  return CheckRunAges(options);
}

const char* ServerVersion() { return RHUMB_VERSION; }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  RHUMB_RETURN_IF_ERROR(CheckServerOptions(options));
  auto server = std::make_unique<ServerImpl>(options);
  RHUMB_RETURN_IF_ERROR(server->OpenStore());
  server->MakeServices();
  RHUMB_RETURN_IF_ERROR(server->BindUnixSocket());
  RHUMB_RETURN_IF_ERROR(server->BindHttp());
  RHUMB_RETURN_IF_ERROR(server->StartGrpc());
  server->Serve();
  return server;
}

}  // namespace rhumb::daemon
