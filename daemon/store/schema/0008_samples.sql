-- SPDX-License-Identifier: Apache-2.0
-- What training processes report of runs, and what was noticed and changed on the way. Times are nanoseconds since 1970.

ALTER TABLE runs ADD COLUMN settings BLOB NOT NULL DEFAULT x'';  -- message bytes: what is trained, and on what

-- A process, or job, that reported.
CREATE TABLE run_attempts (
  attempt_key         INTEGER NOT NULL PRIMARY KEY,
  run                 TEXT    NOT NULL REFERENCES runs (name),
  attempt_id          TEXT    NOT NULL,              -- as the reporter calls it
  number              INTEGER NOT NULL,              -- 1: the first of the run that reported
  first_time_ns       INTEGER NOT NULL,
  last_time_ns        INTEGER NOT NULL,
  sample_count        INTEGER NOT NULL,              -- as reported, rolled up ones included
  first_step          INTEGER NOT NULL,
  last_step           INTEGER NOT NULL,
  first_token_count   INTEGER NOT NULL,
  last_token_count    INTEGER NOT NULL,
  last_sequence       INTEGER NOT NULL,
  -- How far each level of the roll-up has come, and the time of the first row beyond.
  raw_sequence        INTEGER NOT NULL,
  raw_time_ns         INTEGER NOT NULL,
  ten_second_sequence INTEGER NOT NULL,
  ten_second_time_ns  INTEGER NOT NULL,
  five_minute_sequence INTEGER NOT NULL,
  five_minute_time_ns INTEGER NOT NULL,
  UNIQUE (run, number),
  UNIQUE (run, attempt_id)
) STRICT;

CREATE INDEX run_attempts_by_raw_time ON run_attempts (raw_time_ns);
CREATE INDEX run_attempts_by_ten_second_time ON run_attempts (ten_second_time_ns);
CREATE INDEX run_attempts_by_five_minute_time ON run_attempts (five_minute_time_ns);

-- A row stands for the samples first_sequence to sequence, which no other row does: one as reported, or the mean of
-- several, with time, step and tokens of the last.
CREATE TABLE run_samples (
  attempt_key          INTEGER NOT NULL,             -- of run_attempts; not checked on each of so many rows
  sequence             INTEGER NOT NULL,
  first_sequence       INTEGER NOT NULL,
  sample_count         INTEGER NOT NULL,
  time_ns              INTEGER NOT NULL,
  step                 INTEGER NOT NULL,
  token_count          INTEGER NOT NULL,
  loss_nats            REAL,
  validation_loss_nats REAL,
  step_seconds         REAL,
  tokens_per_second    REAL,
  learning_rate        REAL,
  gradient_norm        REAL,
  noise_scale_tokens   REAL,
  peak_memory_bytes    INTEGER,                      -- highest, not mean
  loss_not_finite      INTEGER NOT NULL,             -- 1: that of one of its steps was NaN or infinite
  -- Samples that each of the means above is over, in their order; NULL: sample_count.
  mean_counts          TEXT,
  PRIMARY KEY (attempt_key, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE run_alarms (
  run           TEXT    NOT NULL REFERENCES runs (name),
  kind          TEXT    NOT NULL,
  code          TEXT    NOT NULL,
  raise_time_ns INTEGER NOT NULL,
  clear_time_ns INTEGER NOT NULL,                    -- 0: it lasts
  content       BLOB    NOT NULL,                    -- message bytes
  PRIMARY KEY (run, raise_time_ns, kind, code)
) STRICT;

-- Changes of a run's plan, never changed themselves.
CREATE TABLE run_replans (
  run       TEXT    NOT NULL REFERENCES runs (name),
  number    INTEGER NOT NULL,                        -- 1: the first
  time_ns   INTEGER NOT NULL,
  from_plan TEXT    NOT NULL,                        -- plans/..., may be empty
  to_plan   TEXT    NOT NULL,
  owner_uid INTEGER NOT NULL,                        -- who asked
  content   BLOB    NOT NULL,                        -- message bytes
  PRIMARY KEY (run, number)
) STRICT;
