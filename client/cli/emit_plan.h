// SPDX-License-Identifier: Apache-2.0
// `rhumb plan --emit KIND[=FILE]`: plans as files of launchers.
#ifndef RHUMB_CLIENT_CLI_EMIT_PLAN_H_
#define RHUMB_CLIENT_CLI_EMIT_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/launch/launch_kind.h"
#include "client/launch/plan_launch.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::cli {

struct EmitTarget {
  launch::LaunchKind kind = launch::LaunchKind::kEnv;
  std::string path;  // empty: stdout, instead of the answer
};

// --emit.
Flag EmitFlag();

// What --emit asks for; empty without it. INVALID_ARGUMENT for an unknown kind, two texts for
// stdout, a form of the answer (-o, --parsable, --explain) where a text takes its place, or a file
// that cannot be written.
absl::StatusOr<std::vector<EmitTarget>> ReadEmitTargets(const Invocation& invocation);

// Whether one of `targets` is stdout.
bool TakesStdout(const std::vector<EmitTarget>& targets);

// Writes `plan` to all of `targets`, or to none where one of them cannot express it. Remarks go to
// stderr.
absl::Status EmitPlan(const v1::Plan& plan, const std::vector<EmitTarget>& targets,
                      const launch::LaunchOptions& options, const Invocation& invocation,
                      Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_EMIT_PLAN_H_
