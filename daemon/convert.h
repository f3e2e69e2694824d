// SPDX-License-Identifier: Apache-2.0
// API messages to planner structs and back, value by value. No look-ups, no defaults but those of a
// field's comment. Laws, shapes, GPUs and observations are in convert/, fits in fit_convert.h.
#ifndef RHUMB_DAEMON_CONVERT_H_
#define RHUMB_DAEMON_CONVERT_H_

#include <optional>

#include "daemon/convert_law.h"
#include "planner/cost/hardware.h"
#include "planner/cost/model_shape.h"
#include "planner/laws/law.h"
#include "planner/plan/check.h"
#include "planner/plan/plan.h"
#include "planner/plan/question.h"
#include "proto/convert/architecture_message.h"
#include "proto/convert/gpu_message.h"
#include "rhumb/v1/cluster.pb.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::daemon {

using convert::FromProto;
using convert::ToProto;

// Enums. UNSPECIFIED is nullopt.
std::optional<Objective> FromProto(v1::Objective objective);
std::optional<Precision> FromProto(v1::Precision precision);
std::optional<Recompute> FromProto(v1::Recompute recompute);
v1::Objective ToProto(Objective objective);
v1::Precision ToProto(Precision precision);
v1::Recompute ToProto(Recompute recompute);

LayoutConstraints FromProto(const v1::LayoutConstraints& constraints);

// Everything but name, create_time, owner_uid, planner_version, law and search.seconds, which the
// caller knows.
v1::Plan ToProto(const Plan& plan, const PlanQuestion& question);
v1::CheckConfigurationResponse ToProto(const CheckAnswer& answer, const CheckQuestion& question);
v1::LossEstimate ToProto(const LossEstimate& loss);
v1::Plan::Assumption ToProto(const Assumption& assumption);
v1::Plan::Warning ToProto(const PlanWarning& warning);

// Drops what only the FULL view shows: stages of memory, breakdown of a step.
void KeepBasicView(v1::Plan& plan);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_CONVERT_H_
