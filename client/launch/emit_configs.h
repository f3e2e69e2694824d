// SPDX-License-Identifier: Apache-2.0
// Writers of configuration files: torchtitan, DeepSpeed, accelerate.
#ifndef RHUMB_CLIENT_LAUNCH_EMIT_CONFIGS_H_
#define RHUMB_CLIENT_LAUNCH_EMIT_CONFIGS_H_

#include "absl/status/statusor.h"
#include "client/launch/plan_launch.h"
#include "rhumb/v1/plan.pb.h"

namespace rhumb::launch {

// As WriteLaunch of the kind, of a plan with hardware and layout.
absl::StatusOr<LaunchText> WriteTorchtitan(const v1::Plan& plan);
absl::StatusOr<LaunchText> WriteDeepspeed(const v1::Plan& plan);
absl::StatusOr<LaunchText> WriteAccelerate(const v1::Plan& plan);

}  // namespace rhumb::launch

#endif  // RHUMB_CLIENT_LAUNCH_EMIT_CONFIGS_H_
