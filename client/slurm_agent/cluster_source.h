// SPDX-License-Identifier: Apache-2.0
// What Slurm says of a cluster, in plain structs: whoever asks it, by libslurm or by its commands,
// fills these.
#ifndef RHUMB_CLIENT_SLURM_AGENT_CLUSTER_SOURCE_H_
#define RHUMB_CLIENT_SLURM_AGENT_CLUSTER_SOURCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rhumb::slurm_agent {

struct SourceNode {
  std::string name;
  // Slurm's words in upper case, base state and flags: {"IDLE", "DRAIN"}.
  std::vector<std::string> states;
  std::string gres, gres_used;  // as in gpu:h100:8(S:0-1), gpu:h100:4(IDX:0-3)
  std::string reason;
};

struct SourcePartition {
  std::string name;
  bool is_up = false;                      // takes jobs and starts them
  std::optional<double> max_wall_seconds;  // nullopt: no limit
  // Filled by one of these, as the source has it.
  std::vector<std::string> nodes;
};

// A reservation of Slurm's, not of ours.
struct SourceReservation {
  std::string name;
  std::vector<std::string> nodes;
  int64_t start_seconds = 0, end_seconds = 0;  // since 1970
  bool is_maintenance = false;
};

struct SourceJob {
  int64_t job_id = 0;
  int64_t array_job_id = 0;              // 0: none
  std::optional<int64_t> array_task_id;  // of an element
  std::string array_tasks;               // elements that wait in one record, as in 2-3,7%1
  int64_t het_job_id = 0;                // 0: none
  int64_t het_job_offset = 0;
  int64_t restart_count = 0;  // how often it was queued again

  std::vector<std::string> states;  // Slurm's words in upper case, base state and flags
  std::string reason, comment, user_name, name, partition;
  int64_t user_id = 0;
  std::string node_list;  // in Slurm's form
  int64_t node_count = 0, task_count = 0;
  // GPUs in Slurm's words: what it holds on each node; in all; what it asked for.
  std::vector<std::string> gres_detail;
  std::string gres_total, tres_allocated, tres_per_job, tres_per_node, tres_per_task;

  // Since 1970; 0: not known. Start and end are forecasts while it waits or runs.
  int64_t submit_seconds = 0, start_seconds = 0, end_seconds = 0;
  // When it was last suspended or resumed, and what it had run before.
  int64_t suspend_seconds = 0, run_before_suspend_seconds = 0;
  std::optional<double> time_limit_seconds;  // nullopt: no limit
  int64_t exit_code = 0, exit_signal = 0;    // of one that has ended
};

// What has changed since the last look; nullopt: nothing. Jobs are all that Slurm knows, also those
// that ended lately.
struct SourceNews {
  std::optional<std::vector<SourceNode>> nodes;
  std::optional<std::vector<SourcePartition>> partitions;
  std::optional<std::vector<SourceReservation>> reservations;
  std::optional<std::vector<SourceJob>> jobs;
};

struct SourceIdentity {
  std::string cluster;  // Slurm's ClusterName
  std::string version;  // as in "slurm 22.05.8, libslurm"
};

class ClusterSource {
 public:
  virtual ~ClusterSource() = default;

  // UNAVAILABLE while slurmctld does not answer.
  virtual absl::StatusOr<SourceIdentity> Identify() = 0;

  // Looks. UNAVAILABLE while slurmctld does not answer; then nothing counts as seen, and the next
  // look tells of everything that changed since the last one that worked. The first tells all.
  virtual absl::StatusOr<SourceNews> Look() = 0;
};

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_CLUSTER_SOURCE_H_
