// SPDX-License-Identifier: Apache-2.0
// One comma list in a question's flags, taken apart into as many questions.
#ifndef RHUMB_CLIENT_CLI_SWEEP_H_
#define RHUMB_CLIENT_CLI_SWEEP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/command.h"

namespace rhumb::cli {

struct Sweep {
  std::string flag;                     // whose value is the list; empty without one
  std::vector<std::string> values;      // as written, in order
  std::vector<Invocation> invocations;  // one a value; without a list, what was given
};

// INVALID_ARGUMENT for two lists, an empty value in one, or a list that is a number with thousands
// separators
// ("$25,000"), which would silently ask something else.
absl::StatusOr<Sweep> ReadSweep(const Command& command, const Invocation& invocation);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_SWEEP_H_
