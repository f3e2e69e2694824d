// SPDX-License-Identifier: Apache-2.0
#include "daemon/health.h"

#include <optional>
#include <utility>

#include "daemon/call.h"

namespace rhumb::daemon {

using ::grpc::health::v1::HealthCheckRequest;
using ::grpc::health::v1::HealthCheckResponse;

// One Watch stream. Deletes itself when gRPC is done with it.
class HealthService::Watcher final : public grpc::ServerWriteReactor<HealthCheckResponse> {
 public:
  Watcher(HealthService& health, std::string watched)
      : service(std::move(watched)), health_(health) {}

  // Sends `status` unless it was the last one sent; with `last` ends the stream after it.
  void Tell(ServingStatus status, bool last) {
    {
      const absl::MutexLock lock(&mutex_);
      if (finished_) return;
      next_ = status;
      last_ = last_ || last;
    }
    Advance();
  }

  void OnWriteDone(bool ok) override {
    {
      const absl::MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok) last_ = true;  // the caller has gone
      if (!ok) next_.reset();
    }
    Advance();
  }

  void OnCancel() override {
    {
      const absl::MutexLock lock(&mutex_);
      last_ = true;
      next_.reset();
    }
    Advance();
  }

  void OnDone() override {
    health_.Forget(this);
    delete this;
  }

  const std::string service;

 private:
  // Decides under the lock, acts outside: gRPC may call back from within.
  void Advance() {
    bool write = false, finish = false;
    {
      const absl::MutexLock lock(&mutex_);
      if (writing_ || finished_) return;
      if (next_.has_value() && next_ != sent_) {
        sent_ = next_;
        message_.set_status(*next_);
        write = writing_ = true;
      } else if (last_) {
        finish = finished_ = true;
      }
    }
    if (write) StartWrite(&message_);
    if (finish) Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "the server is draining"));
  }

  HealthService& health_;
  absl::Mutex mutex_;
  std::optional<ServingStatus> next_ ABSL_GUARDED_BY(mutex_);
  std::optional<ServingStatus> sent_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool last_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  HealthCheckResponse message_;  // belongs to gRPC while writing_
};

HealthService::HealthService(std::vector<std::string> services)
    : services_([&services] {
        services.emplace_back("");
        return std::unordered_set<std::string>(services.begin(), services.end());
      }()) {}

HealthService::ServingStatus HealthService::StatusOf(const std::string& service) const {
  if (services_.count(service) == 0) return HealthCheckResponse::SERVICE_UNKNOWN;
  return serving_ ? HealthCheckResponse::SERVING : HealthCheckResponse::NOT_SERVING;
}

void HealthService::SetServing() {
  // The lock is held while telling: a watcher leaves the set before it is deleted.
  const absl::MutexLock lock(&mutex_);
  serving_ = !draining_;
  for (Watcher* watcher : watchers_) watcher->Tell(StatusOf(watcher->service), draining_);
}

void HealthService::Drain() {
  const absl::MutexLock lock(&mutex_);
  serving_ = false;
  draining_ = true;
  for (Watcher* watcher : watchers_) watcher->Tell(StatusOf(watcher->service), true);
}

void HealthService::Forget(Watcher* watcher) {
  const absl::MutexLock lock(&mutex_);
  watchers_.erase(watcher);
}

grpc::ServerUnaryReactor* HealthService::Check(grpc::CallbackServerContext* context,
                                               const HealthCheckRequest* request,
                                               HealthCheckResponse* response) {
  SetReplyHeaders(*context);
  auto* reactor = context->DefaultReactor();
  ServingStatus status;
  {
    const absl::MutexLock lock(&mutex_);
    status = StatusOf(request->service());
  }
  if (status == HealthCheckResponse::SERVICE_UNKNOWN) {
    reactor->Finish(grpc::Status(grpc::StatusCode::NOT_FOUND, "unknown service"));
    return reactor;
  }
  response->set_status(status);
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerWriteReactor<HealthCheckResponse>* HealthService::Watch(
    grpc::CallbackServerContext* context, const HealthCheckRequest* request) {
  SetReplyHeaders(*context);
  auto* watcher = new Watcher(*this, request->service());
  const absl::MutexLock lock(&mutex_);
  watchers_.insert(watcher);
  watcher->Tell(StatusOf(watcher->service), draining_);
  return watcher;
}

}  // namespace rhumb::daemon
