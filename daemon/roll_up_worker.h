// SPDX-License-Identifier: Apache-2.0
// One thread that merges old samples of runs now and then. How is the store's business.
#ifndef RHUMB_DAEMON_ROLL_UP_WORKER_H_
#define RHUMB_DAEMON_ROLL_UP_WORKER_H_

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "daemon/clock.h"
#include "daemon/store/sample_store.h"

namespace rhumb::daemon {

// Thread-safe.
class RollUpWorker {
 public:
  // Begins after the first `interval`; `samples` must outlive the worker. What fails is logged, and
  // tried again an interval later.
  RollUpWorker(SampleStore& samples, const RollUpPolicy& policy, Clock clock,
               std::chrono::milliseconds interval = std::chrono::minutes(1));
  ~RollUpWorker();
  RollUpWorker(const RollUpWorker&) = delete;
  RollUpWorker& operator=(const RollUpWorker&) = delete;

  // Ends with the transaction under way. Idempotent.
  void Stop();

 private:
  void Run();
  bool ShouldStop();

  SampleStore& samples_;
  const RollUpPolicy policy_;
  const Clock clock_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::mutex join_mutex_;
  std::thread thread_;  // last: starts when everything above exists
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_ROLL_UP_WORKER_H_
