// SPDX-License-Identifier: Apache-2.0
// Plans the rest of a run anew and makes that its plan (RunService.ReplanRun).
#ifndef RHUMB_DAEMON_REPLAN_H_
#define RHUMB_DAEMON_REPLAN_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "daemon/peer.h"
#include "daemon/store/store.h"
#include "planner/plan/question.h"
#include "rhumb/v1/plan_service.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::daemon {

// Stores the new plan and the change of the run's plan, unless it is infeasible, nothing changes,
// or validate_only. Errors beside field violations: RUN_NOT_FOUND, NOT_OWNER, RUN_HAS_ENDED,
// RUN_HAS_NO_PLAN, RUN_HAS_NO_SAMPLES, PLAN_INPUTS_GONE (FAILED_PRECONDITION: what the plan in
// force was asked of is no longer there), NOTHING_FOUND_IN_TIME, ABORTED if the plan changed
// meanwhile.
absl::StatusOr<v1::ReplanRunResponse> ReplanRun(const v1::ReplanRunRequest& request,
                                                const Caller& caller, int64_t now_ns, Store& store,
                                                const std::function<bool()>& should_stop);

// The request whose question is `rest`: `base`, whose pools they are, with all that RestOfRun
// decides.
v1::CreatePlanRequest RestRequest(const PlanQuestion& rest, v1::CreatePlanRequest base);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_REPLAN_H_
