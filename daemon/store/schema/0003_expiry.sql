-- SPDX-License-Identifier: Apache-2.0
-- Sets imported for one piece of work: dropped when that gives them back, or when their time is up because it could not.

ALTER TABLE observation_sets ADD COLUMN expire_time_ns INTEGER NOT NULL DEFAULT 0;  -- 0: stays until deleted
ALTER TABLE observation_sets ADD COLUMN holder_count   INTEGER NOT NULL DEFAULT 0;  -- imports not given back yet

CREATE INDEX observation_sets_by_expiry ON observation_sets (expire_time_ns) WHERE expire_time_ns > 0;
