// SPDX-License-Identifier: Apache-2.0
// Watching a run over restarts of the daemon, for the commands that follow one.
#ifndef RHUMB_CLIENT_CLI_RUN_WATCH_H_
#define RHUMB_CLIENT_CLI_RUN_WATCH_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cpp/client.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

struct WatchOptions {
  absl::Duration initial_backoff = absl::Milliseconds(250);
  absl::Duration max_backoff = absl::Seconds(10);
  // How long the daemon may be away, once it was there; nullopt: for ever.
  std::optional<absl::Duration> patience;
  // Asked now and then; true ends the watch with CANCELLED.
  std::function<bool()> interrupted;
  // Told now and then while nothing comes.
  std::function<void()> on_silence;
  // Told when the daemon went away (once, until it is back).
  std::function<void(const absl::Status&)> on_loss;
};

// Gives `sink` every message until the run has ended: OK. After a loss of the daemon it watches
// anew, and `sink` gets the whole run again. `sink` answers an error to end the watch with it. If
// the daemon cannot be asked the first time, its error.
absl::Status WatchUntilEnd(client::Client& client, const std::string& run,
                           const WatchOptions& options,
                           const std::function<absl::Status(const v1::WatchRunResponse&)>& sink);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_RUN_WATCH_H_
