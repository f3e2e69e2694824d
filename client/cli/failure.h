// SPDX-License-Identifier: Apache-2.0
// How `rhumb` fails: which exit code, and what stderr says.
#ifndef RHUMB_CLIENT_CLI_FAILURE_H_
#define RHUMB_CLIENT_CLI_FAILURE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/cli/context.h"

namespace rhumb::cli {

// The exit code of a failed `status`, whether made here or by the daemon.
int ExitCodeOf(const absl::Status& status);

// Says on stderr what failed and answers the exit code. Refused fields are named by the flag of the
// command being run that sets them, one a line: "rhumb: --deadline (deadline_seconds): must be
// positive, got -1". Fields inside the text are named by flags too, and beside what must be a
// multiple stand the nearest ones.
int Fail(Context& context, const absl::Status& status);

// As Fail, for what the person typed, with a hint where the help is; INVALID_ARGUMENT may hold
// several lines. What was named and could not be read in time is DEADLINE_EXCEEDED, as in Fail.
int FailUsage(Context& context, const absl::Status& status);

// "--gpus (gpu_pools[0].count)": the flag of `command` that sets `field` or the nearest part above
// it, then the field; "field" alone if no flag does.
std::string FieldTitle(const Command* command, absl::string_view field);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_FAILURE_H_
