// SPDX-License-Identifier: Apache-2.0
// What a run had used when its plan was last made anew: that plan's time and cost are of the rest.
#ifndef RHUMB_DAEMON_RUN_SUNK_H_
#define RHUMB_DAEMON_RUN_SUNK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::daemon {

struct Sunk {
  int64_t replan_time_ns = 0;  // of the last; 0: the plan is the first
  double wall_seconds = 0, gpu_hours = 0;
  std::optional<double> usd;  // what those hours cost; absent where a price is not known
};

// `run` has the jobs of `stored`, whose elapsed times count; without jobs the time since its
// beginning does, on the GPUs of the plan that was in force, or that the run's settings state of
// the first. `replans` are those of the run, by number.
absl::StatusOr<Sunk> ReadSunk(const StoredRun& stored, const v1::Run& run,
                              const std::vector<StoredReplan>& replans, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_SUNK_H_
