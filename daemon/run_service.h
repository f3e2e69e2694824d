// SPDX-License-Identifier: Apache-2.0
// RunService: runs of plans, and the jobs that carry them out.
#ifndef RHUMB_DAEMON_RUN_SERVICE_H_
#define RHUMB_DAEMON_RUN_SERVICE_H_

#include <utility>

#include "absl/status/statusor.h"
#include "daemon/clock.h"
#include "daemon/peer.h"
#include "daemon/store/store.h"
#include "rhumb/v1/run_service.grpc.pb.h"

namespace rhumb::daemon {

class RunService final : public v1::RunService::Service {
 public:
  // Both must outlive the service.
  RunService(Store& store, const PeerRegistry& peers, Clock clock)
      : store_(store), peers_(peers), clock_(std::move(clock)) {}

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

 private:
  absl::StatusOr<v1::Run> Full(const absl::StatusOr<StoredRun>& run);
  absl::StatusOr<v1::ListRunsResponse> ListImpl(const v1::ListRunsRequest& request);

  Store& store_;
  const PeerRegistry& peers_;
  const Clock clock_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_SERVICE_H_
