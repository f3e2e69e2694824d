// SPDX-License-Identifier: Apache-2.0
// The C++ client of rhumbd: one method an RPC, with deadlines, and retries where repeating is
// harmless. Streams are whole too: all messages in, or the result out with a callback on the way.
//
//   RHUMB_ASSIGN_OR_RETURN(auto client,
//   rhumb::client::Client::Connect("unix:///run/rhumb/rhumbd.sock")); rhumb::v1::CreatePlanRequest
//   request; request.set_compute_flops(1e21); RHUMB_ASSIGN_OR_RETURN(const rhumb::v1::Plan plan,
//   client->CreatePlan(request));
#ifndef RHUMB_CLIENT_CPP_CLIENT_H_
#define RHUMB_CLIENT_CPP_CLIENT_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cpp/rpc_error.h"
#include "rhumb/v1/calibration.pb.h"
#include "rhumb/v1/cluster.pb.h"
#include "rhumb/v1/cluster_service.pb.h"
#include "rhumb/v1/inventory.pb.h"
#include "rhumb/v1/law.pb.h"
#include "rhumb/v1/law_service.pb.h"
#include "rhumb/v1/observation.pb.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"
#include "rhumb/v1/run.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace grpc {
class Channel;
}

namespace rhumb::client {

struct ClientOptions {
  // Of one call, its retries included. The daemon sees what is left of it and answers the best plan
  // found so far.
  absl::Duration timeout = absl::Seconds(60);
  // How long Connect waits for a daemon that accepts connections but does not speak.
  absl::Duration connect_timeout = absl::Seconds(5);
  // Attempts of one idempotent call that finds the daemon UNAVAILABLE; 1 never retries.
  int max_attempts = 4;
  // Pause before the second attempt; doubles with each further one.
  absl::Duration initial_backoff = absl::Milliseconds(50);
};

// What the daemon says of itself.
struct ServerFacts {
  std::string version;                 // as in "0.1.0"
  std::optional<double> unix_seconds;  // its clock when it answered; absent before it told that
};

// Every method answers the response, or the daemon's error: code, message, and the details that
// DescribeError(status) decodes. Besides the codes of each RPC: UNAVAILABLE (no daemon),
// DEADLINE_EXCEEDED.
//
// Retried on UNAVAILABLE are calls that change nothing or have the same effect when repeated: all
// but the deletes (whose second attempt would answer NOT_FOUND for what the first one did) and
// FitLaw (long, and the daemon's queue may be what is full).
// Thread-safe. A Client keeps its connection; making one per call is slow.
class Client {
 public:
  // Opens a channel to `address` (see ParseAddress) and waits until the daemon speaks.
  // INVALID_ARGUMENT for a bad address, PERMISSION_DENIED if the socket may not be used,
  // UNAVAILABLE at once if there is none or it refuses, and after connect_timeout if nothing speaks
  // gRPC there.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(absl::string_view address,
                                                         const ClientOptions& options = {});

  // Over a channel that exists, as the in-process one.
  explicit Client(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  absl::StatusOr<v1::Plan> CreatePlan(const v1::CreatePlanRequest& request);
  absl::StatusOr<v1::Plan> GetPlan(const v1::GetPlanRequest& request);
  absl::StatusOr<v1::ListPlansResponse> ListPlans(const v1::ListPlansRequest& request);
  absl::Status DeletePlan(const v1::DeletePlanRequest& request);
  absl::StatusOr<v1::PredictLossResponse> PredictLoss(const v1::PredictLossRequest& request);
  absl::StatusOr<v1::CheckConfigurationResponse> CheckConfiguration(
      const v1::CheckConfigurationRequest& request);

  absl::StatusOr<v1::Law> GetLaw(const v1::GetLawRequest& request);
  absl::StatusOr<v1::ListLawsResponse> ListLaws(const v1::ListLawsRequest& request);
  absl::StatusOr<v1::Law> CreateLaw(const v1::CreateLawRequest& request);
  absl::Status DeleteLaw(const v1::DeleteLawRequest& request);

  // Sends all of `messages`; the first names the set; its row_count is counted here. What a message
  // may hold is limited by the daemon (16 MiB): a few thousand rows each. Retried like a unary
  // call.
  absl::StatusOr<v1::ObservationSet> ImportObservations(
      const std::vector<v1::ImportObservationsRequest>& messages);
  absl::StatusOr<v1::GetObservationsResponse> GetObservations(
      const v1::GetObservationsRequest& request);
  absl::StatusOr<v1::ListObservationSetsResponse> ListObservationSets(
      const v1::ListObservationSetsRequest& request);
  absl::Status DeleteObservations(const v1::DeleteObservationsRequest& request);

  // Told how far a fit is; false cancels it, and FitLaw answers CANCELLED. Called on the caller's
  // thread, also now and then without news so that it can look for an interrupt.
  using FitProgress = std::function<bool(const v1::FitLawResponse::Progress&)>;
  absl::StatusOr<v1::LawFitResult> FitLaw(const v1::FitLawRequest& request,
                                          const FitProgress& progress = nullptr);
  absl::StatusOr<v1::LawFitResult> GetLawFit(const v1::GetLawFitRequest& request);
  // `go_on` is asked now and then on the caller's thread; false cancels, and the answer is
  // CANCELLED.
  absl::StatusOr<v1::BacktestLawResponse> BacktestLaw(const v1::BacktestLawRequest& request,
                                                      const std::function<bool()>& go_on = nullptr);
  absl::StatusOr<v1::SuggestExperimentsResponse> SuggestExperiments(
      const v1::SuggestExperimentsRequest& request);

  absl::StatusOr<v1::Cluster> ApplyCluster(const v1::ApplyClusterRequest& request);
  absl::StatusOr<v1::Cluster> GetCluster(const v1::GetClusterRequest& request);
  absl::StatusOr<v1::ListClustersResponse> ListClusters(const v1::ListClustersRequest& request);
  absl::Status DeleteCluster(const v1::DeleteClusterRequest& request);
  absl::StatusOr<v1::GpuType> GetGpuType(const v1::GetGpuTypeRequest& request);
  absl::StatusOr<v1::ListGpuTypesResponse> ListGpuTypes(const v1::ListGpuTypesRequest& request);
  absl::StatusOr<v1::GpuType> ApplyGpuType(const v1::ApplyGpuTypeRequest& request);
  absl::Status DeleteGpuType(const v1::DeleteGpuTypeRequest& request);
  absl::StatusOr<v1::Calibration> ApplyCalibration(const v1::ApplyCalibrationRequest& request);
  absl::StatusOr<v1::Calibration> GetCalibration(const v1::GetCalibrationRequest& request);
  absl::StatusOr<v1::ListCalibrationsResponse> ListCalibrations(
      const v1::ListCalibrationsRequest& request);
  absl::Status DeleteCalibration(const v1::DeleteCalibrationRequest& request);
  absl::StatusOr<v1::NodeInventory> SyncNodes(const v1::SyncNodesRequest& request);
  absl::StatusOr<v1::NodeInventory> GetNodes(const v1::GetNodesRequest& request);
  // Retried with a request_id only: each call promises anew.
  absl::StatusOr<v1::Reservation> ReserveAllocation(const v1::ReserveAllocationRequest& request);
  absl::Status ReleaseAllocation(const v1::ReleaseAllocationRequest& request);
  absl::StatusOr<v1::ListReservationsResponse> ListReservations(
      const v1::ListReservationsRequest& request);

  // Retried with a request_id or a job only: a bare run is created anew each time.
  absl::StatusOr<v1::Run> CreateRun(const v1::CreateRunRequest& request);
  absl::StatusOr<v1::Run> GetRun(const v1::GetRunRequest& request);
  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request);
  absl::StatusOr<v1::Run> FinishRun(const v1::FinishRunRequest& request);
  absl::StatusOr<v1::ListRunSamplesResponse> ListRunSamples(
      const v1::ListRunSamplesRequest& request);
  absl::StatusOr<v1::ReplanRunResponse> ReplanRun(const v1::ReplanRunRequest& request);
  absl::StatusOr<v1::SyncJobsResponse> SyncJobs(const v1::SyncJobsRequest& request);
  // Sends all of `messages`; the first names run and attempt. Samples are known by their sequence,
  // so this is retried, and may be repeated, without harm.
  absl::StatusOr<v1::ReportProgressResponse> ReportProgress(
      const std::vector<v1::ReportProgressRequest>& messages);
  absl::StatusOr<v1::CompareRunResponse> CompareRun(const v1::CompareRunRequest& request);
  absl::StatusOr<v1::AccuracyReport> GetAccuracyReport(const v1::GetAccuracyReportRequest& request);

  // Gives `sink` every message until the run has ended (OK). `sink` is called on the caller's
  // thread; now and then with null, so that it can look for an interrupt; false cancels the watch,
  // and the answer is CANCELLED. Has no deadline and is not retried: a daemon that goes away ends
  // it with UNAVAILABLE, and watching again begins with the run as a whole.
  using WatchSink = std::function<bool(const v1::WatchRunResponse* message)>;
  absl::Status WatchRun(const v1::WatchRunRequest& request, const WatchSink& sink);

  // Version of the daemon, as in "0.1.0"; NOT_FOUND if it does not say, UNAVAILABLE while it
  // drains.
  absl::StatusOr<std::string> ServerVersion();
  // The same, with what else it says. Errors as ServerVersion.
  absl::StatusOr<ServerFacts> DescribeServer();

 private:
  struct Stubs;  // generated services stay out of this header

  std::unique_ptr<Stubs> stubs_;
  ClientOptions options_;
};

}  // namespace rhumb::client

#endif  // RHUMB_CLIENT_CPP_CLIENT_H_
