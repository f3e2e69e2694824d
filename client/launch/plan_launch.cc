// SPDX-License-Identifier: Apache-2.0
#include "client/launch/plan_launch.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/launch/emit_configs.h"
#include "client/launch/emit_shell.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

absl::Status CheckComplete(const v1::Plan& plan, LaunchKind kind) {
  if (plan.state() != v1::Plan::STATE_FEASIBLE) {
    return absl::InvalidArgumentError("the plan is infeasible: there is nothing to start");
  }
  if (kind == LaunchKind::kEnv) return absl::OkStatus();
  const struct {
    const char* field;
    bool has;
  } needs[] = {{"allocation", plan.has_allocation()},
               {"layout", plan.has_layout()},
               {"batch", plan.has_batch()},
               {"time", plan.has_time()}};
  for (const auto& need : needs) {
    if (need.has) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the plan has no ", need.field,
                     ": it is the law's alone, or its time is given by --mfu; plan with --gpus or "
                     "--cluster and without --mfu"));
  }
  return absl::OkStatus();
}

absl::StatusOr<LaunchText> Write(const v1::Plan& plan, LaunchKind kind,
                                 const LaunchOptions& options) {
  RHUMB_RETURN_IF_ERROR(CheckComplete(plan, kind));
  switch (kind) {
    case LaunchKind::kEnv:
      return WriteEnv(plan, options);
    case LaunchKind::kSbatch:
      return WriteSbatch(plan, options);
    case LaunchKind::kMegatron:
      return WriteMegatron(plan, options);
    case LaunchKind::kTorchtitan:
      return WriteTorchtitan(plan);
    case LaunchKind::kTorchrun:
      return WriteTorchrun(plan, options);
    case LaunchKind::kDeepspeed:
      return WriteDeepspeed(plan);
    case LaunchKind::kAccelerate:
      return WriteAccelerate(plan);
    case LaunchKind::kCount:
      break;
  }
  return absl::InternalError("no such kind");
}

}  // namespace

absl::StatusOr<LaunchText> WriteLaunch(const v1::Plan& plan, LaunchKind kind,
                                       const LaunchOptions& options) {
  absl::StatusOr<LaunchText> written = Write(plan, kind, options);
  if (written.ok()) return written;
  std::vector<std::string> others;
  for (const LaunchKind other : LaunchKinds()) {
    if (other != kind && Write(plan, other, options).ok()) others.push_back(LaunchKindName(other));
  }
  return absl::Status(
      written.status().code(),
      absl::StrCat(LaunchKindName(kind), " cannot express this plan: ", written.status().message(),
                   others.empty() ? "" : "; these can: ", absl::StrJoin(others, ", ")));
}

}  // namespace rhumb::launch
