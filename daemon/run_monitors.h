// SPDX-License-Identifier: Apache-2.0
// Looks at every new sample of every run as it is stored: shows it to the run's drift monitor,
// writes down what that says, and tells whoever watches. Monitors live in memory; one that is not
// there is shown what the store has.
#ifndef RHUMB_DAEMON_RUN_MONITORS_H_
#define RHUMB_DAEMON_RUN_MONITORS_H_

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/clock.h"
#include "daemon/run_feed.h"
#include "daemon/store/store.h"
#include "planner/track/drift.h"
#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::daemon {

// Thread-safe.
class RunMonitors {
 public:
  // `store` and `feed` must outlive it.
  RunMonitors(Store& store, Clock clock, RunFeed& feed)
      : store_(store), clock_(std::move(clock)), feed_(feed) {}

  // What of `samples` was new is in `answer`. Errors: those of the store; the samples are stored
  // all the same.
  absl::Status Observe(const std::string& run, const AppendAnswer& answer,
                       const std::vector<StoredSample>& samples);

  // What the run is expected to do has changed: its monitor begins anew, and what it found ends.
  absl::Status Restart(const std::string& run);

  // Alarms of the run that last.
  absl::StatusOr<std::vector<v1::DriftAlarm>> OpenAlarms(const std::string& run);

 private:
  void TellWatchers(const std::string& run, const AppendAnswer& answer,
                    const std::vector<StoredSample>& samples);

  struct Monitored {
    std::mutex mutex;
    std::optional<DriftMonitor> monitor;  // absent: it has seen nothing yet
    // Number of the attempt that began last, and what the monitor knows it by.
    int64_t attempt = 0, position = 0;
    // Nothing has begun since the run was planned anew: what is told is of the layout before.
    bool awaits_attempt = false;
  };
  // Of the kMaxMonitors runs that reported last.
  std::shared_ptr<Monitored> Find(const std::string& run);
  // A monitor that has seen all that is stored, the newest samples included.
  absl::Status Begin(const std::string& run, Monitored& monitored);
  // Shows `monitor` what was sampled since then, and `standing` where they began. `attempts`:
  // (number, rank), by when they began.
  absl::StatusOr<std::vector<DriftEvent>> ShowStored(
      const std::string& run, const std::vector<std::pair<int64_t, int64_t>>& attempts,
      int64_t since_ns, std::vector<DriftAlarm> standing, DriftMonitor& monitor);
  absl::Status EndAll(const std::string& run);
  // Writes down that the alarm has ended.
  absl::Status End(const StoredAlarm& alarm);
  absl::StatusOr<DriftOptions> OptionsOf(const std::string& name, bool replanned);
  absl::Status Show(const std::string& run, const AppendAnswer& answer,
                    const std::vector<StoredSample>& samples);
  absl::Status WriteDown(const std::string& run, const DriftEvent& event);
  // Writes down how large an alarm that lasts has become. False if that is known, or none lasts.
  absl::StatusOr<bool> TellAnew(const std::string& run, const DriftAlarm& alarm);

  Store& store_;
  const Clock clock_;
  RunFeed& feed_;
  std::mutex mutex_;
  std::list<std::pair<std::string, std::shared_ptr<Monitored>>> by_use_;
  std::unordered_map<std::string, decltype(by_use_)::iterator> monitors_;
};

// DATA_LOSS if its bytes are no message.
absl::StatusOr<v1::DriftAlarm> ToMessage(const StoredAlarm& stored);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_MONITORS_H_
