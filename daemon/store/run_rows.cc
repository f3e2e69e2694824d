// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/run_rows.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace rhumb::daemon {
namespace {

constexpr char kJobColumns[] =
    "cluster, job_id, submit_time_ns, run, chain_job_id, plan, owner_uid, state, is_open, "
    "start_time_ns, end_time_ns, observe_time_ns, content";

// What no build of ours wrote cannot be read; open, so that news repair it.
JobState StateOf(const std::string& name) {
  return FindJobState(name).value_or(JobState::kRunning);
}

void Prepare(soci::statement& statement, const std::string& sql) {
  statement.alloc();
  statement.prepare(sql);
  statement.define_and_bind();
}

// To the end: a statement left on its row would keep a snapshot open.
template <typename Read>
void ForEach(soci::statement& statement, const Read& read) {
  statement.execute();
  while (statement.fetch()) read();
}

}  // namespace

const char kRunColumns[] =
    "name, owner_uid, plan, given_plan, title, cluster, chain_job_id, first_submit_ns, state, "
    "is_open, job_count, create_time_ns, update_time_ns, start_time_ns, end_time_ns, settings";

void RunRow::BindResults(soci::statement& statement) {
  for (std::string* text : {&run_.name}) statement.exchange(soci::into(*text));
  statement.exchange(soci::into(owner_));
  for (std::string* text :
       {&run_.plan, &run_.given_plan, &run_.title, &run_.cluster, &run_.chain_job_id}) {
    statement.exchange(soci::into(*text));
  }
  statement.exchange(soci::into(first_submit_));
  statement.exchange(soci::into(state_));
  for (Integer* number : {&open_, &job_count_, &created_, &updated_, &started_, &ended_}) {
    statement.exchange(soci::into(*number));
  }
  statement.exchange(soci::into(settings_));
}

void RunRow::BindValues(soci::statement& statement) {
  statement.exchange(soci::use(run_.name));
  statement.exchange(soci::use(owner_));
  for (std::string* text :
       {&run_.plan, &run_.given_plan, &run_.title, &run_.cluster, &run_.chain_job_id}) {
    statement.exchange(soci::use(*text));
  }
  statement.exchange(soci::use(first_submit_));
  statement.exchange(soci::use(state_));
  for (Integer* number : {&open_, &job_count_, &created_, &updated_, &started_, &ended_}) {
    statement.exchange(soci::use(*number));
  }
  statement.exchange(soci::use(settings_));
}

StoredRun RunRow::Get() {
  StoredRun run = run_;
  run.owner_uid = owner_;
  run.first_submit_ns = first_submit_;
  run.state = StateOf(state_);
  run.job_count = job_count_;
  run.create_time_ns = created_;
  run.update_time_ns = updated_;
  run.start_time_ns = started_;
  run.end_time_ns = ended_;
  run.settings = BlobBytes(settings_);
  return run;
}

void RunRow::Set(const StoredRun& run) {
  run_ = run;
  run_.jobs.clear();
  owner_ = run.owner_uid;
  first_submit_ = run.first_submit_ns;
  state_ = std::string(NameOf(run.state));
  open_ = IsOpen(run.state) ? 1 : 0;
  job_count_ = run.job_count;
  created_ = run.create_time_ns;
  updated_ = run.update_time_ns;
  started_ = run.start_time_ns;
  ended_ = run.end_time_ns;
  WriteBlob(settings_, run.settings);
  settings_.trim(run.settings.size());  // of longer ones before
}

void JobRow::BindResults(soci::statement& statement) {
  statement.exchange(soci::into(job_.cluster));
  statement.exchange(soci::into(job_.job_id));
  statement.exchange(soci::into(submitted_));
  for (std::string* text : {&job_.run, &job_.chain_job_id, &job_.plan}) {
    statement.exchange(soci::into(*text));
  }
  statement.exchange(soci::into(owner_));
  statement.exchange(soci::into(state_));
  for (Integer* number : {&open_, &started_, &ended_, &observed_}) {
    statement.exchange(soci::into(*number));
  }
  statement.exchange(soci::into(content_));
}

void JobRow::BindValues(soci::statement& statement) {
  statement.exchange(soci::use(job_.cluster));
  statement.exchange(soci::use(job_.job_id));
  statement.exchange(soci::use(submitted_));
  for (std::string* text : {&job_.run, &job_.chain_job_id, &job_.plan}) {
    statement.exchange(soci::use(*text));
  }
  statement.exchange(soci::use(owner_));
  statement.exchange(soci::use(state_));
  for (Integer* number : {&open_, &started_, &ended_, &observed_}) {
    statement.exchange(soci::use(*number));
  }
  statement.exchange(soci::use(content_));
}

StoredJob JobRow::Get() {
  StoredJob job = job_;
  job.submit_time_ns = submitted_;
  job.owner_uid = owner_;
  job.state = StateOf(state_);
  job.start_time_ns = started_;
  job.end_time_ns = ended_;
  job.observe_time_ns = observed_;
  job.content = BlobBytes(content_);
  return job;
}

void JobRow::Set(const StoredJob& job) {
  job_ = job;
  submitted_ = job.submit_time_ns;
  owner_ = job.owner_uid;
  state_ = std::string(NameOf(job.state));
  open_ = IsOpen(job.state) ? 1 : 0;
  started_ = job.start_time_ns;
  ended_ = job.end_time_ns;
  observed_ = job.observe_time_ns;
  WriteBlob(content_, job.content);
  content_.trim(job.content.size());  // of a longer one before
}

RunRows::RunRows(soci::session& session)
    : run_(session),
      job_(session),
      find_job_(session),
      jobs_of_(session),
      put_job_(session),
      find_run_(session),
      runs_of_chain_(session),
      put_run_(session) {
  job_.BindResults(find_job_);
  find_job_.exchange(soci::use(cluster_));
  find_job_.exchange(soci::use(id_));
  find_job_.exchange(soci::use(time_));
  Prepare(find_job_, absl::StrCat("SELECT ", kJobColumns,
                                  " FROM jobs WHERE cluster = :cluster AND job_id = :id AND "
                                  "submit_time_ns = :submitted"));
  job_.BindResults(jobs_of_);
  jobs_of_.exchange(soci::use(name_));
  Prepare(jobs_of_, absl::StrCat("SELECT ", kJobColumns,
                                 " FROM jobs WHERE run = :run "
                                 "ORDER BY submit_time_ns, length(job_id), job_id"));
  job_.BindValues(put_job_);
  Prepare(put_job_,
          absl::StrCat("INSERT INTO jobs (", kJobColumns,
                       ") VALUES (:cluster, :id, :submitted, :run, :chain, :plan, :owner, :state, "
                       ":open, :started, :ended, :observed, :content) "
                       "ON CONFLICT (cluster, job_id, submit_time_ns) DO UPDATE SET "
                       "run = excluded.run, chain_job_id = excluded.chain_job_id, "
                       "plan = excluded.plan, owner_uid = excluded.owner_uid, "
                       "state = excluded.state, is_open = excluded.is_open, "
                       "start_time_ns = excluded.start_time_ns, "
                       "end_time_ns = excluded.end_time_ns, "
                       "observe_time_ns = excluded.observe_time_ns, content = excluded.content"));
  run_.BindResults(find_run_);
  find_run_.exchange(soci::use(name_));
  Prepare(find_run_, absl::StrCat("SELECT ", kRunColumns, " FROM runs WHERE name = :name"));
  run_.BindResults(runs_of_chain_);
  runs_of_chain_.exchange(soci::use(id_));
  runs_of_chain_.exchange(soci::use(cluster_));
  Prepare(runs_of_chain_, absl::StrCat("SELECT ", kRunColumns,
                                       " FROM runs WHERE chain_job_id = :id AND cluster = :cluster "
                                       "ORDER BY first_submit_ns DESC, update_time_ns DESC, name"));
  run_.BindValues(put_run_);
  Prepare(
      put_run_,
      absl::StrCat("INSERT INTO runs (", kRunColumns,
                   ") VALUES (:name, :owner, :plan, :given, :title, :cluster, :chain, :submitted, "
                   ":state, :open, :count, :created, :updated, :started, :ended, :settings) "
                   "ON CONFLICT (name) DO UPDATE SET owner_uid = excluded.owner_uid, "
                   "plan = excluded.plan, given_plan = excluded.given_plan, "
                   "title = excluded.title, first_submit_ns = excluded.first_submit_ns, "
                   "state = excluded.state, is_open = excluded.is_open, "
                   "job_count = excluded.job_count, update_time_ns = excluded.update_time_ns, "
                   "start_time_ns = excluded.start_time_ns, end_time_ns = excluded.end_time_ns, "
                   "settings = excluded.settings"));
}

std::optional<StoredJob> RunRows::FindJob(const StoredJob& key) {
  cluster_ = key.cluster;
  id_ = key.job_id;
  time_ = key.submit_time_ns;
  std::optional<StoredJob> found;
  ForEach(find_job_, [&] { found = job_.Get(); });
  return found;
}

std::vector<StoredJob> RunRows::JobsOf(const std::string& run) {
  name_ = run;
  std::vector<StoredJob> jobs;
  ForEach(jobs_of_, [&] { jobs.push_back(job_.Get()); });
  return jobs;
}

void RunRows::PutJob(const StoredJob& job) {
  job_.Set(job);
  put_job_.execute(true);
}

std::optional<StoredRun> RunRows::FindRun(const std::string& name) {
  name_ = name;
  std::optional<StoredRun> found;
  ForEach(find_run_, [&] { found = run_.Get(); });
  return found;
}

std::vector<StoredRun> RunRows::RunsOfChain(const std::string& cluster,
                                            const std::string& chain_job_id) {
  cluster_ = cluster;
  id_ = chain_job_id;
  std::vector<StoredRun> runs;
  ForEach(runs_of_chain_, [&] { runs.push_back(run_.Get()); });
  return runs;
}

void RunRows::PutRun(const StoredRun& run) {
  run_.Set(run);
  put_run_.execute(true);
}

}  // namespace rhumb::daemon
