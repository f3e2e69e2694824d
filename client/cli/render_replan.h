// SPDX-License-Identifier: Apache-2.0
// The new plan of a run beside the one in force, what changes, and how to do it.
#ifndef RHUMB_CLIENT_CLI_RENDER_REPLAN_H_
#define RHUMB_CLIENT_CLI_RENDER_REPLAN_H_

#include <optional>
#include <string>

#include "client/cli/terminal.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

// `before`: the plan that was in force; absent if it is not stored any more.
std::string RenderReplan(const std::optional<v1::Plan>& before,
                         const v1::ReplanRunResponse& response, const Terminal& terminal);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_REPLAN_H_
