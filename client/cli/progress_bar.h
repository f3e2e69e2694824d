// SPDX-License-Identifier: Apache-2.0
// One line on stderr that says how far long work has come. Draws on a terminal only.
#ifndef RHUMB_CLIENT_CLI_PROGRESS_BAR_H_
#define RHUMB_CLIENT_CLI_PROGRESS_BAR_H_

#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "client/cli/context.h"

namespace rhumb::cli {

class ProgressBar {
 public:
  // Draws nothing unless `context.err` is the process's stderr and that is a terminal.
  explicit ProgressBar(const Context& context);
  // For tests: draws on `out` whatever it is.
  ProgressBar(std::ostream& out, const Terminal& terminal);
  // Removes the line.
  ~ProgressBar() { Clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // Shows that `fraction` of `stage` is done. Redraws only what a person would notice: whole
  // percents and new stages.
  void Show(double fraction, absl::string_view stage);
  void Clear();

 private:
  std::ostream* out_ = nullptr;  // null: draws nothing
  Terminal terminal_;
  std::string shown_;  // the line that is on the screen
};

// "fit        [#########...........]  45%"
std::string ProgressLine(double fraction, absl::string_view stage, const Terminal& terminal);

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_PROGRESS_BAR_H_
