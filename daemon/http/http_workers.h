// SPDX-License-Identifier: Apache-2.0
// Threads that answer whole requests, each with a codec of its own.
#ifndef RHUMB_DAEMON_HTTP_HTTP_WORKERS_H_
#define RHUMB_DAEMON_HTTP_HTTP_WORKERS_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "daemon/http/http_codec.h"

namespace rhumb::daemon {

class HttpWorkers {
 public:
  using Job = std::function<void(HttpCodec& codec)>;

  HttpWorkers(int thread_count, const HttpCodec::Handler& handler);
  // Does all jobs first.
  ~HttpWorkers();

  void Submit(Job job);

 private:
  void Run(const HttpCodec::Handler& handler);

  absl::Mutex mutex_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_HTTP_HTTP_WORKERS_H_
