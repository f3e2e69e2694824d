// SPDX-License-Identifier: Apache-2.0
// A question answered with the queue in sight: on what is free now, and on everything once Slurm
// would start it. A later start leaves less of the deadline, which the plan is made for.
#ifndef RHUMB_CLIENT_CLI_PLAN_BY_START_H_
#define RHUMB_CLIENT_CLI_PLAN_BY_START_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/ask_slurm.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// A feasible plan, and when Slurm would start it.
struct StartOption {
  v1::CreatePlanRequest question;  // its deadline counted from the start
  v1::Plan plan;
  StartForecast start;
  double wait_seconds = 0;

  double FinishSeconds() const { return wait_seconds + plan.time().wall_seconds(); }
};

struct PlansByStart {
  std::vector<StartOption> options;    // best first, by the objective of the plans
  std::vector<std::string> remarks;    // why there is no other
  std::optional<v1::Plan> infeasible;  // where no option is left, and no start is to blame
};

using AskPlan = std::function<absl::StatusOr<v1::Plan>(const v1::CreatePlanRequest&)>;
using ForecastPlan = std::function<absl::StatusOr<StartForecast>(const v1::Plan&)>;

// Plans `question`, which names a cluster, for what is free now and, unless it says so itself
// (free_only), for the whole cluster. Deadlines count from `now_unix_seconds`. FAILED_PRECONDITION
// if nothing can start in time; otherwise what `ask` and `forecast` answer.
absl::StatusOr<PlansByStart> PlanByStart(const v1::CreatePlanRequest& question,
                                         double now_unix_seconds, const AskPlan& ask,
                                         const ForecastPlan& forecast);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PLAN_BY_START_H_
