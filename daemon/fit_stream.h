// SPDX-License-Identifier: Apache-2.0
// The server side of one FitLaw call on gRPC's callback API: the fit runs on a worker, the stream
// holds no thread.
#ifndef RHUMB_DAEMON_FIT_STREAM_H_
#define RHUMB_DAEMON_FIT_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "daemon/call.h"
#include "daemon/fit_answer.h"
#include "daemon/worker_pool.h"
#include "daemon/peer.h"
#include "rhumb/v1/law_service.pb.h"

namespace rhumb::daemon {

// Deletes itself when gRPC is done with it.
class FitStream final : public grpc::ServerWriteReactor<v1::FitLawResponse> {
 public:
  // Begins at once. What `context` and `workers` refer to must outlive the stream.
  static FitStream* Start(grpc::CallbackServerContext& context, const v1::FitLawRequest& request,
                          const PeerRegistry& peers, const FitContext& fit, WorkerPool& workers);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  FitStream(grpc::CallbackServerContext& context, const v1::FitLawRequest& request,
            const PeerRegistry& peers, const FitContext& fit);

  void Fit();  // on a worker
  void Tell(double fraction, const char* stage);
  // The last thing a worker does with a stream.
  void End(absl::StatusOr<v1::LawFitResult> result);
  // Makes `change`, then writes what waits, or finishes; at most one write is under way.
  template <typename What>
  void Change(const What& change);
  bool IsCancelled();

  const Call call_;
  const v1::FitLawRequest request_;
  const FitContext fit_;
  std::chrono::steady_clock::time_point next_told_;  // used by the worker only

  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  // The newest progress that has not been sent; older ones are of no use to anybody.
  std::optional<v1::FitLawResponse> next_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  v1::FitLawResponse message_;  // belongs to gRPC while writing_
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_FIT_STREAM_H_
