// SPDX-License-Identifier: Apache-2.0
// What makes two questions the same plan: the bytes that are hashed, and the name they give.
#ifndef RHUMB_DAEMON_IDENTITY_H_
#define RHUMB_DAEMON_IDENTITY_H_

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "planner/cost/framework_profile.h"
#include "planner/cost/hardware.h"
#include "planner/cost/time_calibration.h"
#include "planner/cost/time_constants.h"
#include "planner/laws/law.h"
#include "planner/plan/question.h"

namespace rhumb::daemon {

// Every field of a built-in or stored figure that answers rest on, as bytes: equal only for equal
// figures. A field added to one of these structs does not compile until it is added here.
std::string FiguresOf(const Law& law);
std::string FiguresOf(const Gpu& gpu);
std::string FiguresOf(const TimeConstants& constants);
std::string FiguresOf(const TimeError& error);
std::string FiguresOf(const TimeCalibration& calibration);
std::string FiguresOf(const FrameworkProfile& profile);

// Everything beside the resolved request that an answer depends on, as stored with the plan:
// planner version and its built-in figures (GPUs, time constants, profiles), the law and the GPUs
// and the calibration of the question with all their figures, owner, and the inventory used
// (`cluster_content`, empty without a cluster).
std::string PlanInputsBytes(const PlanQuestion& question, int64_t owner_uid,
                            absl::string_view cluster_content);

// "plans/p-" and 20 hexadecimal digits (80 bits) of the SHA-256 over both.
std::string PlanName(absl::string_view request_bytes, absl::string_view inputs_bytes);

// The same bytes for equal messages: deterministic order, unknown fields dropped.
std::string DeterministicBytes(const google::protobuf::Message& message);

// Hash of a request as sent, but for `request_id` and `validate_only`.
std::string RequestContentHash(const google::protobuf::Message& request);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_IDENTITY_H_
