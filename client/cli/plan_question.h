// SPDX-License-Identifier: Apache-2.0
// The question of a plan, from flags and a file: what `rhumb plan` and `rhumb submit` share.
#ifndef RHUMB_CLIENT_CLI_PLAN_QUESTION_H_
#define RHUMB_CLIENT_CLI_PLAN_QUESTION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/launch/plan_launch.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// The flags that say a question: fields of CreatePlanRequest, pools, --arch, --file.
std::vector<Flag> PlanQuestionFlags();

// The question of --file, empty without.
absl::StatusOr<v1::CreatePlanRequest> ReadPlanQuestionFile(const Invocation& invocation,
                                                           const Context& context);

// `request` is the file's question; flags win over it.
absl::StatusOr<v1::CreatePlanRequest> ReadPlanQuestion(v1::CreatePlanRequest request,
                                                       const Invocation& invocation,
                                                       const Context& context);

// The network between the plan's nodes where the question states it and not otherwise for another
// pool: the plan does not say which of the pools it took.
absl::StatusOr<launch::LaunchOptions> LaunchOptionsOf(const v1::CreatePlanRequest& request,
                                                      const Home& home);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PLAN_QUESTION_H_
