// SPDX-License-Identifier: Apache-2.0
// Runs and their jobs, from messages to the store and back. What is planned beside what happened:
// run_answer.h.
#ifndef RHUMB_DAEMON_RUNS_H_
#define RHUMB_DAEMON_RUNS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/peer.h"
#include "daemon/store/store.h"
#include "rhumb/v1/run.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::daemon {

// How far the clocks of a launcher and the daemon may differ.
inline constexpr int64_t kClockSkewNs = int64_t{300} * 1'000'000'000;

// NOT_FOUND, RUN_NOT_FOUND.
absl::Status NoSuchRun(absl::string_view name);

// PERMISSION_DENIED, NOT_OWNER, unless the run is the caller's or he is the operator.
absl::Status MayChangeRun(const StoredRun& run, const Caller& caller);

// By its full name; NoSuchRun.
absl::StatusOr<StoredRun> FindRunByName(const std::string& name, Store& store);

// A stored run with its jobs, as it is shown in every view; a job that runs has run until `now_ns`.
// DATA_LOSS if the bytes of a job are no message.
absl::StatusOr<v1::Run> ToMessage(const StoredRun& stored, int64_t now_ns);

// What became of jobs, or field violations.
absl::StatusOr<v1::SyncJobsResponse> SyncJobs(const v1::SyncJobsRequest& request,
                                              const Caller& caller, int64_t now_ns, Store& store);

// Errors beside field violations: NO_IDENTITY, PLAN_NOT_FOUND, RUN_HAS_OTHER_PLAN, NOT_OWNER (of a run that
// would learn a plan or title).
absl::StatusOr<StoredRun> CreateRun(const v1::CreateRunRequest& request, const Caller& caller,
                                    int64_t now_ns, Store& store);

// By name, or by its job. RUN_NOT_FOUND, or a field violation if the job is of several clusters.
absl::StatusOr<StoredRun> FindRun(const v1::GetRunRequest& request, Store& store);

// RUN_NOT_FOUND, NOT_OWNER, RUN_HAS_JOBS, RUN_HAS_ENDED.
absl::StatusOr<StoredRun> FinishRun(const v1::FinishRunRequest& request, const Caller& caller,
                                    int64_t now_ns, Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUNS_H_
