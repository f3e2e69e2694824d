// SPDX-License-Identifier: Apache-2.0
// The way home of commands that feed or change runs: what they tell must still be there for the
// next one who asks, so that they answer in this process only where --local says so.
#ifndef RHUMB_CLIENT_CLI_RUN_HOME_H_
#define RHUMB_CLIENT_CLI_RUN_HOME_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/command.h"
#include "client/cli/context.h"

namespace rhumb::cli {

using WayHome = std::function<absl::StatusOr<Home>(const Invocation&, Context&)>;

// As `open_home` with --no-local, unless --local was given. UNAVAILABLE without a daemon.
inline absl::StatusOr<Home> OpenRunHome(const WayHome& open_home, const Invocation& invocation,
                                        Context& context) {
  if (invocation.Has("local") || invocation.Has("no-local")) return open_home(invocation, context);
  Invocation strict = invocation;
  strict.flags["no-local"] = {""};
  absl::StatusOr<Home> home = open_home(strict, context);
  if (!absl::IsUnavailable(home.status())) return home;
  // The caller did not say --no-local, and has a way that its message does not name.
  absl::string_view why = home.status().message();
  if (!absl::ConsumeSuffix(&why, ", and --no-local forbids answering without a daemon")) {
    return home;
  }
  return absl::UnavailableError(absl::StrCat(
      why,
      ": runs are told to a daemon; start rhumbd, or say --local to keep them in a database "
      "of your own"));
}

inline absl::StatusOr<Home> OpenRunHome(const Invocation& invocation, Context& context) {
  return OpenRunHome(context.open_home, invocation, context);
}

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_HOME_H_
