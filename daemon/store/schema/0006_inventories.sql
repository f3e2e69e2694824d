-- SPDX-License-Identifier: Apache-2.0
-- What agents last saw of the nodes of clusters, in columns as those of clusters, and GPUs promised to somebody.

CREATE TABLE inventories (
  name           TEXT    NOT NULL PRIMARY KEY,  -- clusters/...
  version        INTEGER NOT NULL,
  owner_uid      INTEGER NOT NULL,
  update_time_ns INTEGER NOT NULL,
  content        BLOB    NOT NULL
) STRICT;

CREATE INDEX inventories_by_time ON inventories (update_time_ns, name);

CREATE TABLE reservations (
  name           TEXT    NOT NULL PRIMARY KEY,  -- reservations/r-...
  owner_uid      INTEGER NOT NULL,
  cluster        TEXT    NOT NULL,
  partition_name TEXT    NOT NULL,              -- empty: any
  gpu_type       TEXT    NOT NULL,
  gpu_count      INTEGER NOT NULL,
  plan           TEXT    NOT NULL,              -- plans/..., may be empty
  create_time_ns INTEGER NOT NULL,
  expire_time_ns INTEGER NOT NULL
) STRICT;

CREATE INDEX reservations_by_cluster ON reservations (cluster, expire_time_ns);
