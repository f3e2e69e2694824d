// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/process_loop.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

#include "daemon/process/log.h"
#include "daemon/process/sd_notify.h"

namespace rhumb::slurm_agent {
namespace {

sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// That HUP came, from the thread of signals to the loop.
struct Reload {
  std::mutex mutex;
  std::condition_variable came;
  bool is_asked = false;
};

void WaitForSignals(Reload& reload) {
  const sigset_t signals = OurSignals();
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) {
      Log(LogLevel::kInfo, "stopped", {{"signal", signal == SIGINT ? "INT" : "TERM"}});
      SdNotify("STOPPING=1");
      std::_Exit(EXIT_SUCCESS);
    }
    const std::lock_guard<std::mutex> lock(reload.mutex);
    reload.is_asked = true;
    reload.came.notify_one();
  }
}

}  // namespace

void BlockSignals() {
  const sigset_t signals = OurSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void RunLoop(const LoopSteps& steps) {
  // Lives as long as the thread, which is as long as the process.
  static Reload reload;
  std::thread(WaitForSignals, std::ref(reload)).detach();
  SdNotify("READY=1");
  while (true) {
    steps.round();
    SdNotify("WATCHDOG=1");
    std::unique_lock<std::mutex> lock(reload.mutex);
    reload.came.wait_for(lock, absl::ToChronoNanoseconds(steps.time_to_next_round()),
                         [] { return reload.is_asked; });
    if (!reload.is_asked) continue;
    reload.is_asked = false;
    lock.unlock();
    steps.reload();
  }
}

}  // namespace rhumb::slurm_agent
