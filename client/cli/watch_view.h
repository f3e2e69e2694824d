// SPDX-License-Identifier: Apache-2.0
// A run as it goes on: what is known of it now, as a few lines to be drawn anew or as one line.
#ifndef RHUMB_CLIENT_CLI_WATCH_VIEW_H_
#define RHUMB_CLIENT_CLI_WATCH_VIEW_H_

#include <string>
#include <vector>

#include "client/cli/terminal.h"
#include "rhumb/v1/run_service.pb.h"

namespace rhumb::cli {

class WatchView {
 public:
  // Takes what is new.
  void Update(const v1::WatchRunResponse& message);

  // For a terminal: the state in a sentence, bars and numbers beside the plan's, forecast, alarms,
  // the curve of the loss. No line is wider than the terminal; each ends in a line feed.
  std::string Lines(const Terminal& terminal) const;

  // For a log: "2027-03-01T12:00:00Z r-12 running 45.2% step 17250 loss 2.412 (planned 2.398) ...".
  std::string Line() const;

  const v1::Run& run() const { return run_; }

 private:
  v1::Run run_;
  std::vector<double> losses_;  // of the last samples
};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_WATCH_VIEW_H_
