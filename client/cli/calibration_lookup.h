// SPDX-License-Identifier: Apache-2.0
// The calibration that --calibration names, for commands that predict here instead of asking.
#ifndef RHUMB_CLIENT_CLI_CALIBRATION_LOOKUP_H_
#define RHUMB_CLIENT_CLI_CALIBRATION_LOOKUP_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "planner/cost/time_calibration.h"

namespace rhumb::cli {

// The flag; `help` says what the command does with it.
Flag CalibrationFlag(const std::string& help);

// Fetched by name; nullopt without the flag, and then nobody is asked. INVALID_ARGUMENT of the
// field `calibration`, with the nearest names, if there is none: a name in a question, not what the
// command is about. Other errors are those of the daemon.
absl::StatusOr<std::optional<TimeCalibration>> FetchCalibration(const Invocation& invocation,
                                                                Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CALIBRATION_LOOKUP_H_
