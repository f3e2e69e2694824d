// SPDX-License-Identifier: Apache-2.0
// What the forms of `rhumb check` read of the command line alike.
#ifndef RHUMB_CLIENT_CLI_CHECK_FIELDS_H_
#define RHUMB_CLIENT_CLI_CHECK_FIELDS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/command.h"
#include "client/cli/context.h"
#include "client/cli/output.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {

// The configuration that flags state, without details of its pool. INVALID_ARGUMENT names the flag.
absl::StatusOr<v1::CheckConfigurationRequest> ReadCheckFields(const Invocation& invocation,
                                                              const Context& context);

// Puts what flags say of the GPUs' nodes, network and price into the pool of `request`, if it has
// one.
absl::Status ApplyCheckPoolDetails(const Invocation& invocation,
                                   v1::CheckConfigurationRequest& request);

// -o and its companions. INVALID_ARGUMENT of -o name too: nothing is stored.
absl::StatusOr<OutputOptions> ReadCheckOutput(const Invocation& invocation);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_CHECK_FIELDS_H_
