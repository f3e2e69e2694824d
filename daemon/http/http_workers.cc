// SPDX-License-Identifier: Apache-2.0
#include "daemon/http/http_workers.h"

#include <utility>

namespace rhumb::daemon {

HttpWorkers::HttpWorkers(int thread_count, const HttpCodec::Handler& handler) {
  for (int i = 0; i < thread_count; ++i) threads_.emplace_back([this, handler] { Run(handler); });
}

HttpWorkers::~HttpWorkers() {
  {
    const absl::MutexLock lock(&mutex_);
    ending_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void HttpWorkers::Submit(Job job) {
  const absl::MutexLock lock(&mutex_);
  jobs_.push_back(std::move(job));
}

void HttpWorkers::Run(const HttpCodec::Handler& handler) {
  HttpCodec codec(handler);
  while (true) {
    Job job;
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](HttpWorkers* pool)
               ABSL_NO_THREAD_SAFETY_ANALYSIS { return !pool->jobs_.empty() || pool->ending_; },
          this));
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job(codec);
  }
}

}  // namespace rhumb::daemon
