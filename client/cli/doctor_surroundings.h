// SPDX-License-Identifier: Apache-2.0
// This machine, for the checks of `rhumb doctor`.
#ifndef RHUMB_CLIENT_CLI_DOCTOR_SURROUNDINGS_H_
#define RHUMB_CLIENT_CLI_DOCTOR_SURROUNDINGS_H_

#include <cstdint>

#include "client/cli/doctor_checks.h"

namespace rhumb::cli {

// `deadline_milliseconds` is how long one program may run before it is killed.
DoctorSurroundings SurroundingsOfThisMachine(int64_t deadline_milliseconds);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_DOCTOR_SURROUNDINGS_H_
