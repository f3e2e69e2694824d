// SPDX-License-Identifier: Apache-2.0
// A stored run as the planner of its rest takes it: the plan in force, what its samples say, and
// what is left of its limits.
#ifndef RHUMB_DAEMON_RUN_UNDER_WAY_H_
#define RHUMB_DAEMON_RUN_UNDER_WAY_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/store/store.h"
#include "planner/track/replan.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::daemon {

struct PlanInForce {
  v1::Plan plan;
  v1::CreatePlanRequest question;  // that it answers, in its canonical form
};

// FAILED_PRECONDITION, RUN_HAS_NO_PLAN: the run names none, it is not stored any more, or it says
// nothing of GPUs and time.
absl::StatusOr<PlanInForce> ReadPlanInForce(const StoredRun& stored, Store& store);

// `done_token_count`: instead of what was last reported. FAILED_PRECONDITION, RUN_HAS_NO_SAMPLES,
// where nobody says.
absl::StatusOr<RunUnderWay> ReadRunUnderWay(const StoredRun& stored, const PlanInForce& in_force,
                                            std::optional<int64_t> done_token_count, int64_t now_ns,
                                            Store& store);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_RUN_UNDER_WAY_H_
