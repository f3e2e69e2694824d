// SPDX-License-Identifier: Apache-2.0
// --reserve: the GPUs of a plan, promised to nobody else until its job is seen.
#ifndef RHUMB_CLIENT_CLI_PROMISE_H_
#define RHUMB_CLIENT_CLI_PROMISE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cpp/client.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// How long a plan's GPUs stay promised: a job that is submitted at once holds them, and its agent
// has seen that, well before.
inline constexpr double kPromiseSeconds = 600;

Flag ReserveFlag();

// INVALID_ARGUMENT if --reserve is given for a question that is not about what is free of a
// cluster, or that changes nothing.
absl::Status CheckReserve(const v1::CreatePlanRequest& question, const Invocation& invocation);

// With --reserve, promises the plan's GPUs and says so in a remark. Each call promises anew, but
// for those with the same --request-id. INVALID_ARGUMENT if the plan is of no cluster;
// FAILED_PRECONDITION, NOT_ENOUGH_FREE_GPUS, if somebody was faster.
absl::Status Promise(const v1::Plan& plan, client::Client& client, const Invocation& invocation,
                     Context& context);

// Asks for the plan and promises its GPUs as Promise() does. Where somebody was faster it asks
// once more, for what is free then. A plan that is not feasible has nothing to promise.
absl::StatusOr<v1::Plan> PlanAndPromise(const v1::CreatePlanRequest& question,
                                        client::Client& client, const Invocation& invocation,
                                        Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PROMISE_H_
