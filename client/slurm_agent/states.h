// SPDX-License-Identifier: Apache-2.0
// Slurm's words for states of nodes and jobs in the words of the API.
#ifndef RHUMB_CLIENT_SLURM_AGENT_STATES_H_
#define RHUMB_CLIENT_SLURM_AGENT_STATES_H_

#include <string>
#include <vector>

#include "rhumb/v1/inventory.pb.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::slurm_agent {

struct NodeVerdict {
  v1::NodeState state = v1::NODE_STATE_UNSPECIFIED;  // unspecified: no node to tell of (FUTURE)
  std::string word;  // why it takes no jobs, in Slurm's word where there is one; else empty
};

// `words`: base state and flags in upper case. What keeps jobs away counts more than the base:
// down and not responding, then drained or failing, powering down, maintenance, reserved. A node
// that is powered down takes jobs: Slurm starts it for one.
NodeVerdict ReadNodeState(const std::vector<std::string>& words);

struct JobVerdict {
  v1::RunState state = v1::RUN_STATE_UNSPECIFIED;  // unspecified: a word that nobody knows
  std::string word;                                // Slurm's, as NODE_FAIL
};

// `words`: base state and flags. COMPLETING still holds its GPUs: RUNNING, whatever its base.
JobVerdict ReadJobState(const std::vector<std::string>& words);

// Whether it will change no more.
bool HasEnded(v1::RunState state);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_STATES_H_
