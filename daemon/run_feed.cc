// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_feed.h"

namespace rhumb::daemon {

void RunFeed::Add(const std::string& run, RunWatcher* watcher) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (closed_) {
    watcher->OnClose();
  } else {
    watchers_[run].insert(watcher);
  }
}

void RunFeed::Remove(const std::string& run, RunWatcher* watcher) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = watchers_.find(run);
  if (found == watchers_.end()) return;
  found->second.erase(watcher);
  if (found->second.empty()) watchers_.erase(found);
}

bool RunFeed::IsWatched(const std::string& run) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return watchers_.count(run) > 0;
}

void RunFeed::TellSamples(const std::string& run, const SampleNews& samples) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = watchers_.find(run);
  if (found == watchers_.end()) return;
  for (RunWatcher* watcher : found->second) watcher->OnSamples(samples);
}

void RunFeed::TellChange(const std::string& run) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = watchers_.find(run);
  if (found == watchers_.end()) return;
  for (RunWatcher* watcher : found->second) watcher->OnChange(/*sure=*/true);
}

void RunFeed::TellChangeOfAny() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [run, watchers] : watchers_) {
    for (RunWatcher* watcher : watchers) watcher->OnChange(/*sure=*/false);
  }
}

void RunFeed::Close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closed_ = true;
  for (const auto& [run, watchers] : watchers_) {
    for (RunWatcher* watcher : watchers) watcher->OnClose();
  }
}

}  // namespace rhumb::daemon
