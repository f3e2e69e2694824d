-- SPDX-License-Identifier: Apache-2.0
-- Observations of training runs, and the laws fitted to them or imported. Neither is ever changed once stored.

CREATE TABLE observation_sets (
  name           TEXT    NOT NULL PRIMARY KEY,  -- observations/...
  owner_uid      INTEGER NOT NULL,
  create_time_ns INTEGER NOT NULL,
  content_hash   TEXT    NOT NULL,              -- of conventions and rows
  row_count      INTEGER NOT NULL,
  header         BLOB    NOT NULL               -- message bytes without rows and what the other columns say
) STRICT;

CREATE INDEX observation_sets_by_time ON observation_sets (create_time_ns, name);

-- The rows of a set in their order, some thousands at a time, so that a page reads no more than it shows.
CREATE TABLE observation_chunks (
  set_name  TEXT    NOT NULL REFERENCES observation_sets (name) ON DELETE CASCADE,
  first_row INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  rows      BLOB    NOT NULL,
  PRIMARY KEY (set_name, first_row)
) STRICT;

-- Outlives the versions of a law, so that none of their numbers is ever given twice.
CREATE TABLE law_names (
  name         TEXT    NOT NULL PRIMARY KEY,    -- laws/...
  owner_uid    INTEGER NOT NULL,
  last_version INTEGER NOT NULL
) STRICT;

CREATE TABLE laws (
  name           TEXT    NOT NULL REFERENCES law_names (name),
  version        INTEGER NOT NULL,
  owner_uid      INTEGER NOT NULL,              -- who stored this version
  create_time_ns INTEGER NOT NULL,
  origin_hash    TEXT    NOT NULL,              -- equal for equal data and options, or equal imported content
  observations   TEXT    NOT NULL,              -- observations/... it was fitted on, empty when imported
  law            BLOB    NOT NULL,
  fit            BLOB    NOT NULL,              -- what the fit answered, empty when imported
  PRIMARY KEY (name, version)
) STRICT;

CREATE INDEX laws_by_observations ON laws (observations);
