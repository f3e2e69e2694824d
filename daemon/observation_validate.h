// SPDX-License-Identifier: Apache-2.0
// Judges observations as they are imported: all violations at once, by row and field.
#ifndef RHUMB_DAEMON_OBSERVATION_VALIDATE_H_
#define RHUMB_DAEMON_OBSERVATION_VALIDATE_H_

#include <cstdint>

#include "daemon/rpc_status.h"
#include "rhumb/v1/law_service.pb.h"
#include "rhumb/v1/observation.pb.h"

namespace rhumb::daemon {

// What the first message of an import says of the set.
void ValidateImportHeader(const v1::ImportObservationsRequest& request,
                          FieldViolations& violations);
// Row `index` of the whole import.
void ValidateObservation(const v1::Observation& row, int64_t index, FieldViolations& violations);

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_OBSERVATION_VALIDATE_H_
