// SPDX-License-Identifier: Apache-2.0
// A few threads for work that would hold up gRPC's own: fits, and storing what was streamed in.
// What waits is bounded, so that more callers than the machine can serve are told so.
#ifndef RHUMB_DAEMON_WORKER_POOL_H_
#define RHUMB_DAEMON_WORKER_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rhumb::daemon {

// Thread-safe.
class WorkerPool {
 public:
  // At most `max_waiting` jobs wait beside those that run. Threads start with the first job.
  WorkerPool(int thread_count, size_t max_waiting);
  // Runs what waits, then returns.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False if too many wait: `job` is not run then. Every other job runs once, in order of arrival.
  bool Submit(std::function<void()> job);

 private:
  void Run();

  const int thread_count_;
  const size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  int idle_count_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_WORKER_POOL_H_
