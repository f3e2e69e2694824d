// SPDX-License-Identifier: Apache-2.0
// Writers of shell text: variables, flags, one torchrun command, a Slurm job.
#ifndef RHUMB_CLIENT_LAUNCH_EMIT_SHELL_H_
#define RHUMB_CLIENT_LAUNCH_EMIT_SHELL_H_

#include "absl/status/statusor.h"
#include "client/launch/plan_launch.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::launch {

// As WriteLaunch of the kind. All but WriteEnv need a plan with hardware and layout.
absl::StatusOr<LaunchText> WriteEnv(const v1::Plan& plan, const LaunchOptions& options);
absl::StatusOr<LaunchText> WriteMegatron(const v1::Plan& plan, const LaunchOptions& options);
absl::StatusOr<LaunchText> WriteTorchrun(const v1::Plan& plan, const LaunchOptions& options);
absl::StatusOr<LaunchText> WriteSbatch(const v1::Plan& plan, const LaunchOptions& options);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_EMIT_SHELL_H_
