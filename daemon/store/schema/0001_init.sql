-- SPDX-License-Identifier: Apache-2.0
-- Times are nanoseconds since 1970 in UTC. Messages are opaque bytes beside the columns that are asked for.

CREATE TABLE plans (
  name           TEXT    NOT NULL PRIMARY KEY,  -- plans/p-..., a hash of request and inputs
  owner_uid      INTEGER NOT NULL,
  create_time_ns INTEGER NOT NULL,
  state          TEXT    NOT NULL,
  law            TEXT    NOT NULL,
  basic          BLOB    NOT NULL,              -- the plan as lists show it; before the long columns on purpose
  plan           BLOB    NOT NULL,
  request        BLOB    NOT NULL,              -- resolved, deterministic bytes
  inputs         BLOB    NOT NULL               -- everything else the answer depends on
) STRICT;

-- Keyset paging, newest first.
CREATE INDEX plans_by_time ON plans (create_time_ns, name);

CREATE TABLE clusters (
  name           TEXT    NOT NULL PRIMARY KEY,
  version        INTEGER NOT NULL,
  owner_uid      INTEGER NOT NULL,
  update_time_ns INTEGER NOT NULL,
  content        BLOB    NOT NULL
) STRICT;

CREATE INDEX clusters_by_time ON clusters (update_time_ns, name);

-- Requests answered within the last day or more, so that a repetition gets the same answer.
CREATE TABLE request_ids (
  owner_uid      INTEGER NOT NULL,
  id             TEXT    NOT NULL,
  method         TEXT    NOT NULL,
  content_hash   TEXT    NOT NULL,
  resource_name  TEXT    NOT NULL,
  create_time_ns INTEGER NOT NULL,
  PRIMARY KEY (owner_uid, id)
) STRICT;

CREATE INDEX request_ids_by_time ON request_ids (create_time_ns);
CREATE INDEX request_ids_by_resource ON request_ids (resource_name);
