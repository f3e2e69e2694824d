// SPDX-License-Identifier: Apache-2.0
// Signals of the agent's process: how it waits, rereads and ends.
#ifndef RHUMB_CLIENT_SLURM_AGENT_PROCESS_LOOP_H_
#define RHUMB_CLIENT_SLURM_AGENT_PROCESS_LOOP_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace rhumb::slurm_agent {

// Blocks TERM, INT and HUP, before any thread starts, so that all inherit it.
void BlockSignals();

struct LoopSteps {
  std::function<void()> round;
  std::function<absl::Duration()> time_to_next_round;
  std::function<void()> reload;  // on HUP
};

// Runs until TERM or INT, which end the process at once with exit code 0: the agent has nothing to
// keep, and a call of it may last many seconds.
[[noreturn]] void RunLoop(const LoopSteps& steps);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_PROCESS_LOOP_H_
