// SPDX-License-Identifier: Apache-2.0
// Looks at every new sample of every run as it is stored, and tells whoever watches.
#ifndef RHUMB_DAEMON_RUN_MONITORS_H_
#define RHUMB_DAEMON_RUN_MONITORS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/clock.h"
#include "daemon/run_feed.h"
#include "daemon/store/store.h"
#include "rhumb/v1/run_progress.pb.h"

namespace rhumb::daemon {

// Thread-safe.
class RunMonitors {
 public:
  // `store` and `feed` must outlive it.
  RunMonitors(Store& store, Clock clock, RunFeed& feed)
      : store_(store), clock_(std::move(clock)), feed_(feed) {}

  // What of `samples` was new is in `answer`.
  absl::Status Observe(const std::string& run, const AppendAnswer& answer,
                       const std::vector<StoredSample>& samples);

  // Alarms of the run that last.
  absl::StatusOr<std::vector<v1::DriftAlarm>> OpenAlarms(const std::string& run);

 private:
  void TellWatchers(const std::string& run, const AppendAnswer& answer,
                    const std::vector<StoredSample>& samples);

  Store& store_;
  const Clock clock_;
  RunFeed& feed_;
};

// DATA_LOSS if its bytes are no message.
absl::StatusOr<v1::DriftAlarm> ToMessage(const StoredAlarm& stored);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_MONITORS_H_
