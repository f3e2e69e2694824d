// SPDX-License-Identifier: Apache-2.0
// `rhumb run replan`.
#ifndef RHUMB_CLIENT_CLI_REPLAN_COMMAND_H_
#define RHUMB_CLIENT_CLI_REPLAN_COMMAND_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/cli/command.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

Command RunReplanCommand();

// "10%" and "0.1" are 0.1. INVALID_ARGUMENT unless above 0 and at most 1.
absl::StatusOr<double> ReadTolerance(absl::string_view text);

// The GPUs of `plan` without `lost_node_count` of its nodes, at its price. INVALID_ARGUMENT if none
// are left.
absl::StatusOr<v1::GpuPool> WithoutNodes(const v1::Plan& plan, int64_t lost_node_count);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_REPLAN_COMMAND_H_
