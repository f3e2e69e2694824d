// SPDX-License-Identifier: Apache-2.0
// Runs as they are answered: with what was planned beside what happened, and what to do.
#ifndef RHUMB_DAEMON_RUN_ANSWER_H_
#define RHUMB_DAEMON_RUN_ANSWER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/run_progress.h"
#include "daemon/store/store.h"
#include "planner/track/run_report.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::daemon {

// Of intervals where nobody asks for another.
inline constexpr double kDefaultLevel = 0.9;

// The runs of one answer, at one moment. Reads each plan once.
class RunAnswers {
 public:
  // `store` must outlive it.
  RunAnswers(Store& store, int64_t now_ns) : store_(store), now_ns_(now_ns) {}

  // Without comparisons, advice, forecast and replans.
  absl::StatusOr<v1::Run> Basic(const StoredRun& stored) const;
  // With intervals at kDefaultLevel.
  absl::StatusOr<v1::Run> Full(const StoredRun& stored);
  // With what its samples say as it was read before.
  absl::StatusOr<v1::Run> FullWith(const StoredRun& stored,
                                   const std::optional<RunProgress>& progress);

 private:
  // What a site calls its GPUs without the catalogue knowing it is compared with nothing.
  absl::Status ForgetUnknownGpuTypes(TrackedRun& run);
  // Nullopt if it is gone, or was never here.
  absl::StatusOr<std::optional<v1::Plan>> FindPlan(const std::string& name);

  Store& store_;
  const int64_t now_ns_;
  std::map<std::string, std::optional<v1::Plan>> plans_;
  std::optional<std::set<std::string>> gpu_types_;  // ids that are known
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_ANSWER_H_
