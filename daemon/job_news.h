// SPDX-License-Identifier: Apache-2.0
// Jobs of schedulers as messages and as rows: what is checked, what is kept, what later news add.
#ifndef RHUMB_DAEMON_JOB_NEWS_H_
#define RHUMB_DAEMON_JOB_NEWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/rpc_status.h"
#include "daemon/store/run_store.h"
#include "google/protobuf/timestamp.pb.h"
#include "planner/cost/hardware.h"
#include "planner/track/job_state.h"
#include "rhumb/v1/run.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::daemon {

v1::RunState ToProto(JobState state);
// Nullopt for RUN_STATE_UNSPECIFIED and what is no state.
std::optional<JobState> FromProto(v1::RunState state);

// Nanoseconds since 1970; a violation, and 0, for a time before then or that nanoseconds cannot
// hold.
int64_t NanosecondsOf(const google::protobuf::Timestamp& time, absl::string_view field,
                      FieldViolations& violations);

// The rows of a request, without now_ns: names made full, GPU types as `gpus` call them (unknown
// ones as they were). Adds all violations.
JobNews NewsToStore(const v1::SyncJobsRequest& request, const std::vector<Gpu>& gpus,
                    FieldViolations& violations);

// As it is shown: one that runs has run until `now_ns`. DATA_LOSS if its bytes are no message.
absl::StatusOr<v1::Job> ToMessage(const StoredJob& stored, int64_t now_ns);

// `news` with the facts that only `older` knows, as its time limit or memory; not what was only
// true then, as the reason why it waited.
StoredJob FillGaps(const StoredJob& news, const StoredJob& older);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_JOB_NEWS_H_
