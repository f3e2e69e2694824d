// SPDX-License-Identifier: Apache-2.0
#include "daemon/store/run_store.h"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/store/rows.h"
#include "daemon/store/run_rows.h"
#include "daemon/store/soci.h"
#include "planner/sha256.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Undoes a transaction whose answer alone was wanted.
constexpr absl::StatusCode kDryRun = absl::StatusCode::kCancelled;

absl::Status EndOf(bool dry_run) {
  return dry_run ? absl::Status(kDryRun, "nothing is stored") : absl::OkStatus();
}

absl::Status WithoutDryRun(const absl::Status& status, bool dry_run) {
  return dry_run && status.code() == kDryRun ? absl::OkStatus() : status;
}

// A run by the job that made it, the same whenever the news of it come.
std::string NameByJob(const StoredJob& job) {
  const std::string hash =
      Sha256Hex(absl::StrCat(job.cluster, " ", job.job_id, " ", job.submit_time_ns));
  return absl::StrCat("runs/r-", hash.substr(0, 20));
}

std::string KeyOf(const StoredJob& job) {
  return absl::StrCat(job.job_id, " ", job.submit_time_ns);
}

bool IsFirst(const StoredJob& job) { return job.chain_job_id.empty(); }

// Binds new jobs to runs. A run is known by its first job: cluster, id, owner and time of
// submission, which is 0 until that job is known. Every job is of the latest such run that began
// before it was submitted; what came too early moves when the first job is known.
class Binder {
 public:
  Binder(RunRows& rows, const JobNews& news) : rows_(rows), news_(news) {}

  // Name of the run of `job`, which is stored.
  std::string RunOf(const StoredJob& job) { return IsFirst(job) ? OfFirst(job) : OfLater(job); }

  void Touch(const std::string& run) { touched_.insert(run); }
  const std::set<std::string>& touched() const { return touched_; }

 private:
  // The run of `job`'s chain that `job` goes on with, or that expects it.
  std::optional<StoredRun> Before(const StoredJob& job) {
    const std::string& first = IsFirst(job) ? job.job_id : job.chain_job_id;
    std::optional<StoredRun> claimed;
    for (const StoredRun& run : rows_.RunsOfChain(job.cluster, first)) {
      if (run.first_submit_ns > job.submit_time_ns) continue;
      if (run.owner_uid == job.owner_uid) return run;
      // Whoever starts jobs for others said before that there would be one.
      if (run.job_count == 0 && run.first_submit_ns == 0 && news_.is_operator(run.owner_uid)) {
        claimed = run;
      }
    }
    return claimed;
  }

  std::string Put(StoredRun run, const StoredJob& job) {
    run.owner_uid = job.owner_uid;
    ++run.job_count;
    rows_.PutRun(run);
    touched_.insert(run.name);
    return run.name;
  }

  StoredRun Fresh(const StoredJob& job, const std::string& first, int64_t first_submit_ns) {
    StoredRun run;
    run.name = NameByJob(job);
    run.cluster = job.cluster;
    run.chain_job_id = first;
    run.first_submit_ns = first_submit_ns;
    run.create_time_ns = run.update_time_ns = news_.now_ns;
    return run;
  }

  std::string OfLater(const StoredJob& job) {
    const std::optional<StoredRun> before = Before(job);
    return Put(before.has_value() ? *before : Fresh(job, job.chain_job_id, 0), job);
  }

  std::string OfFirst(const StoredJob& job) {
    std::optional<StoredRun> before = Before(job);
    std::vector<StoredJob> mine;
    if (before.has_value()) {
      for (const StoredJob& each : rows_.JobsOf(before->name)) {
        if (!IsFirst(each) && each.submit_time_ns >= job.submit_time_ns) mine.push_back(each);
      }
      const bool all = static_cast<int64_t>(mine.size()) == before->job_count;
      if (before->first_submit_ns == 0 && all) {
        before->first_submit_ns = job.submit_time_ns;
        return Put(*before, job);
      }
    }
    const std::string name = Put(Fresh(job, job.job_id, job.submit_time_ns), job);
    for (StoredJob& each : mine) {
      touched_.insert(each.run);
      each.run = name;
      rows_.PutJob(each);
    }
    return name;
  }

  RunRows& rows_;
  const JobNews& news_;
  std::set<std::string> touched_;
};

// What a run has from its jobs.
void Summarize(RunRows& rows, const std::string& name, int64_t now_ns) {
  std::optional<StoredRun> run = rows.FindRun(name);
  const std::vector<StoredJob> jobs = rows.JobsOf(name);
  if (!run.has_value() || jobs.empty()) return;
  std::vector<JobState> states;
  run->plan = run->given_plan;
  run->start_time_ns = run->end_time_ns = 0;
  for (const StoredJob& job : jobs) {
    states.push_back(job.state);
    if (run->plan.empty()) run->plan = job.plan;
    if (job.start_time_ns > 0 &&
        (run->start_time_ns == 0 || job.start_time_ns < run->start_time_ns)) {
      run->start_time_ns = job.start_time_ns;
    }
    run->end_time_ns = std::max(run->end_time_ns, job.end_time_ns);
  }
  run->state = StateOfRun(states);
  if (IsOpen(run->state)) run->end_time_ns = 0;
  run->job_count = static_cast<int64_t>(jobs.size());
  run->update_time_ns = now_ns;
  rows.PutRun(*run);
}

// `known` with what `news` says; equal content: nothing new.
StoredJob Merge(const StoredJob& known, const StoredJob& news, const JobNews& how) {
  const bool older = news.observe_time_ns < known.observe_time_ns;
  // Nobody saw a lost job end: an end that somebody saw is better.
  const bool found = known.state == JobState::kLost && !IsOpen(news.state);
  const bool stale = IsOpen(known.state) ? IsOpen(news.state) && older : !found;
  StoredJob merged = stale ? how.fill_gaps(known, news) : how.fill_gaps(news, known);
  merged.observe_time_ns = std::max(known.observe_time_ns, news.observe_time_ns);
  merged.run = known.run;
  // What binds it to its run stays as it was first told.
  merged.chain_job_id = known.chain_job_id;
  merged.owner_uid = known.owner_uid;
  return merged;
}

// A job that is expected has no submit time.
std::vector<StoredJob> SelectOpenJobs(soci::session& session, const std::string& cluster,
                                      const std::unordered_set<std::string>& mentioned,
                                      int64_t now_ns) {
  std::vector<StoredJob> open;
  StoredJob job;
  job.cluster = cluster;
  std::string state;
  Integer submitted = 0, owner = 0;
  soci::statement select =
      (session.prepare << "SELECT job_id, submit_time_ns, owner_uid, state, run FROM jobs "
                          "WHERE cluster = :cluster AND is_open = 1",
       soci::use(cluster), soci::into(job.job_id), soci::into(submitted), soci::into(owner),
       soci::into(state), soci::into(job.run));
  select.execute();
  while (select.fetch()) {
    job.submit_time_ns = submitted;
    job.owner_uid = owner;
    job.state = FindJobState(state).value_or(JobState::kRunning);
    if (mentioned.count(KeyOf(job)) == 0) open.push_back(job);
  }
  // Those that somebody created a run for lately, and of which nothing has been told yet.
  Integer count = 0;
  const Integer since = now_ns - kExpectedRunNs;
  StoredJob expected;
  expected.cluster = cluster;
  expected.state = JobState::kPending;
  soci::statement select_expected =
      (session.prepare << "SELECT chain_job_id, owner_uid, name, job_count FROM runs "
                          "WHERE cluster = :cluster AND is_open = 1 AND update_time_ns > :since",
       soci::use(cluster), soci::use(since), soci::into(expected.job_id), soci::into(owner),
       soci::into(expected.run), soci::into(count));
  select_expected.execute();
  while (select_expected.fetch()) {
    expected.owner_uid = owner;
    if (count == 0) open.push_back(expected);
  }
  std::sort(open.begin(), open.end(), [](const StoredJob& a, const StoredJob& b) {
    return std::pair(a.submit_time_ns, a.job_id) < std::pair(b.submit_time_ns, b.job_id);
  });
  return open;
}

std::optional<StoredRun> FindWithJobs(RunRows& rows, const std::string& name) {
  std::optional<StoredRun> run = rows.FindRun(name);
  if (run.has_value()) run->jobs = rows.JobsOf(name);
  return run;
}

// Names of runs of the job of that id, one a cluster.
std::vector<std::string> NamesByJob(soci::session& session, const std::string& cluster,
                                    const std::string& job_id) {
  std::vector<std::string> names;
  std::set<std::string> clusters;
  std::string name, of;
  const auto add = [&](const std::string& sql) {
    soci::statement select = (session.prepare << sql, soci::use(job_id, "id"),
                              soci::use(cluster, "cluster"), soci::into(name), soci::into(of));
    select.execute();
    while (select.fetch()) {
      if (clusters.insert(of).second) names.push_back(name);
    }
  };
  add("SELECT run, cluster FROM jobs WHERE job_id = :id AND (:cluster = '' OR cluster = :cluster) "
      "ORDER BY cluster, submit_time_ns DESC");
  // Nobody has told of the job yet, but a run expects it.
  add("SELECT name, cluster FROM runs WHERE chain_job_id = :id AND first_submit_ns = 0 AND "
      "cluster <> '' AND (:cluster = '' OR cluster = :cluster) "
      "ORDER BY cluster, update_time_ns DESC");
  return names;
}

// The run that the first job of `asked` belongs to: as it was told, as `asked`'s owner or an
// operator expects it. What others expect keeps nobody from a job of his own.
std::optional<StoredRun> FindForJob(soci::session& session, RunRows& rows, const StoredRun& asked,
                                    const IsOperator& is_operator) {
  for (const std::string& name : NamesByJob(session, asked.cluster, asked.chain_job_id)) {
    std::optional<StoredRun> run = FindWithJobs(rows, name);
    if (!run.has_value()) continue;
    if (run->job_count > 0 || run->owner_uid == asked.owner_uid || is_operator(run->owner_uid)) {
      return run;
    }
  }
  std::string own;
  const Integer owner = asked.owner_uid;
  session << "SELECT name FROM runs WHERE chain_job_id = :id AND cluster = :cluster AND "
             "first_submit_ns = 0 AND owner_uid = :owner ORDER BY update_time_ns DESC LIMIT 1",
      soci::use(asked.chain_job_id), soci::use(asked.cluster), soci::use(owner), soci::into(own);
  return session.got_data() ? FindWithJobs(rows, own) : std::nullopt;
}

absl::Status CheckExpectedRuns(soci::session& session, const StoredRun& asked) {
  const Integer owner = asked.owner_uid, since = asked.create_time_ns - kExpectedRunNs;
  Integer count = 0;
  session << "SELECT COUNT(*) FROM runs WHERE is_open = 1 AND job_count = 0 AND cluster <> '' AND "
             "owner_uid = :owner AND create_time_ns > :since",
      soci::use(owner), soci::use(since), soci::into(count);
  if (count < kMaxExpectedRuns) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "uid ", asked.owner_uid, " has ", count,
      " runs of jobs that no agent has told of yet; allowed: ", kMaxExpectedRuns, " at a time"));
}

}  // namespace

absl::StatusOr<StoredRun> RunStore::Create(const StoredRun& run, const RequestKey& key,
                                           bool dry_run, const IsOperator& is_operator,
                                           const MayAnswer& may_answer) {
  StoredRun stored = run;
  const absl::Status status = database_.Write([&](soci::session& session) -> absl::Status {
    RunRows rows(session);
    std::optional<StoredRun> known;
    if (!key.id.empty()) {
      RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> made, SelectRequest(session, key));
      if (made.has_value()) known = FindWithJobs(rows, *made);
      if (known.has_value()) {
        stored = *known;
        return absl::OkStatus();
      }
    }
    if (!run.chain_job_id.empty()) known = FindForJob(session, rows, run, is_operator);
    if (!known.has_value() && !run.chain_job_id.empty() && !is_operator(run.owner_uid)) {
      RHUMB_RETURN_IF_ERROR(CheckExpectedRuns(session, run));
    }
    if (known.has_value()) {
      RHUMB_RETURN_IF_ERROR(may_answer(*known));
      stored = *known;
      if (stored.plan.empty()) stored.plan = stored.given_plan = run.plan;
      if (stored.title.empty()) stored.title = run.title;
      if (stored.settings.empty()) stored.settings = run.settings;
      if (stored.plan != known->plan || stored.title != known->title ||
          stored.settings != known->settings) {
        stored.update_time_ns = run.update_time_ns;
        rows.PutRun(stored);
      }
    } else {
      rows.PutRun(run);
    }
    RHUMB_RETURN_IF_ERROR(InsertRequest(session, key, stored.name, run.create_time_ns));
    return EndOf(dry_run);
  });
  RHUMB_RETURN_IF_ERROR(WithoutDryRun(status, dry_run));
  return stored;
}

absl::StatusOr<std::optional<StoredRun>> RunStore::Find(absl::string_view name) {
  std::optional<StoredRun> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    RunRows rows(session);
    found = FindWithJobs(rows, std::string(name));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<StoredRun>> RunStore::FindByJob(absl::string_view cluster,
                                                           absl::string_view job_id) {
  std::vector<StoredRun> found;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    RunRows rows(session);
    for (const std::string& name : NamesByJob(session, std::string(cluster), std::string(job_id))) {
      std::optional<StoredRun> run = FindWithJobs(rows, name);
      if (run.has_value()) found.push_back(*std::move(run));
    }
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<StoredRun>> RunStore::List(const RunFilter& filter,
                                                      const std::optional<ListPosition>& after,
                                                      int limit) {
  std::vector<StoredRun> runs;
  const ListPosition start = StartOf(after);
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    const Integer time = start.time_ns;
    RunRow row(session);
    soci::statement select(session);
    row.BindResults(select);
    // One index a combination: each page is a range of it.
    std::string where;
    if (!filter.plan.empty()) {
      where += "plan = :plan AND ";
      select.exchange(soci::use(filter.plan));
    }
    if (!filter.cluster.empty()) {
      where += "cluster = :cluster AND ";
      select.exchange(soci::use(filter.cluster));
    }
    if (filter.open_only) where += "is_open = 1 AND ";
    select.exchange(soci::use(time));
    select.exchange(soci::use(start.name));
    select.exchange(soci::use(limit));
    select.alloc();
    select.prepare(absl::StrCat("SELECT ", kRunColumns, " FROM runs WHERE ", where,
                                "(update_time_ns, name) < (:time, :name) "
                                "ORDER BY update_time_ns DESC, name DESC LIMIT :count"));
    select.define_and_bind();
    select.execute();
    while (select.fetch()) runs.push_back(row.Get());
    RunRows rows(session);
    for (StoredRun& run : runs) {
      if (run.job_count > 0) run.jobs = rows.JobsOf(run.name);
    }
    return absl::OkStatus();
  }));
  return runs;
}

absl::StatusOr<std::vector<std::pair<JobState, int64_t>>> RunStore::CountByState() {
  std::vector<std::pair<JobState, int64_t>> counts;
  RHUMB_RETURN_IF_ERROR(database_.Read([&](soci::session& session) {
    std::string state;
    Integer count = 0;
    soci::statement select =
        (session.prepare << "SELECT state, COUNT(*) FROM runs GROUP BY state ORDER BY state",
         soci::into(state), soci::into(count));
    select.execute();
    while (select.fetch()) {
      if (const std::optional<JobState> known = FindJobState(state))
        counts.emplace_back(*known, count);
    }
    return absl::OkStatus();
  }));
  return counts;
}

absl::StatusOr<StoredRun> RunStore::Update(absl::string_view name, const Change& change) {
  StoredRun stored;
  RHUMB_RETURN_IF_ERROR(database_.Write([&](soci::session& session) -> absl::Status {
    RunRows rows(session);
    const std::optional<StoredRun> known = FindWithJobs(rows, std::string(name));
    if (!known.has_value()) return absl::NotFoundError(absl::StrCat(name, " does not exist"));
    stored = *known;
    RHUMB_ASSIGN_OR_RETURN(const bool changed, change(stored));
    if (changed) rows.PutRun(stored);
    return absl::OkStatus();
  }));
  return stored;
}

absl::StatusOr<JobNewsAnswer> RunStore::Sync(const JobNews& news) {
  JobNewsAnswer answer;
  const absl::Status status = database_.Write([&](soci::session& session) -> absl::Status {
    answer = {};
    RunRows rows(session);
    Binder binder(rows, news);
    std::unordered_set<std::string> mentioned;
    for (const StoredJob& job : news.jobs) {
      mentioned.insert(KeyOf(job));
      const std::optional<StoredJob> known = rows.FindJob(job);
      if (known.has_value() && job.content == known->content) continue;
      StoredJob next = known.has_value() ? Merge(*known, job, news) : job;
      if (known.has_value() && next.content == known->content) continue;
      if (!known.has_value()) next.run = binder.RunOf(job);
      rows.PutJob(next);
      binder.Touch(next.run);
      ++answer.changed_job_count;
    }
    for (const std::string& run : binder.touched()) Summarize(rows, run, news.now_ns);
    answer.open_jobs = SelectOpenJobs(session, news.cluster, mentioned, news.now_ns);
    return EndOf(news.dry_run);
  });
  RHUMB_RETURN_IF_ERROR(WithoutDryRun(status, news.dry_run));
  return answer;
}

}  // namespace rhumb::daemon
