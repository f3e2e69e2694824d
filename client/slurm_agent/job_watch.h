// SPDX-License-Identifier: Apache-2.0
// Jobs of plans, from the first sight to their end: what the daemon is told of them, and what
// accounting is asked where slurmctld knows no more.
#ifndef RHUMB_CLIENT_SLURM_AGENT_JOB_WATCH_H_
#define RHUMB_CLIENT_SLURM_AGENT_JOB_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/slurm/gpu_names.h"
#include "client/slurm_agent/accounting.h"
#include "client/slurm_agent/daemon_link.h"
#include "client/slurm_agent/snapshot.h"

namespace rhumb::slurm_agent {

// A job of an id that was submitted then: Slurm keeps the id of one that it queues again.
using JobKey = std::pair<std::string, int64_t>;

struct JobWatchOptions {
  // What neither slurmctld nor accounting knows for so long is lost.
  absl::Duration lost_after = absl::Minutes(10);
  // The same where accounting is kept but cannot be asked.
  absl::Duration lost_after_failures = absl::Hours(24);
  // Between two tellings of the same, and two questions to accounting.
  absl::Duration heartbeat = absl::Minutes(2);
  size_t max_jobs_per_call = 500;
  // The agent's user, who is the daemon's.
  int64_t own_uid = 0;
};

// What it holds is bounded by the jobs that Slurm and the daemon know.
class JobWatch {
 public:
  JobWatch(JobWatchOptions options, DaemonLink& daemon, Accounting& accounting);

  // Tells the daemon of the jobs in `state`, as seen at `look_time`, if something changed or a
  // heartbeat has passed, and of the ends of those that it still takes for open and Slurm has
  // forgotten. A daemon without jobs is no failure.
  absl::Status Tell(const std::string& cluster, const ClusterState& state,
                    const slurm::GpuNames& gpu_names, absl::Time look_time, absl::Time now);

 private:
  // Whether who named a job may be told of it: Slurm may hide the jobs of others from him.
  bool MayLearn(int64_t owner_uid, int64_t job_uid) const;
  absl::Status Send(const std::string& cluster, std::vector<v1::Job> jobs, absl::Time look_time,
                    std::map<JobKey, v1::Job>& open);
  absl::StatusOr<v1::SyncJobsResponse> SendWithoutRefused(v1::SyncJobsRequest request);
  void AddMemory(std::vector<v1::Job>& jobs, absl::Time now);
  std::vector<v1::Job> EndsOf(const std::map<JobKey, v1::Job>& forgotten,
                              const slurm::GpuNames& gpu_names, absl::Time now);
  AccountingAnswer Ask(const std::vector<std::string>& ids, absl::Time now);

  JobWatchOptions options_;
  DaemonLink& daemon_;
  Accounting& accounting_;

  std::string told_;  // all jobs as last told, without what only grows
  absl::Time told_time_ = absl::InfinitePast();
  std::set<std::string> watched_;     // without a plan in their comment
  std::map<JobKey, v1::Job> living_;  // as last told, of those that have not ended
  // Memory of jobs that ended: accounting lags behind, and may know nothing of it.
  struct EndedMemory {
    std::optional<int64_t> bytes;
    int questions = 0;
    absl::Time next_question = absl::InfinitePast();
  };
  std::map<std::string, EndedMemory> ended_memory_;
  std::map<JobKey, absl::Time> missing_since_;
  absl::Time next_question_ = absl::InfinitePast();
  absl::Time disabled_until_ = absl::InfinitePast();
  std::string said_of_accounting_, said_of_refused_;
  bool said_too_old_ = false;
};

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_JOB_WATCH_H_
