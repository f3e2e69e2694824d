// SPDX-License-Identifier: Apache-2.0
// Whom to ask: a daemon that is there, or the same server in this process.
#ifndef RHUMB_CLIENT_CLI_HOME_H_
#define RHUMB_CLIENT_CLI_HOME_H_

#include "absl/status/statusor.h"
#include "client/cli/context.h"

namespace rhumb::cli {

// Opens what --addr, --local, --no-local and the environment say. Without a flag: the first socket
// that exists of CandidateAddresses(); none: in-process, which stderr says in one line.
//
// UNAVAILABLE if a socket exists but nothing answers there (never a fallback), or with --no-local
// nothing exists; PERMISSION_DENIED if the socket may not be used; INVALID_ARGUMENT for flags that
// contradict each other; FAILED_PRECONDITION if the command being run is about what is stored and
// in-process there is no store (any other is answered, and stderr says that nothing was stored).
absl::StatusOr<Home> OpenHome(const Invocation& invocation, Context& context);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_HOME_H_
