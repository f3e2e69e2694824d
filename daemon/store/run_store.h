// SPDX-License-Identifier: Apache-2.0
// Runs and the jobs that carry them out: which run a job belongs to is decided in the transaction
// that writes it down, so that news may come in any order, and more than once.
#ifndef RHUMB_DAEMON_STORE_RUN_STORE_H_
#define RHUMB_DAEMON_STORE_RUN_STORE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/store/database.h"
#include "daemon/store/request_key.h"
#include "planner/track/job_state.h"

namespace rhumb::daemon {

// Times are nanoseconds since 1970; 0: not yet.
struct StoredJob {
  std::string cluster;  // clusters/...
  std::string job_id;
  int64_t submit_time_ns = 0;
  std::string chain_job_id;  // empty: it is the first of its run
  std::string plan;          // plans/..., may be empty
  int64_t owner_uid = 0;
  JobState state = JobState::kPending;
  int64_t start_time_ns = 0, end_time_ns = 0;
  int64_t observe_time_ns = 0;  // of the news; stored: of the news that last changed it
  std::string content;          // message bytes, with all of the above but observe_time_ns
  std::string run;              // runs/r-... that it is bound to; filled by the store
};

struct StoredRun {
  std::string name;  // runs/r-...
  int64_t owner_uid = 0;
  std::string plan;        // plans/..., may be empty
  std::string given_plan;  // what its creator said; empty: plan is that of its jobs
  std::string title;
  // Of the first of its jobs, which need not be known; empty: it has no job and expects none.
  std::string cluster, chain_job_id;
  int64_t first_submit_ns = 0;  // of that job; 0: it is not known
  JobState state = JobState::kRunning;
  int64_t job_count = 0;
  int64_t create_time_ns = 0, update_time_ns = 0;
  int64_t start_time_ns = 0, end_time_ns = 0;
  std::string settings;         // message bytes; empty: none given
  std::vector<StoredJob> jobs;  // first to last
};

// Of runs that are created for jobs of which nothing has been told: more of one user are refused,
// older ones are asked for no more.
inline constexpr int64_t kMaxExpectedRuns = 100;
inline constexpr int64_t kExpectedRunNs = int64_t{7} * 24 * 3600 * 1'000'000'000;

using IsOperator = std::function<bool(int64_t uid)>;

struct RunFilter {
  std::string plan, cluster;  // empty: all
  bool open_only = false;     // those that wait or run alone
};

struct JobNews {
  std::string cluster;
  std::vector<StoredJob> jobs;  // each of them once
  int64_t now_ns = 0;
  bool dry_run = false;  // answer as if it were stored
  // `news` with what only `older` knows: facts, as a time limit, not states.
  std::function<StoredJob(const StoredJob& news, const StoredJob& older)> fill_gaps;
  // Whose runs may become those of the job that they were created for, whoever owns it.
  IsOperator is_operator;
};

struct JobNewsAnswer {
  int64_t changed_job_count = 0;
  // Open jobs of the cluster that were not among the news; without content.
  std::vector<StoredJob> open_jobs;
};

// Thread-safe.
class RunStore {
 public:
  explicit RunStore(Database& database) : database_(database) {}

  // Judges the run that was found instead of a new one; an error refuses the request.
  using MayAnswer = std::function<absl::Status(const StoredRun& known)>;

  // Stores `run`, or answers the one that its job (chain_job_id of cluster, if any) belongs to; for
  // a repeated request what was stored then. A plan that the known run lacks becomes its plan; so
  // do title and settings. A job of which nothing has been told belongs to no other user's run,
  // operators' excepted. AlreadyExists as Store::FindByRequestId, ResourceExhausted beyond
  // kMaxExpectedRuns. With `dry_run` nothing is stored.
  absl::StatusOr<StoredRun> Create(const StoredRun& run, const RequestKey& key, bool dry_run,
                                   const IsOperator& is_operator, const MayAnswer& may_answer);

  // With its jobs; nullopt if there is none of the name.
  absl::StatusOr<std::optional<StoredRun>> Find(absl::string_view name);

  // Runs of the job of that id, one a cluster: that of its newest submission, or the one that
  // expects it. Of `cluster` alone unless that is empty.
  absl::StatusOr<std::vector<StoredRun>> FindByJob(absl::string_view cluster,
                                                   absl::string_view job_id);

  // Up to `limit` runs after `after` (nullopt: from the one that changed last), with their jobs.
  absl::StatusOr<std::vector<StoredRun>> List(const RunFilter& filter,
                                              const std::optional<ListPosition>& after, int limit);

  // How many runs there are of each state, those without any left out.
  absl::StatusOr<std::vector<std::pair<JobState, int64_t>>> CountByState();

  // Changes the run of `name` as `change` does, which may refuse; answers what is stored then.
  // NotFound without such a run. Unchanged if `change` answers false.
  using Change = std::function<absl::StatusOr<bool>(StoredRun& run)>;
  absl::StatusOr<StoredRun> Update(absl::string_view name, const Change& change);

  // Writes down what became of jobs, and the runs that they make, in one transaction. Older news
  // than what is known, and news of jobs that have ended, only fill gaps; but a lost job takes any
  // end that was seen. What changes nothing writes nothing: an unchanged job keeps the time of the
  // news that changed it.
  absl::StatusOr<JobNewsAnswer> Sync(const JobNews& news);

 private:
  Database& database_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_RUN_STORE_H_
