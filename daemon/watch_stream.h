// SPDX-License-Identifier: Apache-2.0
// The server side of one WatchRun call on gRPC's callback API: holds no thread while nothing
// happens. Looking a run up happens on a worker.
#ifndef RHUMB_DAEMON_WATCH_STREAM_H_
#define RHUMB_DAEMON_WATCH_STREAM_H_

#include <grpcpp/support/server_callback.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/call.h"
#include "daemon/peer.h"
#include "daemon/run_feed.h"
#include "daemon/worker_pool.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::daemon {

// What all watchers of a server share; outlives them.
struct WatchContext {
  // The run as it is answered now; nullopt if its update_time is still `known`, which costs little.
  std::function<absl::StatusOr<std::optional<v1::Run>>(
      const std::string& name, const std::optional<google::protobuf::Timestamp>& known)>
      look;
  RunFeed& feed;
  WorkerPool& workers;
};

// Deletes itself when gRPC is done with it.
class WatchStream final : public grpc::ServerWriteReactor<v1::WatchRunResponse>, RunWatcher {
 public:
  // Begins at once; `run` is a full name, or the error that ends the call.
  static WatchStream* Start(grpc::CallbackServerContext& context,
                            const absl::StatusOr<std::string>& run, const PeerRegistry& peers,
                            const WatchContext& watch);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void OnSamples(const SampleNews& samples) override;
  void OnChange(bool sure) override;
  void OnClose() override;

 private:
  WatchStream(grpc::CallbackServerContext& context, std::string run, const PeerRegistry& peers,
              const WatchContext& watch);

  // Decides under the lock what is to be done, and does it outside.
  void Change(absl::FunctionRef<void()> change);
  void Look();  // on a worker

  const Call call_;
  const std::string run_;
  const WatchContext watch_;

  std::mutex mutex_;  // of all below; std, for the thread sanitizer sees into no other
  // The run has changed since it was looked up, or may have.
  bool stale_ = true;
  bool surely_stale_ = true;
  std::chrono::steady_clock::time_point next_look_;
  std::optional<google::protobuf::Timestamp> known_;
  bool looking_ = false;
  bool told_run_ = false;  // the first message holds it
  bool writing_ = false;
  bool finished_ = false;
  // What waits while a message is written. Samples beyond a bound are dropped, oldest first: a
  // watcher that cannot follow is told the newest, and the store has all.
  std::optional<v1::WatchRunResponse> next_;
  std::optional<absl::Status> end_;
  v1::WatchRunResponse message_;  // belongs to gRPC while writing_
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_WATCH_STREAM_H_
