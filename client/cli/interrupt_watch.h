// SPDX-License-Identifier: Apache-2.0
// Signals that ask a command to end, as a flag: what it has begun is undone before it ends.
#ifndef RHUMB_CLIENT_CLI_INTERRUPT_WATCH_H_
#define RHUMB_CLIENT_CLI_INTERRUPT_WATCH_H_

#include <csignal>

namespace rhumb::cli {

// While one lives, SIGINT, SIGTERM and SIGHUP raise a flag instead of ending the process; a second
// one ends it. Those that were ignored before (nohup, a job in the background) stay ignored. One at
// a time.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  static bool interrupted();
  // The last of the signals that came; 0 without one.
  static int signal();

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction previous_[3];
};

}  // namespace rhumb::cli

#endif  // RHUMB_CLIENT_CLI_INTERRUPT_WATCH_H_
