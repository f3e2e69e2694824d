// SPDX-License-Identifier: Apache-2.0
// Whether each value of a request makes sense by itself: ranges, enum values, texts, required
// fields. Every violation is collected. Not whether names exist (resolve.h) nor whether the
// question as a whole does (planner ValidateQuestion).
#ifndef RHUMB_DAEMON_VALIDATE_H_
#define RHUMB_DAEMON_VALIDATE_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/rpc_status.h"
#include "rhumb/v1/cluster_service.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::daemon {

// Walks any request: numbers that are not finite, negative or out of the range of their name, enum
// values that do not exist, overlong texts, a request_id that is no UUID. Fields are named by path,
// as in gpu_pools[0].count.
void ValidateValues(const google::protobuf::Message& message, FieldViolations& violations);

// A number as messages show it: "nan", "-inf", else the shortest text that reads back the same.
std::string ShowNumber(double value);

// A source is a sentence, longer than a name, and shown in tables all the same.
void CheckSentence(absl::string_view text, absl::string_view field, FieldViolations& violations);

void ValidateCreatePlanRequest(const v1::CreatePlanRequest& request, FieldViolations& violations);
void ValidatePredictLossRequest(const v1::PredictLossRequest& request, FieldViolations& violations);
void ValidateCheckConfigurationRequest(const v1::CheckConfigurationRequest& request,
                                       FieldViolations& violations);
void ValidateApplyClusterRequest(const v1::ApplyClusterRequest& request,
                                 FieldViolations& violations);

// Adds every NaN and infinity of an answer: none is ever stored or sent.
void FindNonFinite(const google::protobuf::Message& message, FieldViolations& violations);

// Unsets every single number that is not finite, at any depth: for statistics that data may not
// allow. Maps and lists are left as they are.
void ClearNonFinite(google::protobuf::Message& message);

// Rows of a page: 0 means 50, more than `maximum` means `maximum`; InvalidArgument for a negative
// size.
absl::StatusOr<int> PageSize(int32_t requested, int maximum = 1000);

// "clusters/a" of "clusters/a" or "a"; InvalidArgument for field `field` if the id is not one of a
// resource: [a-z]([a-z0-9-]{0,61}[a-z0-9])?.
absl::StatusOr<std::string> ResourceName(absl::string_view collection, absl::string_view name,
                                         absl::string_view field);

// The same as a violation among others, after which it is empty.
std::string ResourceName(absl::string_view collection, absl::string_view name,
                         absl::string_view field, FieldViolations& violations);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_VALIDATE_H_
