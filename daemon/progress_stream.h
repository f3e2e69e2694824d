// SPDX-License-Identifier: Apache-2.0
// The server side of one ReportProgress call on gRPC's callback API: each message is judged and
// stored by a worker before the next one is read, so that a caller is slowed down, not buffered.
#ifndef RHUMB_DAEMON_PROGRESS_STREAM_H_
#define RHUMB_DAEMON_PROGRESS_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/call.h"
#include "daemon/clock.h"
#include "daemon/peer.h"
#include "daemon/run_monitors.h"
#include "daemon/store/store.h"
#include "daemon/worker_pool.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::daemon {

// What all reports of a server share; outlives them.
struct ProgressContext {
  Store& store;
  Clock clock;
  RunMonitors& monitors;
  WorkerPool& workers;
};

// Deletes itself when gRPC is done with it.
class ProgressStream final : public grpc::ServerReadReactor<v1::ReportProgressRequest> {
 public:
  // Begins at once; `response` belongs to gRPC until the stream is done.
  static ProgressStream* Start(grpc::CallbackServerContext& context,
                               v1::ReportProgressResponse* response, const PeerRegistry& peers,
                               const ProgressContext& progress);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  ProgressStream(grpc::CallbackServerContext& context, v1::ReportProgressResponse* response,
                 const PeerRegistry& peers, const ProgressContext& progress);

  // Run and attempt of the message, those of the one before where it says none.
  absl::Status TakeNames(const v1::ReportProgressRequest& request);
  absl::Status MayReport(const StoredRun& run, const std::vector<StoredSample>& samples) const;
  absl::Status StoreMessage(const v1::ReportProgressRequest& request);  // on a worker
  absl::Status Answer();  // on a worker, behind the last message
  // Runs `work` on a worker, then `next` unless it failed.
  template <typename Work, typename Next>
  void OnWorker(const Work& work, const Next& next);
  void End(const absl::Status& status);

  const Call call_;
  v1::ReportProgressResponse* const response_;
  const ProgressContext progress_;
  v1::ReportProgressRequest message_;  // belongs to gRPC while it reads
  std::mutex mutex_;                   // of all below and *response_
  std::string run_, attempt_id_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_PROGRESS_STREAM_H_
