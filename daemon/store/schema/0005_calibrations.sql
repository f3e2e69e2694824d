-- SPDX-License-Identifier: Apache-2.0
-- Calibrations of the step-time model: the newest version of each name in columns as those of clusters, beside every
-- version there was, for the plans that name one.

CREATE TABLE calibrations (
  name           TEXT    NOT NULL PRIMARY KEY,  -- calibrations/...
  version        INTEGER NOT NULL,
  owner_uid      INTEGER NOT NULL,
  update_time_ns INTEGER NOT NULL,
  content        BLOB    NOT NULL
) STRICT;

CREATE INDEX calibrations_by_time ON calibrations (update_time_ns, name);

CREATE TABLE calibration_versions (
  name           TEXT    NOT NULL REFERENCES calibrations (name) ON DELETE CASCADE,
  version        INTEGER NOT NULL,
  owner_uid      INTEGER NOT NULL,
  update_time_ns INTEGER NOT NULL,
  content        BLOB    NOT NULL,
  PRIMARY KEY (name, version)
) STRICT;

-- Outlives the versions of a name, so that none of their numbers is ever given twice.
CREATE TABLE calibration_numbers (
  name         TEXT    NOT NULL PRIMARY KEY,
  last_version INTEGER NOT NULL
) STRICT;
