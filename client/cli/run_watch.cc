// SPDX-License-Identifier: Apache-2.0
#include "client/cli/run_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace rhumb::cli {
namespace {

// How long an interrupt may go unnoticed.
constexpr absl::Duration kBetweenLooks = absl::Milliseconds(50);

// False if interrupted meanwhile.
bool SleepWatchfully(absl::Duration duration, const WatchOptions& options) {
  for (const absl::Time end = absl::Now() + duration; absl::Now() < end;) {
    if (options.interrupted && options.interrupted()) return false;
    absl::SleepFor(std::min(kBetweenLooks, end - absl::Now()));
  }
  return true;
}

}  // namespace

absl::Status WatchUntilEnd(client::Client& client, const std::string& run,
                           const WatchOptions& options,
                           const std::function<absl::Status(const v1::WatchRunResponse&)>& sink) {
  v1::WatchRunRequest request;
  request.set_name(run);
  absl::Duration backoff = options.initial_backoff;
  bool was_there = false, is_lost = false;
  absl::Time lost_time;
  for (;;) {
    absl::Status refused;
    bool is_interrupted = false;
    const absl::Status status = client.WatchRun(request, [&](const v1::WatchRunResponse* message) {
      is_interrupted = options.interrupted && options.interrupted();
      if (is_interrupted) return false;
      if (message == nullptr) {
        if (options.on_silence) options.on_silence();
        return true;
      }
      was_there = true;
      is_lost = false;
      backoff = options.initial_backoff;
      refused = sink(*message);
      return refused.ok();
    });
    if (!refused.ok()) return refused;
    // A daemon that stops ends its calls with UNAVAILABLE, and those it had no time for with
    // CANCELLED.
    const bool is_gone = absl::IsUnavailable(status) || absl::IsCancelled(status);
    if (is_interrupted || !is_gone || !was_there) return status;
    if (!is_lost) {
      is_lost = true;
      lost_time = absl::Now();
      if (options.on_loss) options.on_loss(status);
    }
    if (options.patience.has_value() && absl::Now() - lost_time > *options.patience) return status;
    if (!SleepWatchfully(backoff, options)) return absl::CancelledError("no longer watched");
    backoff = std::min(2 * backoff, options.max_backoff);
  }
}

}  // namespace rhumb::cli
