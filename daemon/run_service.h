// SPDX-License-Identifier: Apache-2.0
// RunService: runs of plans, the jobs that carry them out, and what they report. Unary methods are
// synchronous, streams are on the callback API.
#ifndef RHUMB_DAEMON_RUN_SERVICE_H_
#define RHUMB_DAEMON_RUN_SERVICE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/clock.h"
#include "daemon/peer.h"
#include "daemon/progress_stream.h"
#include "daemon/run_feed.h"
#include "daemon/run_monitors.h"
#include "daemon/store/store.h"
#include "daemon/watch_stream.h"
#include "daemon/worker_pool.h"
#include "rhumb/v1/run_service.grpc.pb.h"

namespace rhumb::daemon {

using RunServiceBase = v1::RunService::WithCallbackMethod_ReportProgress<
    v1::RunService::WithCallbackMethod_WatchRun<v1::RunService::Service>>;

class RunService final : public RunServiceBase {
 public:
  // Both must outlive the service.
  RunService(Store& store, const PeerRegistry& peers, Clock clock);

  grpc::Status CreateRun(grpc::ServerContext* context, const v1::CreateRunRequest* request,
                         v1::Run* response) override;
  grpc::Status GetRun(grpc::ServerContext* context, const v1::GetRunRequest* request,
                      v1::Run* response) override;
  grpc::Status ListRuns(grpc::ServerContext* context, const v1::ListRunsRequest* request,
                        v1::ListRunsResponse* response) override;
  grpc::Status FinishRun(grpc::ServerContext* context, const v1::FinishRunRequest* request,
                         v1::Run* response) override;
  grpc::Status ReplanRun(grpc::ServerContext* context, const v1::ReplanRunRequest* request,
                         v1::ReplanRunResponse* response) override;
  grpc::Status SyncJobs(grpc::ServerContext* context, const v1::SyncJobsRequest* request,
                        v1::SyncJobsResponse* response) override;

  grpc::ServerReadReactor<v1::ReportProgressRequest>* ReportProgress(
      grpc::CallbackServerContext* context, v1::ReportProgressResponse* response) override;
  grpc::Status ListRunSamples(grpc::ServerContext* context,
                              const v1::ListRunSamplesRequest* request,
                              v1::ListRunSamplesResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchRunResponse>* WatchRun(
      grpc::CallbackServerContext* context, const v1::WatchRunRequest* request) override;
  grpc::Status CompareRun(grpc::ServerContext* context, const v1::CompareRunRequest* request,
                          v1::CompareRunResponse* response) override;
  grpc::Status GetAccuracyReport(grpc::ServerContext* context,
                                 const v1::GetAccuracyReportRequest* request,
                                 v1::AccuracyReport* response) override;

  // Ends every WatchRun; later ones end at once.
  void Drain() { feed_.Close(); }

 private:
  absl::StatusOr<v1::Run> Full(const absl::StatusOr<StoredRun>& run);
  absl::StatusOr<std::optional<v1::Run>> Look(
      const std::string& name, const std::optional<google::protobuf::Timestamp>& known);
  absl::StatusOr<v1::ListRunsResponse> ListImpl(const v1::ListRunsRequest& request);
  absl::StatusOr<v1::ListRunSamplesResponse> ListSamplesImpl(
      const v1::ListRunSamplesRequest& request);

  Store& store_;
  const PeerRegistry& peers_;
  const Clock clock_;
  RunFeed feed_;
  RunMonitors monitors_;
  // Reports wait for the disk: many at once share one commit.
  WorkerPool report_workers_;
  WorkerPool watch_workers_;
  const ProgressContext progress_;
  const WatchContext watch_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_SERVICE_H_
