// SPDX-License-Identifier: Apache-2.0
// The agent without its process: looks at Slurm and tells the daemon, one round after the other.
// It never sleeps and reads no clock but the one it is given; between rounds, its caller waits for
// TimeToNextRound().
#ifndef RHUMB_CLIENT_SLURM_AGENT_AGENT_H_
#define RHUMB_CLIENT_SLURM_AGENT_AGENT_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/slurm/gpu_names.h"
#include "client/slurm_agent/accounting.h"
#include "client/slurm_agent/cluster_source.h"
#include "client/slurm_agent/daemon_link.h"
#include "client/slurm_agent/job_watch.h"
#include "client/slurm_agent/snapshot.h"

namespace rhumb::slurm_agent {

struct AgentOptions {
  // Empty: Slurm's own name of it.
  std::string cluster;
  absl::Duration interval = absl::Seconds(30);
  // Longest time between two tellings of the same; the daemon takes nothing for true that is older
  // than ten minutes.
  absl::Duration heartbeat = absl::Minutes(2);
  JobWatchOptions jobs;
};

// Says a lasting trouble once, and once that it is over.
class TroubleLog {
 public:
  // `subject` as in "the daemon".
  explicit TroubleLog(std::string subject) : subject_(std::move(subject)) {}
  void Failed(const absl::Status& status);
  void Worked();

 private:
  std::string subject_;
  absl::StatusCode said_ = absl::StatusCode::kOk;
  int64_t failure_count_ = 0;
};

// The time that people tell, and one that no correction of it touches, to wait by.
struct AgentClocks {
  std::function<absl::Time()> wall, steady;
};

// What it was given outlives it. Of one thread.
class Agent {
 public:
  Agent(AgentOptions options, slurm::GpuNames gpu_names, ClusterSource& source, DaemonLink& daemon,
        Accounting& accounting, AgentClocks clocks);

  // Looks at Slurm if that is due, and tells the daemon what changed, or all where it was told
  // nothing for a heartbeat. While Slurm does not answer the daemon is told nothing: what is old
  // must age. Answers the first thing that went wrong; what it does not manage it tries again in a
  // later round.
  absl::Status Round();

  // Zero or more. Doubles while something fails: from a second for the daemon, from the interval
  // for Slurm, up to a heartbeat.
  absl::Duration TimeToNextRound() const;

  // Another table of names; the next round, which is due at once, tells by it.
  void SetGpuNames(slurm::GpuNames gpu_names);

 private:
  absl::Status Look(absl::Time now);
  absl::Status Tell(absl::Time now);
  absl::Status TellNodes(absl::Time now);
  void NoteTypes(const v1::NodeInventory& answer);

  AgentOptions options_;
  slurm::GpuNames gpu_names_;
  ClusterSource& source_;
  DaemonLink& daemon_;
  AgentClocks clocks_;

  ClusterState state_;
  bool identified_ = false;
  bool is_current_ = false;  // the last look worked
  absl::Time look_time_;     // of the last one that worked
  absl::Time next_look_ = absl::InfinitePast();
  absl::Time next_tell_ = absl::InfinitePast();
  bool is_told_ = false;  // of the last look
  int look_failures_ = 0, tell_failures_ = 0;

  std::string told_nodes_;  // without its time
  absl::Time nodes_told_ = absl::InfinitePast();
  JobWatch jobs_;
  std::string unknown_types_, mixed_nodes_;  // as last said
  TroubleLog slurm_trouble_, daemon_trouble_;
};

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_AGENT_H_
