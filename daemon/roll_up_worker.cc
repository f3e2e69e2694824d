// SPDX-License-Identifier: Apache-2.0
#include "daemon/roll_up_worker.h"

#include <string>
#include <utility>

#include "daemon/process/log.h"

namespace rhumb::daemon {

RollUpWorker::RollUpWorker(SampleStore& samples, const RollUpPolicy& policy, Clock clock,
                           std::chrono::milliseconds interval)
    : samples_(samples),
      policy_(policy),
      clock_(std::move(clock)),
      interval_(interval),
      thread_([this] { Run(); }) {}

RollUpWorker::~RollUpWorker() { Stop(); }

void RollUpWorker::Stop() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  const std::lock_guard<std::mutex> guard(join_mutex_);
  if (thread_.joinable()) thread_.join();
}

bool RollUpWorker::ShouldStop() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return stopping_;
}

void RollUpWorker::Run() {
  while (true) {
    {
      std::unique_lock<std::mutex> guard(mutex_);
      if (changed_.wait_for(guard, interval_, [this] { return stopping_; })) return;
    }
    const auto answer = samples_.RollUp(policy_, clock_(), [this] { return ShouldStop(); });
    if (!answer.ok()) {
      Log(LogLevel::kWarning, "samples not rolled up",
          {{"status", std::string(answer.status().message())}});
    }
  }
}

}  // namespace rhumb::daemon
