// SPDX-License-Identifier: Apache-2.0
// A run as it goes on: what is known of it now, as a few lines to be drawn anew or as one line.
#ifndef RHUMB_CLIENT_CLI_WATCH_VIEW_H_
#define RHUMB_CLIENT_CLI_WATCH_VIEW_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/terminal.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

class WatchView {
 public:
  // Takes what is new, told at `now`.
  void Update(const v1::WatchRunResponse& message, absl::Time now);

  // Whether samples came behind the run as last told as a whole, and whether that had any: of none
  // it says neither how far it is nor what was planned so far.
  bool lacks_run() const { return lacks_run_; }
  bool run_had_samples() const { return run_had_samples_; }
  // When the run was last told as a whole.
  absl::Time run_time() const { return run_time_; }

  // For a terminal: the state in a sentence, bars and numbers beside the plan's, forecast, alarms,
  // the curve of the loss. What runs has run until `now`. No line is wider than the terminal; each
  // ends in a line feed.
  std::string Lines(const Terminal& terminal, absl::Time now) const;

  // For a log: "2027-03-01T12:00:00Z r-12 running 45.2% step 17250 loss 2.412 (planned 2.398) ...".
  std::string Line() const;

  const v1::Run& run() const { return run_; }

 private:
  v1::Run RunAt(absl::Time now) const;
  void TakeIfNewer(const v1::RunSample& sample);

  v1::Run run_;
  absl::Time run_time_ = absl::InfinitePast();
  bool lacks_run_ = false, run_had_samples_ = false;
  std::vector<double> losses_;  // of the last samples
};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_WATCH_VIEW_H_
