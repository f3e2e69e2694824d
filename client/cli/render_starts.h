// SPDX-License-Identifier: Apache-2.0
// Plans beside each other by when they would start.
#ifndef RHUMB_CLIENT_CLI_RENDER_STARTS_H_
#define RHUMB_CLIENT_CLI_RENDER_STARTS_H_

#include <string>

#include "client/cli/plan_by_start.h"
#include "client/cli/terminal.h"

namespace rhumb::cli {

// "now", "in 9 min 39 s".
std::string DescribeWait(double wait_seconds);

// "2026-11-28T19:26:40Z".
std::string UtcTime(double unix_seconds);

// A row an option, the best first, and the remarks.
std::string RenderStarts(const PlansByStart& starts, double now_unix_seconds,
                         const Terminal& terminal);

// A list of objects: plan, start_time, wait_seconds, finish_time, node_list, partition, gpu_type,
// gpu_count, wall_seconds, loss_nats, gpu_hours, total_usd.
std::string JsonOfStarts(const PlansByStart& starts, double now_unix_seconds);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RENDER_STARTS_H_
