// SPDX-License-Identifier: Apache-2.0
// Who watches which run, and what they are told: new samples, and that the run has changed. Keeps
// nothing: what a watcher missed is in the store.
#ifndef RHUMB_DAEMON_RUN_FEED_H_
#define RHUMB_DAEMON_RUN_FEED_H_

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::daemon {

using SampleNews = std::shared_ptr<const std::vector<v1::RunSample>>;

// Called by whoever makes the news, under the feed's lock: must be quick and not call the feed.
class RunWatcher {
 public:
  virtual ~RunWatcher() = default;
  virtual void OnSamples(const SampleNews& samples) = 0;
  // State, plan or alarms of the run; not `sure`: of some run.
  virtual void OnChange(bool sure) = 0;
  // No news will follow.
  virtual void OnClose() = 0;
};

// Thread-safe.
class RunFeed {
 public:
  // Until Remove; a closed feed closes the watcher at once.
  void Add(const std::string& run, RunWatcher* watcher);
  // After it returns the watcher is called no more.
  void Remove(const std::string& run, RunWatcher* watcher);

  // Whether news of the run would reach anybody.
  bool IsWatched(const std::string& run) const;
  void TellSamples(const std::string& run, const SampleNews& samples);
  void TellChange(const std::string& run);
  // Of which runs is not known.
  void TellChangeOfAny();

  // For the end of the server: closes every watcher.
  void Close();

 private:
  mutable std::mutex mutex_;  // of all below
  bool closed_ = false;
  std::unordered_map<std::string, std::unordered_set<RunWatcher*>> watchers_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_FEED_H_
