-- SPDX-License-Identifier: Apache-2.0
-- Runs, and the jobs of schedulers that carry them out. Times are nanoseconds since 1970; 0: not yet.

CREATE TABLE runs (
  name            TEXT    NOT NULL PRIMARY KEY,  -- runs/r-...
  owner_uid       INTEGER NOT NULL,
  plan            TEXT    NOT NULL,              -- plans/..., may be empty
  given_plan      TEXT    NOT NULL,              -- what its creator said; empty: that of its jobs
  title           TEXT    NOT NULL,
  cluster         TEXT    NOT NULL,              -- clusters/... of its jobs; empty: it has and expects none
  chain_job_id    TEXT    NOT NULL,              -- of the first of its jobs, which need not be known
  first_submit_ns INTEGER NOT NULL,              -- of that job; 0: it is not known
  state           TEXT    NOT NULL,              -- as planner/track names it
  is_open         INTEGER NOT NULL,              -- 1: waits or runs
  job_count       INTEGER NOT NULL,
  create_time_ns  INTEGER NOT NULL,
  update_time_ns  INTEGER NOT NULL,
  start_time_ns   INTEGER NOT NULL,
  end_time_ns     INTEGER NOT NULL
) STRICT;

CREATE INDEX runs_by_time ON runs (update_time_ns, name);
CREATE INDEX runs_by_plan ON runs (plan, update_time_ns, name);
CREATE INDEX runs_by_cluster ON runs (cluster, update_time_ns, name);
CREATE INDEX runs_open_by_time ON runs (update_time_ns, name) WHERE is_open = 1;
CREATE INDEX runs_open_by_cluster ON runs (cluster, update_time_ns, name) WHERE is_open = 1;
CREATE INDEX runs_by_first_job ON runs (chain_job_id, cluster, first_submit_ns);

-- Schedulers give ids again: a job is known by when it was submitted too.
CREATE TABLE jobs (
  cluster         TEXT    NOT NULL,              -- clusters/...
  job_id          TEXT    NOT NULL,
  submit_time_ns  INTEGER NOT NULL,
  run             TEXT    NOT NULL REFERENCES runs (name),
  chain_job_id    TEXT    NOT NULL,              -- empty: it is the first of its run
  plan            TEXT    NOT NULL,
  owner_uid       INTEGER NOT NULL,
  state           TEXT    NOT NULL,
  is_open         INTEGER NOT NULL,
  start_time_ns   INTEGER NOT NULL,
  end_time_ns     INTEGER NOT NULL,
  observe_time_ns INTEGER NOT NULL,              -- of the news that last changed it
  content         BLOB    NOT NULL,              -- message bytes
  PRIMARY KEY (cluster, job_id, submit_time_ns)
) STRICT;

CREATE INDEX jobs_by_run ON jobs (run, submit_time_ns, job_id);
CREATE INDEX jobs_by_id ON jobs (job_id, cluster, submit_time_ns);
CREATE INDEX jobs_open ON jobs (cluster) WHERE is_open = 1;
