// SPDX-License-Identifier: Apache-2.0
// Measured runs as API messages and back.
#ifndef RHUMB_CONVERT_OBSERVATION_MESSAGE_H_
#define RHUMB_CONVERT_OBSERVATION_MESSAGE_H_

#include <vector>

#include "planner/fit/observation.h"
#include "rhumb/v1/observation.pb.h"

namespace rhumb::convert {

Observation FromProto(const v1::Observation& row);

// Without a line, which the planner does not know: FromProto(ToProto(row)) is `row`.
v1::Observation ToProto(const Observation& row);

ObservationSet FromProto(const v1::ObservationSet& set, const std::vector<v1::Observation>& rows);

}  // namespace rhumb::convert

#endif  // RHUMB_CONVERT_OBSERVATION_MESSAGE_H_
