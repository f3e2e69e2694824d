// SPDX-License-Identifier: Apache-2.0
#include "daemon/worker_pool.h"

#include <utility>

namespace rhumb::daemon {

WorkerPool::WorkerPool(int thread_count, size_t max_waiting)
    : thread_count_(thread_count), max_waiting_(max_waiting) {}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkerPool::Submit(std::function<void()> job) {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    const bool can_grow = threads_.size() < static_cast<size_t>(thread_count_);
    const size_t free = static_cast<size_t>(idle_count_) + (can_grow ? 1 : 0);
    if (waiting_.size() >= max_waiting_ + free) return false;
    waiting_.push_back(std::move(job));
    if (can_grow && waiting_.size() > static_cast<size_t>(idle_count_)) {
      threads_.emplace_back([this] { Run(); });
    }
  }
  changed_.notify_one();
  return true;
}

void WorkerPool::Run() {
  std::unique_lock<std::mutex> guard(mutex_);
  while (true) {
    ++idle_count_;
    changed_.wait(guard, [this] { return ending_ || !waiting_.empty(); });
    --idle_count_;
    if (waiting_.empty()) return;
    const std::function<void()> job = std::move(waiting_.front());
    waiting_.pop_front();
    guard.unlock();
    job();
    guard.lock();
  }
}

}  // namespace rhumb::daemon
