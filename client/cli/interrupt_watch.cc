// SPDX-License-Identifier: Apache-2.0
#include "client/cli/interrupt_watch.h"

#include <iterator>

namespace rhumb::cli {
namespace {

volatile std::sig_atomic_t g_signal = 0;

void OnInterrupt(int signal) { g_signal = signal; }

}  // namespace

InterruptWatch::InterruptWatch() {
  g_signal = 0;
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigemptyset(&action.sa_mask);
  // Who asks twice does not want to wait: the second signal of a kind does what it always does.
  action.sa_flags = SA_RESETHAND;
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], nullptr, &previous_[i]);
    if (previous_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

InterruptWatch::~InterruptWatch() {
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &previous_[i], nullptr);
}

bool InterruptWatch::interrupted() { return g_signal != 0; }

int InterruptWatch::signal() { return g_signal; }

}  // namespace rhumb::cli
