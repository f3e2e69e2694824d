// SPDX-License-Identifier: Apache-2.0
// grpc.health.v1.Health, our own: gRPC's built-in service has no descriptor for reflection and
// cannot end its streams when we drain. On the callback API: a watcher holds no thread.
#ifndef RHUMB_DAEMON_HEALTH_H_
#define RHUMB_DAEMON_HEALTH_H_

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace rhumb::daemon {

class HealthService final : public grpc::health::v1::Health::CallbackService {
 public:
  // Knows "" (the server as a whole) and `services`; NOT_SERVING at first.
  explicit HealthService(std::vector<std::string> services);

  void SetServing();
  // NOT_SERVING for good: every watcher is told and its stream ended, so that none holds up a
  // shutdown.
  void Drain();

  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const grpc::health::v1::HealthCheckRequest* request,
                                  grpc::health::v1::HealthCheckResponse* response) override;
  grpc::ServerWriteReactor<grpc::health::v1::HealthCheckResponse>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::health::v1::HealthCheckRequest* request) override;

 private:
  class Watcher;
  using ServingStatus = grpc::health::v1::HealthCheckResponse::ServingStatus;

  ServingStatus StatusOf(const std::string& service) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(Watcher* watcher);

  const std::unordered_set<std::string> services_;
  absl::Mutex mutex_;
  bool serving_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::unordered_set<Watcher*> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HEALTH_H_
