// SPDX-License-Identifier: Apache-2.0
// Rows of runs and jobs by statements that are prepared once a transaction. Only for this folder.
#ifndef RHUMB_DAEMON_STORE_RUN_ROWS_H_
#define RHUMB_DAEMON_STORE_RUN_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "daemon/store/rows.h"
#include "daemon/store/run_store.h"
#include "daemon/store/soci.h"

namespace rhumb::daemon {

// The variables of a row of runs, in the order of kRunColumns.
class RunRow {
 public:
  explicit RunRow(soci::session& session) : settings_(session) {}
  void BindResults(soci::statement& statement);
  void BindValues(soci::statement& statement);
  StoredRun Get();
  void Set(const StoredRun& run);

 private:
  StoredRun run_;
  std::string state_;
  Integer owner_ = 0, first_submit_ = 0, open_ = 0, job_count_ = 0;
  Integer created_ = 0, updated_ = 0, started_ = 0, ended_ = 0;
  soci::blob settings_;
};
extern const char kRunColumns[];

// The same of jobs.
class JobRow {
 public:
  explicit JobRow(soci::session& session) : content_(session) {}
  void BindResults(soci::statement& statement);
  void BindValues(soci::statement& statement);
  StoredJob Get();
  void Set(const StoredJob& job);

 private:
  StoredJob job_;
  std::string state_;
  Integer submitted_ = 0, owner_ = 0, open_ = 0, started_ = 0, ended_ = 0, observed_ = 0;
  soci::blob content_;
};

// For one transaction. Not copyable: statements hold addresses of the variables.
class RunRows {
 public:
  explicit RunRows(soci::session& session);
  RunRows(const RunRows&) = delete;
  RunRows& operator=(const RunRows&) = delete;

  std::optional<StoredJob> FindJob(const StoredJob& key);
  // Of a run, first to last.
  // First to last: of those of one second, as their numbers grow.
  std::vector<StoredJob> JobsOf(const std::string& run);
  // `job.run` must exist.
  void PutJob(const StoredJob& job);

  // Without its jobs.
  std::optional<StoredRun> FindRun(const std::string& name);
  // Those of a chain, from the one whose first job was submitted last.
  std::vector<StoredRun> RunsOfChain(const std::string& cluster, const std::string& chain_job_id);
  void PutRun(const StoredRun& run);

 private:
  RunRow run_;
  JobRow job_;
  std::string name_, cluster_, id_;
  Integer time_ = 0;
  soci::statement find_job_, jobs_of_, put_job_, find_run_, runs_of_chain_, put_run_;
};

}  // namespace rhumb::daemon

#endif  // RHUMB_DAEMON_STORE_RUN_ROWS_H_
