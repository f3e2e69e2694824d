-- SPDX-License-Identifier: Apache-2.0
-- GPU types that somebody applied, beside those of the catalogue or in the place of one. Columns as those of clusters.

CREATE TABLE gpu_types (
  name           TEXT    NOT NULL PRIMARY KEY,  -- gpuTypes/...
  version        INTEGER NOT NULL,
  owner_uid      INTEGER NOT NULL,
  update_time_ns INTEGER NOT NULL,
  content        BLOB    NOT NULL
) STRICT;

CREATE INDEX gpu_types_by_time ON gpu_types (update_time_ns, name);
