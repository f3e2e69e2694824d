// SPDX-License-Identifier: Apache-2.0
#include "client/cpp/client.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/sync_stream.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cpp/address.h"
#include "google/protobuf/empty.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "rhumb/v1/cluster_service.grpc.pb.h"
#include "rhumb/v1/law_service.grpc.pb.h"
#include "rhumb/v1/plan_service.grpc.pb.h"
#include "rhumb/v1/run_service.grpc.pb.h"

namespace rhumb::client {
namespace {

// Plans with stages and alternatives of large clusters exceed gRPC's default of 4 MiB only in
// lists; leave room.
constexpr int kMaxMessageBytes = 64 * 1024 * 1024;
// A daemon that restarts is back within a second; gRPC's own first pause of 1 s would outlast our
// retries.
constexpr int kReconnectMilliseconds = 50;
constexpr int kMaxReconnectMilliseconds = 1000;
// How long one attempt may take: a busy daemon is slow to shake hands, and an attempt given up
// early begins anew behind all others. (gRPC's name for it is misleading: pauses are the two
// above.)
constexpr int kHandshakeMilliseconds = 5000;

// Every reply of the daemon carries its version and its clock here.
constexpr char kVersionHeader[] = "x-rhumb-version";
constexpr char kTimeHeader[] = "x-rhumb-time";

// How long an interrupt may go unnoticed.
constexpr absl::Duration kBetweenLooks = absl::Milliseconds(100);

enum class Repeatable { kNo, kYes };

// What the reply says in the header called `name`; empty without one.
std::string Header(const grpc::ClientContext& context, const char* name) {
  for (const auto* metadata :
       {&context.GetServerInitialMetadata(), &context.GetServerTrailingMetadata()}) {
    const auto found = metadata->find(name);
    if (found != metadata->end()) return std::string(found->second.data(), found->second.size());
  }
  return "";
}

// Runs `attempt(context, response)` until it answers, fails for good, or the attempts or the time
// are used up.
template <typename Response, typename Run>
absl::StatusOr<Response> Attempt(const ClientOptions& options, Repeatable repeatable,
                                 const Run& attempt_once) {
  const absl::Time deadline = absl::Now() + options.timeout;
  absl::Duration backoff = options.initial_backoff;
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    if (options.timeout < absl::InfiniteDuration())
      context.set_deadline(absl::ToChronoTime(deadline));
    Response response;
    const grpc::Status status = attempt_once(context, response);
    if (status.ok()) return response;
    const bool again = repeatable == Repeatable::kYes && attempt < options.max_attempts &&
                       status.error_code() == grpc::StatusCode::UNAVAILABLE &&
                       absl::Now() + backoff < deadline;
    if (!again) return FromGrpcStatus(status);
    absl::SleepFor(backoff);
    backoff *= 2;
  }
}

// The same for `method` of `stub`.
template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Call(
    Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
    const Request& request, const ClientOptions& options, Repeatable repeatable) {
  return Attempt<Response>(options, repeatable,
                           [&](grpc::ClientContext& context, Response& response) {
                             return (stub.*method)(&context, request, &response);
                           });
}

// A fit's messages until its end. Reads on a completion queue of its own, so that `progress` is
// asked whether to go on even while the daemon has nothing to say.
absl::StatusOr<v1::LawFitResult> ReadFit(v1::LawService::Stub& stub,
                                         const v1::FitLawRequest& request,
                                         const ClientOptions& options,
                                         const Client::FitProgress& progress) {
  grpc::ClientContext context;
  if (options.timeout < absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + options.timeout));
  }
  grpc::CompletionQueue queue;
  const auto reader = stub.AsyncFitLaw(&context, request, &queue, nullptr);
  v1::FitLawResponse message;
  v1::FitLawResponse::Progress last;
  absl::StatusOr<v1::LawFitResult> result = absl::InternalError("the fit ended without a result");
  bool started = false, cancelled = false, ended = false;
  while (!ended) {
    void* tag = nullptr;
    bool ok = false;
    const auto next = queue.AsyncNext(&tag, &ok, absl::ToChronoTime(absl::Now() + kBetweenLooks));
    if (next == grpc::CompletionQueue::GOT_EVENT) {
      if (started && ok && message.has_result()) result = std::move(*message.mutable_result());
      if (started && ok && message.has_progress()) last = message.progress();
      ended = !ok;
      if (ok) reader->Read(&message, nullptr);
      started = true;
    }
    if (!cancelled && !ended && progress && !progress(last)) {
      cancelled = true;
      context.TryCancel();
    }
  }
  grpc::Status status;
  reader->Finish(&status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (!status.ok()) return FromGrpcStatus(status);
  return result;
}

}  // namespace

struct Client::Stubs {
  explicit Stubs(const std::shared_ptr<grpc::Channel>& channel)
      : plan(channel), law(channel), cluster(channel), run(channel), health(channel) {}

  v1::PlanService::Stub plan;
  v1::LawService::Stub law;
  v1::ClusterService::Stub cluster;
  v1::RunService::Stub run;
  ::grpc::health::v1::Health::Stub health;
};

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(absl::string_view address,
                                                        const ClientOptions& options) {
  absl::StatusOr<std::string> target = ParseAddress(address);
  if (!target.ok()) return target.status();
  // A socket that is not there or refuses is known at once; only one that accepts is worth waiting
  // for.
  switch (ProbeAddress(*target)) {
    case AddressState::kAbsent:
      return absl::UnavailableError(absl::StrCat("no socket at ", *target));
    case AddressState::kRefused:
      return absl::UnavailableError(
          absl::StrCat(*target, " is there but refuses connections: is rhumbd running?"));
    case AddressState::kForbidden:
      return absl::PermissionDeniedError(absl::StrCat("not allowed to use ", *target));
    case AddressState::kListening:
      break;
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMilliseconds);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kHandshakeMilliseconds);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMilliseconds);
  // A proxy for the web has no business between a CLI and its daemon.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(*target, grpc::InsecureChannelCredentials(), arguments);
  const absl::Duration patience = std::min(options.timeout, options.connect_timeout);
  // Connected means that HTTP/2 settings came back, so a listener that never answers is noticed
  // here.
  if (!channel->WaitForConnected(absl::ToChronoTime(absl::Now() + patience))) {
    return absl::UnavailableError(
        absl::StrCat("no answer from ", *target, " within ", absl::FormatDuration(patience)));
  }
  return std::make_unique<Client>(std::move(channel), options);
}

Client::Client(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : stubs_(std::make_unique<Stubs>(channel)), options_(options) {}

Client::~Client() = default;

absl::StatusOr<v1::Plan> Client::CreatePlan(const v1::CreatePlanRequest& request) {
  // An identical question is the same plan, so asking twice stores once.
  return Call(stubs_->plan, &v1::PlanService::Stub::CreatePlan, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Plan> Client::GetPlan(const v1::GetPlanRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::GetPlan, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ListPlansResponse> Client::ListPlans(const v1::ListPlansRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::ListPlans, request, options_, Repeatable::kYes);
}

absl::Status Client::DeletePlan(const v1::DeletePlanRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::DeletePlan, request, options_, Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::PredictLossResponse> Client::PredictLoss(const v1::PredictLossRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::PredictLoss, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::CheckConfigurationResponse> Client::CheckConfiguration(
    const v1::CheckConfigurationRequest& request) {
  return Call(stubs_->plan, &v1::PlanService::Stub::CheckConfiguration, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Law> Client::GetLaw(const v1::GetLawRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::GetLaw, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ListLawsResponse> Client::ListLaws(const v1::ListLawsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::ListLaws, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::Law> Client::CreateLaw(const v1::CreateLawRequest& request) {
  // The content of the newest version again writes nothing.
  return Call(stubs_->law, &v1::LawService::Stub::CreateLaw, request, options_, Repeatable::kYes);
}

absl::Status Client::DeleteLaw(const v1::DeleteLawRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::DeleteLaw, request, options_, Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::ObservationSet> Client::ImportObservations(
    const std::vector<v1::ImportObservationsRequest>& messages) {
  if (messages.empty()) return absl::InvalidArgumentError("messages: must have at least one");
  int64_t row_count = 0;
  for (const v1::ImportObservationsRequest& message : messages) {
    row_count += message.observations_size();
  }
  // The same content is the same set, so sending twice stores once.
  return Attempt<v1::ObservationSet>(
      options_, Repeatable::kYes, [&](grpc::ClientContext& context, v1::ObservationSet& response) {
        const std::unique_ptr<grpc::ClientWriter<v1::ImportObservationsRequest>> writer =
            stubs_->law.ImportObservations(&context, &response);
        v1::ImportObservationsRequest first = messages[0];
        first.set_row_count(row_count);
        // A write fails when the daemon has ended the call: the status says why.
        bool open = writer->Write(first);
        for (size_t i = 1; open && i < messages.size(); ++i) open = writer->Write(messages[i]);
        writer->WritesDone();
        return writer->Finish();
      });
}

absl::StatusOr<v1::GetObservationsResponse> Client::GetObservations(
    const v1::GetObservationsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::GetObservations, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ListObservationSetsResponse> Client::ListObservationSets(
    const v1::ListObservationSetsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::ListObservationSets, request, options_,
              Repeatable::kYes);
}

absl::Status Client::DeleteObservations(const v1::DeleteObservationsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::DeleteObservations, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::LawFitResult> Client::FitLaw(const v1::FitLawRequest& request,
                                                const FitProgress& progress) {
  return ReadFit(stubs_->law, request, options_, progress);
}

absl::StatusOr<v1::LawFitResult> Client::GetLawFit(const v1::GetLawFitRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::GetLawFit, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::BacktestLawResponse> Client::BacktestLaw(const v1::BacktestLawRequest& request,
                                                            const std::function<bool()>& go_on) {
  return Attempt<v1::BacktestLawResponse>(
      options_, Repeatable::kYes,
      [&](grpc::ClientContext& context, v1::BacktestLawResponse& response) {
        grpc::CompletionQueue queue;
        const auto call = stubs_->law.AsyncBacktestLaw(&context, request, &queue);
        grpc::Status status;
        call->Finish(&response, &status, nullptr);
        void* tag = nullptr;
        bool ok = false;
        while (queue.AsyncNext(&tag, &ok, absl::ToChronoTime(absl::Now() + kBetweenLooks)) ==
               grpc::CompletionQueue::TIMEOUT) {
          if (go_on && !go_on()) context.TryCancel();
        }
        queue.Shutdown();
        while (queue.Next(&tag, &ok)) {
        }
        return status;
      });
}

absl::StatusOr<v1::SuggestExperimentsResponse> Client::SuggestExperiments(
    const v1::SuggestExperimentsRequest& request) {
  return Call(stubs_->law, &v1::LawService::Stub::SuggestExperiments, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Cluster> Client::ApplyCluster(const v1::ApplyClusterRequest& request) {
  // Applying replaces the cluster whole: a second application of the same content changes nothing.
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ApplyCluster, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Cluster> Client::GetCluster(const v1::GetClusterRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::GetCluster, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ListClustersResponse> Client::ListClusters(
    const v1::ListClustersRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ListClusters, request, options_,
              Repeatable::kYes);
}

absl::Status Client::DeleteCluster(const v1::DeleteClusterRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::DeleteCluster, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::GpuType> Client::GetGpuType(const v1::GetGpuTypeRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::GetGpuType, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ListGpuTypesResponse> Client::ListGpuTypes(
    const v1::ListGpuTypesRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ListGpuTypes, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::GpuType> Client::ApplyGpuType(const v1::ApplyGpuTypeRequest& request) {
  // As ApplyCluster.
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ApplyGpuType, request, options_,
              Repeatable::kYes);
}

absl::Status Client::DeleteGpuType(const v1::DeleteGpuTypeRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::DeleteGpuType, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::Calibration> Client::ApplyCalibration(
    const v1::ApplyCalibrationRequest& request) {
  // Equal content makes no new version.
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ApplyCalibration, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Calibration> Client::GetCalibration(const v1::GetCalibrationRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::GetCalibration, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ListCalibrationsResponse> Client::ListCalibrations(
    const v1::ListCalibrationsRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ListCalibrations, request, options_,
              Repeatable::kYes);
}

absl::Status Client::DeleteCalibration(const v1::DeleteCalibrationRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::DeleteCalibration, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::NodeInventory> Client::SyncNodes(const v1::SyncNodesRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::SyncNodes, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::NodeInventory> Client::GetNodes(const v1::GetNodesRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::GetNodes, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Reservation> Client::ReserveAllocation(
    const v1::ReserveAllocationRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ReserveAllocation, request, options_,
              request.request_id().empty() ? Repeatable::kNo : Repeatable::kYes);
}

absl::Status Client::ReleaseAllocation(const v1::ReleaseAllocationRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ReleaseAllocation, request, options_,
              Repeatable::kNo)
      .status();
}

absl::StatusOr<v1::ListReservationsResponse> Client::ListReservations(
    const v1::ListReservationsRequest& request) {
  return Call(stubs_->cluster, &v1::ClusterService::Stub::ListReservations, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::Run> Client::CreateRun(const v1::CreateRunRequest& request) {
  const bool repeatable = !request.request_id().empty() || request.run().jobs_size() > 0;
  return Call(stubs_->run, &v1::RunService::Stub::CreateRun, request, options_,
              repeatable ? Repeatable::kYes : Repeatable::kNo);
}

absl::StatusOr<v1::Run> Client::GetRun(const v1::GetRunRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::GetRun, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ListRunsResponse> Client::ListRuns(const v1::ListRunsRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::ListRuns, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::Run> Client::FinishRun(const v1::FinishRunRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::FinishRun, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ListRunSamplesResponse> Client::ListRunSamples(
    const v1::ListRunSamplesRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::ListRunSamples, request, options_,
              Repeatable::kYes);
}

absl::StatusOr<v1::ReplanRunResponse> Client::ReplanRun(const v1::ReplanRunRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::ReplanRun, request, options_,
              request.validate_only() || !request.request_id().empty() ? Repeatable::kYes
                                                                       : Repeatable::kNo);
}

absl::StatusOr<v1::SyncJobsResponse> Client::SyncJobs(const v1::SyncJobsRequest& request) {
  // Old news changes nothing, so telling twice is telling once.
  return Call(stubs_->run, &v1::RunService::Stub::SyncJobs, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::ReportProgressResponse> Client::ReportProgress(
    const std::vector<v1::ReportProgressRequest>& messages) {
  return Attempt<v1::ReportProgressResponse>(
      options_, Repeatable::kYes,
      [&](grpc::ClientContext& context, v1::ReportProgressResponse& response) {
        const std::unique_ptr<grpc::ClientWriter<v1::ReportProgressRequest>> writer =
            stubs_->run.ReportProgress(&context, &response);
        bool open = true;
        for (size_t i = 0; open && i < messages.size(); ++i) open = writer->Write(messages[i]);
        writer->WritesDone();
        return writer->Finish();
      });
}

absl::StatusOr<v1::CompareRunResponse> Client::CompareRun(const v1::CompareRunRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::CompareRun, request, options_, Repeatable::kYes);
}

absl::StatusOr<v1::AccuracyReport> Client::GetAccuracyReport(
    const v1::GetAccuracyReportRequest& request) {
  return Call(stubs_->run, &v1::RunService::Stub::GetAccuracyReport, request, options_,
              Repeatable::kYes);
}

absl::Status Client::WatchRun(const v1::WatchRunRequest& request, const WatchSink& sink) {
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto reader = stubs_->run.AsyncWatchRun(&context, request, &queue, nullptr);
  v1::WatchRunResponse message;
  bool started = false, cancelled = false, ended = false;
  while (!ended) {
    void* tag = nullptr;
    bool ok = false;
    const auto next = queue.AsyncNext(&tag, &ok, absl::ToChronoTime(absl::Now() + kBetweenLooks));
    const bool has_event = next == grpc::CompletionQueue::GOT_EVENT;
    const bool has_message = has_event && ok && started;
    if (!cancelled && (has_message || !has_event) && !sink(has_message ? &message : nullptr)) {
      cancelled = true;
      context.TryCancel();
    }
    if (!has_event) continue;
    ended = !ok;
    started = true;
    if (ok) reader->Read(&message, nullptr);
  }
  grpc::Status status;
  reader->Finish(&status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  // What was cancelled here may have ended by itself just before.
  if (cancelled) return absl::CancelledError("no longer watched");
  return status.ok() ? absl::OkStatus() : FromGrpcStatus(status);
}

absl::StatusOr<std::string> Client::ServerVersion() {
  absl::StatusOr<ServerFacts> facts = DescribeServer();
  if (!facts.ok()) return facts.status();
  return std::move(facts->version);
}

absl::StatusOr<ServerFacts> Client::DescribeServer() {
  grpc::ClientContext context;
  if (options_.timeout < absl::InfiniteDuration()) {
    context.set_deadline(absl::ToChronoTime(absl::Now() + options_.timeout));
  }
  ::grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status =
      stubs_->health.Check(&context, ::grpc::health::v1::HealthCheckRequest(), &response);
  if (!status.ok()) return FromGrpcStatus(status);
  if (response.status() != ::grpc::health::v1::HealthCheckResponse::SERVING) {
    return absl::UnavailableError("the daemon is starting or draining");
  }
  const std::string version = Header(context, kVersionHeader);
  if (!version.empty()) {
    ServerFacts facts = {.version = version, .unix_seconds = std::nullopt};
    double seconds = 0;
    if (absl::SimpleAtod(Header(context, kTimeHeader), &seconds)) facts.unix_seconds = seconds;
    return facts;
  }
  return absl::NotFoundError(absl::StrCat("the daemon's reply carries no ", kVersionHeader));
}

}  // namespace rhumb::client
